#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace slipway::cache {

class Session;

// A document of a repository; its bytes are a blob.
struct ServedManifest {
  base::Digest digest;
  std::string media_type;
  std::uint64_t size = 0;
  std::optional<base::Digest> subject;  // what it refers to, which need not be here
  friend bool operator==(const ServedManifest&, const ServedManifest&) = default;
};

// What the embedded registry serves: which blobs, manifests and tags a repository has. Bytes come
// through Store::blobs() and Store::commit before a row here names them, by a Store that is still
// open. A repository is there as long as it has anything. Safe from any thread and process.
class RepositoryTable {
 public:
  explicit RepositoryTable(Session& session) : session_(&session) {}

  // Says that the blob is used now, too: it is kept from drop_unused for a while.
  bool use_blob(std::string_view repository, const base::Digest& digest);
  bool has_blob(std::string_view repository, const base::Digest& digest) const;
  void add_blob(std::string_view repository, const base::Digest& digest);
  // From another repository; false if that has no such blob.
  bool mount_blob(std::string_view from, std::string_view repository, const base::Digest& digest);
  bool remove_blob(std::string_view repository, const base::Digest& digest);

  struct NewManifest {
    ServedManifest manifest;
    std::vector<base::Digest> blobs;      // must be in the repository
    std::vector<base::Digest> manifests;  // likewise: members of an index
    std::vector<std::string> tags;        // that move here
  };
  // All or nothing: gives the members that are not in the repository; then nothing was written.
  std::vector<base::Digest> put_manifest(std::string_view repository, const NewManifest& added);
  std::optional<ServedManifest> find_manifest(std::string_view repository,
                                              const base::Digest& digest) const;
  std::optional<base::Digest> find_tag(std::string_view repository, std::string_view tag) const;
  // With its tags.
  bool remove_manifest(std::string_view repository, const base::Digest& digest);
  bool remove_tag(std::string_view repository, std::string_view tag);

  // Sorted, those after `last`, at most so many. Tags in the distribution-spec's order, which is
  // that of their letters whether small or capital.
  struct Page {
    std::string last;
    std::size_t limit = 1000;
  };
  std::vector<std::string> tags(std::string_view repository, const Page& page) const;
  std::vector<std::string> repositories(const Page& page) const;
  bool has_repository(std::string_view repository) const;
  // Manifests whose subject it is (by whichever of its names they call it), by digest; those after
  // `last` if that is a digest.
  std::vector<ServedManifest> referrers(std::string_view repository, const base::Digest& subject,
                                        const Page& page) const;

  // Takes blobs that no manifest of their repository names out of it if they were not used for so
  // long. Their bytes are left to Store::collect. A push that is under way is younger than that.
  std::int64_t drop_unused(std::int64_t unused_ns);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
