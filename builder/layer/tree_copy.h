#pragma once

#include <stop_token>

#include "base/fd.h"
#include "base/path.h"
#include "builder/layer/tree_view.h"
#include "builder/layer/tree_writer.h"

namespace slipway::builder {

// Writes everything below `top` of a view (not `top` itself) into an empty host directory: the
// output type=local, the first content of a cache mount. Hard links stay links, times stay. With
// Owners::kLeave everything belongs to the caller's user, and device nodes are left out; `skipped`
// says how many.
struct TreeCopyResult {
  std::uint64_t entries = 0;
  std::uint64_t skipped = 0;
};
TreeCopyResult copy_tree(const TreeView& view, const base::ImagePath& top,
                         const base::Fd& directory, TreeWriter::Options options,
                         std::stop_token stop);

}  // namespace slipway::builder
