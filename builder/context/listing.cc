#include "builder/context/listing.h"

#include <algorithm>

namespace slipway::builder {

using base::ImagePath;

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
  std::size_t index = static_cast<std::size_t>(&node - nodes.data());
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
  FoundDigest& found = (*held)[static_cast<std::size_t>(&node - nodes.data())];
  std::copy(raw.begin(), raw.end(), found.bytes.begin());
  found.state = state;
}

// What is known of the files of a directory that was listed.
std::string known_stats(const Listing& listing) {
  std::string records;
  auto found = listing.digests.lock();
  for (std::size_t i = 0; i < listing.nodes.size(); ++i) {
    const Node& node = listing.nodes[i];
    StatRecord record{node.stamp, !node.entry.xattrs.empty(), {}};
    if (i < found->size() && (*found)[i].state == FoundDigest::State::kSettled) {
      record.digest = {(*found)[i].bytes.data(), kSha256Bytes};
    } else if (node.entry.digest) {
      record.digest = node.entry.digest->sha256_raw();
    } else {
      continue;
    }
    append_stat(records, listing.name_of(node), record);
  }
  return records;
}

// Of a directory that nobody looked at: not if its parent, or that one's, was seen without it.
bool may_still_exist(const ImagePath& directory, const Listings& listings) {
  for (ImagePath path = directory; !path.is_root(); path = path.parent()) {
    auto parent = listings.find(path.parent());
    if (parent != listings.end()) {
      const Node* node = parent->second->find(path.base_name());
      return node != nullptr && node->entry.is_directory();
    }
  }
  return true;
}

}  // namespace slipway::builder
