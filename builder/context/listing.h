#pragma once

// What a context view knows of its directories. Internal to the closet.

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/guarded.h"
#include "base/path.h"
#include "builder/context/stat_cache.h"
#include "builder/layer/entry.h"
#include "parser/ignore.h"

namespace slipway::builder {

inline constexpr std::size_t kSha256Bytes = 32;

// What few names have.
struct RareAttributes {
  std::string link_target;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<base::Xattr> xattrs;
  friend bool operator==(const RareAttributes&, const RareAttributes&) = default;
};

// One name in a directory. A context may have very many: a node has what there is to know of a file
// in few bytes, and entries are made of it when they are asked for.
struct Node {
  std::size_t name_end = 0;  // in Listing::names; it begins where the one before ends
  EntryType type = EntryType::kFile;
  bool visible = true;    // not hidden; or a hidden directory with something in it that is not
  bool is_as_is = false;  // on disk it is what its entry says: root's, without other attributes
  std::uint16_t mode = 0;
  std::uint32_t links = 1;
  FileStamp stamp;
  dev_t device = 0;
  // The raw digest of the file as it is, if earlier builds know it; lies in the stat cache.
  const char* known_digest = nullptr;
  std::unique_ptr<const RareAttributes> rare;
  // What the patterns say of a directory; none where they say nothing.
  std::unique_ptr<const parser::PatternMatcher::State> patterns;

  bool is_directory() const { return type == EntryType::kDirectory; }
  parser::PatternMatcher::State patterns_below() const;
  std::optional<base::Digest> find_known_digest() const;
};

// What was found out of a file's content.
struct FoundDigest {
  enum class State : std::uint8_t {
    kNone,
    kForNow,   // the file may change without its stamp telling: good for this build only
    kSettled,  // worth remembering
  };
  std::array<char, kSha256Bytes> bytes{};
  State state = State::kNone;
};

// A directory as it was when somebody first asked. Immutable but for the digests, once it is made;
// safe for many threads.
struct Listing {
  explicit Listing(base::ImagePath directory) : path(std::move(directory)) {}

  // Names come sorted.
  void add(std::string_view name, Node node);

  std::size_t index_of(const Node& node) const {
    return static_cast<std::size_t>(&node - nodes.data());
  }
  std::string_view name_of(const Node& node) const;
  Entry entry_of(const Node& node) const;
  // The same but for the path; may use an entry that was filled before.
  void fill(Entry& entry, const Node& node) const;
  const Node* find(std::string_view name) const;

  bool has_found_digests() const { return !digests.lock()->empty(); }
  std::optional<base::Digest> find_digest(const Node& node) const;
  void keep_digest(const Node& node, const base::Digest& digest, FoundDigest::State state) const;

  base::ImagePath path;
  FileStamp stamp;          // of the directory itself, before it was read
  bool is_settled = false;  // as long as it has this stamp it has these names
  bool was_read = false;    // the names are from the directory, not from an earlier build
  std::vector<Node> nodes;
  std::string names;                                        // of all nodes
  mutable base::Guarded<std::vector<FoundDigest>> digests;  // beside nodes; empty: none yet
  // Whoever asks for a name asks for the next one then, nearly always.
  mutable std::atomic<std::size_t> likely = 0;
};

using Listings = std::map<base::ImagePath, std::shared_ptr<const Listing>>;

// What is known of the files of a directory that was listed.
std::string known_stats(const Listing& listing);

// Of a directory that nobody looked at: not if its parent, or that one's, was seen without it.
bool may_still_exist(const base::ImagePath& directory, const Listings& listings);

}  // namespace slipway::builder
