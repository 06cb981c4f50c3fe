#include "builder/context/listing.h"

#include <algorithm>

namespace slipway::builder {

parser::PatternMatcher::State Node::patterns_below() const {
  return patterns ? *patterns : parser::PatternMatcher::State();
}

std::optional<base::Digest> Node::find_known_digest() const {
  return known_digest == nullptr
             ? std::nullopt
             : std::optional(base::Digest::from_sha256_raw({known_digest, kSha256Bytes}));
}

void Listing::add(std::string_view name, Node node) {
  names += name;
  node.name_end = names.size();
  nodes.push_back(std::move(node));
}

std::string_view Listing::name_of(const Node& node) const {
  std::size_t index = index_of(node);
  std::size_t begin = index == 0 ? 0 : nodes[index - 1].name_end;
  return std::string_view(names).substr(begin, node.name_end - begin);
}

Entry Listing::entry_of(const Node& node) const {
  Entry entry{.path = path.child(name_of(node))};
  fill(entry, node);
  return entry;
}

void Listing::fill(Entry& entry, const Node& node) const {
  entry.type = node.type;
  entry.mode = node.mode;
  entry.mtime = node.stamp.mtime;
  entry.size = node.type == EntryType::kFile ? node.stamp.size : 0;
  entry.digest = node.find_known_digest();
  static const RareAttributes kNone;
  const RareAttributes& rare = node.rare ? *node.rare : kNone;
  entry.link_target = rare.link_target;
  entry.device_major = rare.device_major;
  entry.device_minor = rare.device_minor;
  entry.xattrs = rare.xattrs;
}

const Node* Listing::find(std::string_view name) const {
  std::size_t index = likely.load(std::memory_order_relaxed);
  if (index >= nodes.size() || name_of(nodes[index]) != name) {
    auto place = std::lower_bound(
        nodes.begin(), nodes.end(), name,
        [&](const Node& node, std::string_view wanted) { return name_of(node) < wanted; });
    if (place == nodes.end() || name_of(*place) != name) {
      return nullptr;
    }
    index = static_cast<std::size_t>(place - nodes.begin());
  }
  likely.store(index + 1, std::memory_order_relaxed);
  return &nodes[index];
}

std::optional<base::Digest> Listing::find_digest(const Node& node) const {
  auto held = digests.lock();
  std::size_t index = index_of(node);
  if (held->empty() || (*held)[index].state == FoundDigest::State::kNone) {
    return std::nullopt;
  }
  const FoundDigest& found = (*held)[index];
  return base::Digest::from_sha256_raw({found.bytes.data(), found.bytes.size()});
}

void Listing::keep_digest(const Node& node, const base::Digest& digest,
                          FoundDigest::State state) const {
  std::string_view raw = digest.sha256_raw();
  auto held = digests.lock();
  held->resize(nodes.size());
  FoundDigest& found = (*held)[index_of(node)];
  std::copy(raw.begin(), raw.end(), found.bytes.begin());
  found.state = state;
}

std::string known_stats(const Listing& listing) {
  DirectoryStats stats;
  auto found = listing.digests.lock();
  for (std::size_t i = 0; i < listing.nodes.size(); ++i) {
    const Node& node = listing.nodes[i];
    StatRecord record{node.stamp, node.rare && !node.rare->xattrs.empty(), {}};
    if (i < found->size() && (*found)[i].state == FoundDigest::State::kSettled) {
      record.digest = {(*found)[i].bytes.data(), kSha256Bytes};
    } else if (node.known_digest != nullptr) {
      record.digest = {node.known_digest, kSha256Bytes};
    } else if (listing.is_settled) {
      stats.add_name(listing.name_of(node));
      continue;
    } else {
      continue;
    }
    stats.add(listing.name_of(node), record);
  }
  return stats.finish(listing.is_settled ? std::optional(listing.stamp) : std::nullopt);
}

// Of a directory that nobody looked at: not if its parent, or that one's, was seen without it.
bool may_still_exist(const base::ImagePath& directory, const Listings& listings) {
  for (base::ImagePath path = directory; !path.is_root(); path = path.parent()) {
    auto parent = listings.find(path.parent());
    if (parent != listings.end()) {
      const Node* node = parent->second->find(path.base_name());
      return node != nullptr && node->is_directory();
    }
  }
  return true;
}

}  // namespace slipway::builder
