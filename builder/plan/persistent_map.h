#pragma once

// A sorted map from texts in versions that share nodes: a copy costs nothing, a change copies one
// path of a balanced (AVL) tree. There is no removal because nothing in a Dockerfile removes.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace slipway::builder {

template <typename Value>
class PersistentMap {
 public:
  std::size_t size() const { return size_; }

  // Null where the key is absent; valid as long as this map or a copy of it holds the entry.
  const Value* find(std::string_view key) const {
    const Node* node = root_.get();
    while (node != nullptr) {
      int order = key.compare(node->entry->key);
      if (order == 0) {
        return &node->entry->value;
      }
      node = (order < 0 ? node->left : node->right).get();
    }
    return nullptr;
  }

  // Adds the entry or takes the place of the one with that key.
  void set(std::string_view key, Value value) {
    auto entry = std::make_shared<const Entry>(Entry{std::string(key), std::move(value)});
    bool added = false;
    root_ = insert(root_, std::move(entry), added);
    size_ += added ? 1 : 0;
  }

  // Calls visit(key, value) for every entry in the order of keys.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    walk(root_.get(), visit);
  }

 private:
  struct Entry {
    std::string key;
    Value value;
  };
  struct Node;
  using Link = std::shared_ptr<const Node>;
  using EntryLink = std::shared_ptr<const Entry>;
  struct Node {
    EntryLink entry;
    Link left;
    Link right;
    int height = 1;
  };

  static int height(const Link& node) { return node ? node->height : 0; }

  static Link make(EntryLink entry, Link left, Link right) {
    int tallest = std::max(height(left), height(right));
    return std::make_shared<const Node>(
        Node{std::move(entry), std::move(left), std::move(right), tallest + 1});
  }

  // The node of two subtrees whose heights differ by at most two, balanced again.
  static Link balanced(const EntryLink& entry, const Link& left, const Link& right) {
    if (height(left) > height(right) + 1) {
      if (height(left->left) >= height(left->right)) {
        return make(left->entry, left->left, make(entry, left->right, right));
      }
      const Link& middle = left->right;
      return make(middle->entry, make(left->entry, left->left, middle->left),
                  make(entry, middle->right, right));
    }
    if (height(right) > height(left) + 1) {
      if (height(right->right) >= height(right->left)) {
        return make(right->entry, make(entry, left, right->left), right->right);
      }
      const Link& middle = right->left;
      return make(middle->entry, make(entry, left, middle->left),
                  make(right->entry, middle->right, right->right));
    }
    return make(entry, left, right);
  }

  static Link insert(const Link& node, EntryLink entry, bool& added) {
    if (!node) {
      added = true;
      return make(std::move(entry), nullptr, nullptr);
    }
    int order = entry->key.compare(node->entry->key);
    if (order == 0) {
      return make(std::move(entry), node->left, node->right);
    }
    if (order < 0) {
      return balanced(node->entry, insert(node->left, std::move(entry), added), node->right);
    }
    return balanced(node->entry, node->left, insert(node->right, std::move(entry), added));
  }

  template <typename Visit>
  static void walk(const Node* node, const Visit& visit) {
    if (node != nullptr) {
      walk(node->left.get(), visit);
      visit(std::string_view(node->entry->key), node->entry->value);
      walk(node->right.get(), visit);
    }
  }

  Link root_;
  std::size_t size_ = 0;
};

}  // namespace slipway::builder
