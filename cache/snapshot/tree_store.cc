#include "cache/snapshot/tree_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>

#include "base/error.h"
#include "base/fs.h"
#include "base/path.h"
#include "base/text.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::cat;

StagedTree::~StagedTree() {
  if (session_ == nullptr) {
    return;
  }
  const base::Fd& directory = session_->owner().directory();
  if (::unlinkat(directory.get(), name_.c_str(), AT_REMOVEDIR) != 0) {
    // Only moved: deleting a big tree takes its time, and nobody waits for it.
    ::renameat(directory.get(), name_.c_str(), session_->layout().trash.get(), name_.c_str());
  }
}

std::string StagedTree::path() const {
  return side_name(kTreeName);
}

std::string StagedTree::side_name(std::string_view name) const {
  return cat(session_->owner().path(), "/", name_, "/", name);
}

std::string StagedTree::side_path(std::string_view name) const {
  assert(base::is_path_part(name) && name != kTreeName);
  base::ensure_directory(session_->owner().directory(), cat(name_, "/", name), 0700);
  return side_name(name);
}

std::optional<std::string> TreeStore::find(const DiffId& diff_id) const {
  if (!session_->find_bytes(BytesKind::kTree, diff_id.digest())) {
    return std::nullopt;
  }
  return session_->layout().path_of(cat("trees/", diff_id.hex()));
}

StagedTree TreeStore::stage() {
  std::string name = cat("tree-", base::random_hex(8));
  const base::Fd& directory = session_->owner().directory();
  base::ensure_directory(directory, name, 0700);
  StagedTree staged(*session_, name);
  base::Fd tree = base::ensure_directory(directory, cat(name, "/", StagedTree::kTreeName), 0755);
  // Whatever the umask says: this is the mode of an image's root.
  base::check([&] { return ::fchmod(tree.get(), 0755); }, "fchmod", staged.path());
  return staged;
}

std::string TreeStore::commit(StagedTree staged, const DiffId& diff_id, std::uint64_t size_bytes) {
  session_->place(BytesKind::kTree, diff_id.digest(), size_bytes,
                  cat(staged.name_, "/", StagedTree::kTreeName));
  return session_->layout().path_of(cat("trees/", diff_id.hex()));
}

}  // namespace slipway::cache
