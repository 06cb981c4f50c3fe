#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/fd.h"
#include "base/path.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/owners.h"
#include "builder/layer/tree_view.h"
#include "builder/layer/tree_writer.h"

namespace slipway::builder {

// What a step changed, read from the upper directory of its overlay: the entries of its layer.
//
// Overlayfs leaves more there than the step meant: whiteouts of things that no lower layer has,
// directories and files that were copied up and are as they were. Such entries are not part of
// `layer`; `superfluous` has their paths, deepest first, so that the upper directory can be made to
// say the same as the layer (what is shown when it is mounted does not change). A directory counts
// as unchanged when all but its times are.
struct UpperDiff {
  LayerEntries layer;
  std::vector<base::ImagePath> superfluous;
  // Files and directories of `layer` whose owner has still to be recorded.
  std::vector<Entry> unrecorded;
};

// How an upper directory is to be read.
struct UpperForm {
  OverlayMarks marks = OverlayMarks::kTrusted;
  // Set where all files belong to one id and owners are recorded: what has no record is new and
  // belongs to this one. Links and fifos, which can't have a record, keep the owner that a lower
  // layer's same link or fifo of the same name has.
  std::optional<Owner> owner_of_new;
};

// Nobody writes to `upper`, though an overlay of it may be mounted still. `lower` is what was below
// it (null: an empty root). Sockets are left out (and superfluous). The entries read their content
// from `upper` through a view that the result owns. kInput for what a layer can't hold: names that
// begin with ".wh.", and more than kHoleBytesMax of holes.
UpperDiff diff_upper(const base::Fd& upper, const UpperForm& form, const TreeView* lower,
                     std::stop_token stop);

// Holes of a layer's files are zeros in its tar: somebody has to hash them, and whoever unpacks it
// writes them to a disk. What a step can write has the size of the disk as its limit; what it
// leaves out has none, and an empty file of 1 TiB would take ten minutes to hash.
inline constexpr std::uint64_t kHoleBytesMax = std::uint64_t{64} << 30;

// Removes the superfluous paths from the upper directory.
void remove_superfluous(const base::Fd& upper, const std::vector<base::ImagePath>& superfluous);

// Records the owners of the entries in the upper directory, so that it can be a layer's tree.
void record_owners(const base::Fd& upper, const std::vector<Entry>& unrecorded);

}  // namespace slipway::builder
