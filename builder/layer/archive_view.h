#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/fs.h"
#include "base/stream.h"
#include "builder/layer/tar_reader.h"
#include "builder/layer/tree_view.h"

// A tar archive seen as a tree: what ADD unpacks, and a context that comes as a tar. The tree is
// what extracting the archive into an empty directory would give, with that directory as the root:
// names and links can't lead out of it, missing parents are made (0755, root's), a later member
// replaces an earlier one. Contents are kept in one file in a scratch folder; nothing is ever
// created by a name from the archive, so hostile archives have nothing to hold on to.

namespace slipway::builder {

// The archive in a plain or compressed file. kInput if it is none or damaged; `object` names it.
std::shared_ptr<TreeView> open_archive_stream(std::unique_ptr<base::Source> archive,
                                              const std::string& object, base::TempDir scratch,
                                              std::stop_token stop, TarLimits limits = {});
std::shared_ptr<TreeView> open_archive_file(const std::string& path, base::TempDir scratch,
                                            std::stop_token stop);

// The archive in a regular file of a view, or null if its content is no archive: it must decompress
// (if compressed) and begin with a readable tar header. Once it is taken for an archive, damage is
// kInput.
std::shared_ptr<TreeView> open_archive(const TreeView& view, const Entry& file,
                                       base::TempDir scratch, std::stop_token stop);

}  // namespace slipway::builder
