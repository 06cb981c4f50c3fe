#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cache/records/rows.h"

namespace slipway::cache {

class Connection;
class Session;

// What is known about layers. Rows are written through Store::commit. Safe from any thread.
class LayerTable {
 public:
  explicit LayerTable(Session& session) : session_(&session) {}

  std::optional<LayerRow> find(const DiffId& diff_id) const;
  // The oldest layer with this content: the one to use again, so that digests do not move.
  std::optional<LayerRow> find_by_content(const ContentId& content_id) const;

  // Every blob known to hold the layer, whether its bytes are here or not.
  std::vector<LayerBlobRow> blobs(const DiffId& diff_id) const;
  std::optional<LayerBlobRow> find_blob(const DiffId& diff_id, std::string_view encoder) const;
  // The blobs that a layer kept as a patch is put together from (LayerPatchRow); empty if it is not
  // kept so.
  std::vector<base::Digest> patch_blobs(const DiffId& diff_id) const;
  // What BlobBlocksRow says of a blob; nothing where its blocks are not known.
  std::optional<std::string> find_blocks(const base::Digest& digest) const;
  // A blob of that encoder whose blocks are known, of another layer that the same step made: the
  // one that was used last.
  std::optional<LayerBlobRow> find_sibling_blob(const DiffId& diff_id,
                                                std::string_view encoder) const;
  // The layer that a (compressed) blob holds, if that was learnt before. The oldest, if several.
  std::optional<DiffId> find_of_blob(const base::Digest& digest) const;
  // Where the blob can be had, the last learnt first.
  std::vector<BlobSourceRow> sources(const base::Digest& digest) const;

  // Keeps the layers with all their forms from pruning until the Store is closed. Returns those
  // that are not known (any more): treat them as misses.
  std::vector<DiffId> hold(std::span<const DiffId> diff_ids);

  // Parts of Store::commit. A row that is known already gains what it lacked (content ID, size,
  // index), and keeps what it had.
  static void insert(Connection& connection, const LayerRow& row, std::int64_t now_ns);
  static void insert(Connection& connection, const LayerBlobRow& row);
  static void insert(Connection& connection, const LayerPatchRow& row);
  static void insert(Connection& connection, const BlobBlocksRow& row);
  static void insert(Connection& connection, const BlobSourceRow& row, std::int64_t now_ns);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
