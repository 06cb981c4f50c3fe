#pragma once

#include <stop_token>
#include <string>

#include "base/stream.h"
#include "builder/layer/layer_index.h"
#include "builder/layer/tar_reader.h"
#include "builder/layer/tree_view.h"
#include "builder/layer/tree_writer.h"

namespace slipway::builder {

struct LayerReadOptions {
  std::string object;  // names the layer in messages
  TarLimits limits;
  TreeWriter* tree = nullptr;  // gets the files; null: they are only hashed
  // The layers below, looked at only if `tree` is given: for hard links to their files and for
  // directories that the tar implies. Null: such a link is kInput, such a directory is 0755.
  const TreeView* lower = nullptr;
  // Without `lower`: leave such links and attributes out instead. The tree is then of no use if
  // needs_lower() says so.
  bool leave_out_lower = false;
};

// Reads the tar of a layer as OCI's image-spec (layer.md) has it, to the end of `tar`: whiteouts
// and opaque markers are recognised wherever they stand, a later member replaces an earlier one of
// the same path, and attributes of machines (see is_portable_xattr) are left out. Names are taken
// inside the layer's root whatever they are: a leading slash or ".." does not lead out of it, nor
// does a link, because links of this layer are followed by what is known of the layer and not on
// disk. Links of lower layers are not followed: a directory here takes their place.
//
// kInput for what makes no sense: a hard link to a directory, a file as a parent, a whiteout of
// nothing, limits exceeded. What was created in the tree so far then stays for the caller to
// remove.
LayerIndex read_layer(base::Source& tar, const LayerReadOptions& options, std::stop_token stop);

// Does a layer take something from the layers below it (see LayerReadOptions::lower)?
bool needs_lower(const LayerIndex& index);

}  // namespace slipway::builder
