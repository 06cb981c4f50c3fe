#pragma once

#include <memory>
#include <string>

#include "base/fs.h"
#include "builder/layer/tree_view.h"

namespace slipway::builder {

// A tree with one regular file in its root: what was downloaded. The content is the file `content`
// in the scratch folder. `entry` has path, mode, times, size and digest.
std::shared_ptr<TreeView> make_file_view(Entry entry, base::TempDir scratch,
                                         const std::string& content);

}  // namespace slipway::builder
