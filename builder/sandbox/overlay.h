#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/spec.h"

namespace slipway::builder {

// The directories of an overlay, opened (O_PATH) in the mount namespace in which it will be made:
// the kernel refuses layers that belong to another one.
struct OverlayParts {
  std::vector<base::Fd> lowers;  // bottom first
  base::Fd upper;                // empty: a read-only overlay
  base::Fd work;
  std::string name;  // for messages: "overlay of 12 layers"
};

// Opens the directories. A layer that is given twice counts once, in its upper place: whatever it
// does lower down, it does again there (the kernel refuses the same directory twice). kInput if
// there are too many.
OverlayParts open_overlay_parts(const OverlayRoot& root);

enum class OverlayXattr {
  kTrusted,  // the machine's root
  kUser,     // in a user namespace
};

// Where a mount goes: a directory in a directory, by name, because a mount made by mount(2) can be
// opened by name only.
struct MountPlace {
  const base::Fd& directory;
  std::string name;
};

// Makes the overlay, attaches it, and opens its top directory. Layers are handed over one by one,
// as descriptors (Linux 6.13) or as names (6.8); before that in one text of mount(2), which holds
// 500 of them only because each is named by its descriptor's number, relative to /proc/self/fd.
// Changes the working directory in that last case. Volatile where the kernel can: a step's files
// need no fsync.
base::Fd mount_overlay(const OverlayParts& parts, OverlayXattr xattr, const MountPlace& place);

// One way alone, for tests and for those kernels; nothing if this kernel does not know it.
enum class LayerNaming { kDescriptors, kPaths, kOneText };
std::optional<base::Fd> mount_overlay_naming(LayerNaming naming, const OverlayParts& parts,
                                             OverlayXattr xattr, const MountPlace& place);

}  // namespace slipway::builder
