#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/path.h"
#include "builder/sandbox/wire.h"

// Where things are mounted. An image may lack a mount point, or hide it. Three means, in this
// order:
//
//   1. the path is there: used;
//   2. no layer mentions it: it comes from a *stub set*, a bottom layer of nothing but empty mount
//      points, so that the upper directory stays untouched;
//   3. a layer hides it (a whiteout, an opaque directory, a link to nowhere): it is made in the
//      root, thus in the upper directory, written down, and taken away by the owner afterwards.

namespace slipway::builder {

enum class PointKind { kDirectory, kFile };

struct StubPoint {
  base::ImagePath path;
  PointKind kind;
};

// Opens the stub set with exactly these mount points in `folder`; makes what is missing of it. Sets
// are named by their content and never change, so that any number of processes can use them.
base::Fd ensure_stub_set(const base::Fd& folder, const std::vector<StubPoint>& points);

// Finds and makes mount points beneath a root that is being put together; one thread, and nobody
// else changes the root.
class MountPoints {
 public:
  // `upper` may be empty. Both outlive this.
  MountPoints(const base::Fd& root, const base::Fd& upper) : root_(root), upper_(upper) {}

  // Links lead where they would after chroot. kInput where the path is of the other kind, is the
  // root itself or leads into /proc.
  base::Fd ensure(const base::ImagePath& path, PointKind kind);
  // The same for /proc, /sys and /dev, which must be no links.
  base::Fd ensure_plain_directory(const base::ImagePath& path);

  const report::Made& made() const { return made_; }

 private:
  base::Fd make(const base::ImagePath& path, PointKind kind);
  base::Fd checked(base::Fd point, const base::ImagePath& path, PointKind kind) const;

  const base::Fd& root_;
  const base::Fd& upper_;
  report::Made made_;
};

// Takes away what MountPoints made, beneath the upper directory (or plain root). What the step has
// put something into, or replaced, stays.
void remove_made(const base::Fd& directory, const report::Made& made);

}  // namespace slipway::builder
