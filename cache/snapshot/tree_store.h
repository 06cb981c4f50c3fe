#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cache/content/ids.h"

namespace slipway::cache {

class Session;

// A folder below the store's tmp/ in which a tree is made. Destroyed without TreeStore::commit, all
// of it is moved to the trash.
class StagedTree {
 public:
  StagedTree(StagedTree&& other) noexcept
      : session_(std::exchange(other.session_, nullptr)), name_(std::move(other.name_)) {}
  StagedTree& operator=(StagedTree&&) = delete;
  ~StagedTree();

  // The directory that becomes the tree: exists, empty, mode 0755. Also fit to be the upper
  // directory of an overlay.
  std::string path() const;
  // Another directory on the same file system that lives as long as the staging: an overlay's work
  // directory, say. Made if missing, mode 0700. Precondition: `name` is one path part, not "tree".
  std::string side_path(std::string_view name) const;

 private:
  friend class TreeStore;
  friend class KeptTable;
  static constexpr char kTreeName[] = "tree";
  StagedTree(Session& session, std::string name) : session_(&session), name_(std::move(name)) {}
  std::string side_name(std::string_view name) const;
  Session* session_;  // owned by the Store; null after a move
  std::string name_;  // in the owner's folder
};

// Unpacked layers, one immutable directory each, in a form that overlayfs can use as a lower
// layer. Nobody writes into a tree after its commit. Threads and processes as for BlobStore.
class TreeStore {
 public:
  explicit TreeStore(Session& session) : session_(&session) {}

  // The tree's directory; nothing if there is none. Usable until the Store is closed if the layer
  // was held first (LayerTable::hold).
  std::optional<std::string> find(const DiffId& diff_id) const;

  StagedTree stage();
  // Makes the staged directory the layer's tree and returns where it is. If another process was
  // faster, its tree stays and the staged one goes to the trash. `size_bytes` is what the tree
  // takes on disk, for usage and pruning.
  std::string commit(StagedTree staged, const DiffId& diff_id, std::uint64_t size_bytes);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
