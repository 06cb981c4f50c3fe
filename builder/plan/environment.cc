#include "builder/plan/environment.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/digest.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

std::array<std::uint64_t, 2> hash_of(std::string_view name, std::string_view value) {
  thread_local base::Sha256 sha;
  sha.update(base::cat(name.size(), ":"));
  sha.update(name);
  sha.update(value);
  std::string raw = sha.finish_raw();
  std::array<std::uint64_t, 2> hash{};
  std::memcpy(hash.data(), raw.data(), sizeof hash);
  return hash;
}

}  // namespace

Environment::Environment(const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) {
    auto pair = base::split_once(assignment, '=');
    if (pair) {
      set(pair->before, pair->after);
    } else {
      set(assignment, "");
    }
  }
}

void Environment::Tally::add(const Variable& variable) {
  ++count;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] += variable.hash[i];
  }
}

void Environment::Tally::remove(const Variable& variable) {
  --count;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] -= variable.hash[i];
  }
}

const Environment::Variable* Environment::find_in(const Layer& layer, std::string_view name) {
  const std::shared_ptr<const Variable>* found = layer.find(name);
  return found == nullptr ? nullptr : found->get();
}

const Environment::Variable* Environment::find_variable(std::string_view name) const {
  for (const Layer* layer : {&own_, &config_, &inherited_}) {
    if (const Variable* found = find_in(*layer, name)) {
      return found;
    }
  }
  return nullptr;
}

std::optional<std::string_view> Environment::find(std::string_view name) const {
  const Variable* found = find_variable(name);
  if (found == nullptr) {
    return std::nullopt;
  }
  return std::string_view(found->value);
}

void Environment::set(std::string_view name, std::string_view value) {
  put(name, value, Place::kLast);
}

void Environment::set_in_place(std::string_view name, std::string_view value) {
  assert(config_.size() == 0 && inherited_.size() == 0);
  put(name, value, Place::kSame);
}

void Environment::put(std::string_view name, std::string_view value, Place place) {
  Variable variable{std::string(value), next_turn_, hash_of(name, value)};
  if (const Variable* old = find_variable(name)) {
    total_.remove(*old);
    if (place == Place::kSame) {
      variable.turn = old->turn;
    }
  }
  next_turn_ += variable.turn == next_turn_ ? 1 : 0;
  total_.add(variable);
  own_.set(name, std::make_shared<const Variable>(std::move(variable)));
}

Environment Environment::continued(const Environment& config) const {
  assert(config.config_.size() == 0 && config.inherited_.size() == 0);
  Environment child;
  child.config_ = config.own_;
  child.inherited_ = inherited_;
  child.inherited_total_ = inherited_total_;
  child.next_turn_ = next_turn_;
  own_.for_each([&](std::string_view name, const std::shared_ptr<const Variable>& variable) {
    const Variable* former = find_in(inherited_, name);
    if (former != nullptr && find_in(config_, name) == nullptr) {
      child.inherited_total_.remove(*former);
    }
    if (find_in(config.own_, name) == nullptr) {
      child.inherited_.set(name, variable);
      child.inherited_total_.add(*variable);
    }
  });
  child.total_ = child.inherited_total_;
  child.total_.count += config.total_.count;
  for (std::size_t i = 0; i < child.total_.sum.size(); ++i) {
    child.total_.sum[i] += config.total_.sum[i];
  }
  return child;
}

std::vector<std::pair<std::string_view, std::string_view>> Environment::items() const {
  struct Item {
    std::uint64_t turn;
    std::string_view name;
    std::string_view value;
  };
  std::vector<Item> ordered;
  ordered.reserve(total_.count);
  // A layer's variables come after those of the layers below it; each has turns of its own.
  auto take = [&](const Layer& layer, auto is_hidden) {
    auto first = static_cast<std::ptrdiff_t>(ordered.size());
    layer.for_each([&](std::string_view name, const std::shared_ptr<const Variable>& variable) {
      if (!is_hidden(name)) {
        ordered.push_back({variable->turn, name, variable->value});
      }
    });
    std::sort(ordered.begin() + first, ordered.end(),
              [](const Item& left, const Item& right) { return left.turn < right.turn; });
  };
  auto in_own = [&](std::string_view name) { return find_in(own_, name) != nullptr; };
  take(inherited_,
       [&](std::string_view name) { return in_own(name) || find_in(config_, name) != nullptr; });
  take(config_, in_own);
  take(own_, [](std::string_view) { return false; });
  std::vector<std::pair<std::string_view, std::string_view>> items;
  items.reserve(ordered.size());
  for (const Item& item : ordered) {
    items.emplace_back(item.name, item.value);
  }
  return items;
}

std::vector<std::string> Environment::names() const {
  std::vector<std::string> names;
  names.reserve(size());
  for (const auto& [name, value] : items()) {
    names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> Environment::assignments() const {
  std::vector<std::string> assignments;
  assignments.reserve(size());
  for (const auto& [name, value] : items()) {
    assignments.push_back(base::cat(name, "=", value));
  }
  return assignments;
}

std::string Environment::fingerprint() const {
  return base::cat(total_.count, ".", total_.sum[0], ".", total_.sum[1]);
}

}  // namespace slipway::builder
