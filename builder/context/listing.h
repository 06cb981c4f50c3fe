#pragma once

// What a context view knows of its directories. Internal to the closet.

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "builder/context/stat_cache.h"
#include "builder/layer/entry.h"
#include "parser/ignore.h"

namespace slipway::builder {

inline constexpr std::size_t kSha256Bytes = 32;

// One name in a directory, with what the patterns say of it.
struct Node {
  Entry entry;  // with the digest if earlier builds know it, of the file as it is
  FileStamp stamp;
  dev_t device = 0;
  nlink_t links = 1;
  parser::PatternMatcher::State patterns;
  bool visible = true;    // not hidden; or a hidden directory with something in it that is not
  bool is_as_is = false;  // on disk it is what `entry` says: root's, without other attributes
};

// What was found out of a file's content, in few bytes: a context may have very many.
struct FoundDigest {
  enum class State : std::uint8_t {
    kNone,
    kForNow,   // the file may change without its stamp telling: good for this build only
    kSettled,  // worth remembering
  };
  std::array<char, kSha256Bytes> bytes{};
  State state = State::kNone;
};

// A directory as it was when somebody first asked. Sorted by name.
struct Listing {
  explicit Listing(base::ImagePath directory) : path(std::move(directory)) {}

  base::ImagePath path;
  FileStamp stamp;  // of the directory itself, before it was read
  std::vector<Node> nodes;
  mutable base::Guarded<std::vector<FoundDigest>> digests;  // beside nodes; empty: none yet
  // Whoever asks for a name asks for the next one then, nearly always.
  mutable std::atomic<std::size_t> likely = 0;

  std::string_view name_of(const Node& node) const {
    return node.entry.path.relative().substr(path.is_root() ? 0 : path.text().size());
  }

  const Node* find(std::string_view name) const;
  std::optional<base::Digest> find_digest(const Node& node) const;
  void keep_digest(const Node& node, const base::Digest& digest, FoundDigest::State state) const;
};

using Listings = std::map<base::ImagePath, std::shared_ptr<const Listing>>;

// What is known of the files of a directory that was listed.
std::string known_stats(const Listing& listing);

// Of a directory that nobody looked at: not if its parent, or that one's, was seen without it.
bool may_still_exist(const base::ImagePath& directory, const Listings& listings);

}  // namespace slipway::builder
