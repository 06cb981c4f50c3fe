#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cache/kept/rows.h"
#include "cache/snapshot/tree_store.h"

namespace slipway::cache {

class Session;

// Trees that somebody wants to see again although no layer is made of them: containers and failed
// steps. Each keeps the layers that its row names. No key leads to them, so no build can take one
// for a result. Safe from many threads and processes at once.
//
// A tree is moved here and gets its row in one write transaction. A row whose tree is gone counts
// as absent: for failed steps nothing is synced, so a power cut may leave that.
class KeptTable {
 public:
  explicit KeptTable(Session& session) : session_(&session) {}

  static KeptId make_id();

  // Moves the staged tree in; nobody writes to it any more. Its content is made durable first where
  // it is a container. False, and the tree stays the caller's, if the name is another container's,
  // or if it is a failed step's and the disk is nearly full. Throws kInternal if a row names a
  // layer that the store does not know.
  bool keep(StagedTree& staged, KeptRow row, std::stop_token stop);

  // The newest first.
  std::vector<KeptRow> list(KeptKind kind) const;
  // By name (of several the newest), else by an ID or its beginning; kInput naming the candidates
  // if that fits several.
  std::optional<KeptRow> find(KeptKind kind, std::string_view name_or_id) const;

  // Where the tree is, safe from removal until the Store is closed; nothing if it is gone. It is
  // only to be read: a lower directory of an overlay, say.
  std::optional<std::string> hold(const KeptId& id);

  // False if it is gone already, or held by a running process.
  bool remove(const KeptId& id);
  // Removes the oldest of the kind until no more than these are there; what is held stays, and
  // the newest whatever its size.
  struct Limit {
    std::size_t count;
    std::uint64_t bytes;
  };
  void shrink(KeptKind kind, const Limit& limit);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
