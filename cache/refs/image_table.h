#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/refs/rows.h"

namespace slipway::cache {

class Connection;
class Session;

// Images, indexes and names. Rows are written through Store::commit; removing is done here and
// leaves bytes to the next prune or Store::collect. Safe from any thread. Names are compared as
// text: their grammar and defaults are the caller's.
class ImageTable {
 public:
  explicit ImageTable(Session& session) : session_(&session) {}

  std::optional<ImageRow> find(const ImageId& id) const;
  // The image whose ID starts with these hexadecimal digits (with or without "sha256:"), or
  // nothing. kInput naming the candidates if there are several.
  std::optional<ImageId> find_by_prefix(std::string_view hex_prefix) const;
  // The image that the repository has under the digest of a manifest or index.
  std::optional<ImageId> find_by_repository_digest(std::string_view repository,
                                                   const base::Digest& digest) const;
  // Every image that came or was made with this manifest digest.
  std::vector<ImageId> find_by_manifest(const base::Digest& digest) const;
  std::optional<NameRow> find_name(std::string_view reference) const;
  std::optional<IndexRow> find_index(const base::Digest& digest) const;
  std::optional<ManifestRef> find_built_manifest(const ImageId& id,
                                                 std::string_view compression) const;
  // What is kept about the image, by digest.
  std::vector<ReferrerRow> referrers(const ImageId& id) const;

  struct Listed {
    ImageRow image;
    std::vector<NameRow> names;  // sorted; those of indexes with the image in them, too
    std::vector<RepositoryDigestRow> digests;
    base::Timestamp last_use;
  };
  // The most recently created first.
  std::vector<Listed> list() const;
  std::optional<Listed> find_listed(const ImageId& id) const;
  std::vector<NameRow> names() const;  // sorted
  std::vector<NameRow> names_of(const ImageId& id) const;

  // Says that the image was used now (noted in memory, written with the next commit or flush).
  void touch(const ImageId& id) const;

  // The name that was removed, or nothing. The image stays, perhaps without a name.
  std::optional<NameRow> remove_name(std::string_view reference);
  // Forgets that the repository has the digest; false if it was not known to. The images stay.
  bool remove_repository_digest(std::string_view repository, const base::Digest& digest);
  // The same for all that is known of the image in the repository.
  void remove_repository_digests(const ImageId& id, std::string_view repository);
  // Forgets the manifest that the image came with (or was to be pushed with): a new one is made.
  void forget_received(const ImageId& id);
  struct Removed {
    bool found = false;
    std::vector<NameRow> names;  // they went with the image
  };
  // Removes the image and all names that stand for it (also membership in indexes; an index
  // without images goes, too). Layers that nothing else needs become garbage.
  Removed remove(const ImageId& id);

  // What remove() does to the image's row, inside somebody's write transaction; false if there was
  // none.
  static bool remove_row(Connection& connection, const ImageId& id);

  // Parts of Store::commit.
  static void insert(Connection& connection, const ImageRow& row, std::int64_t now_ns);
  static void insert(Connection& connection, const BuiltManifestRow& row);
  static void forget_referrers(Connection& connection, const ImageId& id);
  static void insert(Connection& connection, const ReferrerRow& row);
  static void insert(Connection& connection, const IndexRow& row);
  static void insert(Connection& connection, const NameRow& row, std::int64_t now_ns);
  static void insert(Connection& connection, const RepositoryDigestRow& row);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
