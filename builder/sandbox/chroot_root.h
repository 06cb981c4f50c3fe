#pragma once

#include <memory>
#include <string>

#include "builder/sandbox/sandbox.h"
#include "builder/sandbox/spec.h"

// The root of a step that can have no mounts: a plain directory with a copy of its layers
// (plain_tree.h) and of what it mounts (placed_files.h). When the step has ended, what it changed
// is written into the upper directory of its spec, so that nobody sees a difference.
//
//   spec: overlay of layers, mounts ──begin──▶ spec: plain root, no mounts ──▶ the step
//   upper directory                 ◀─finish── what it changed
//
// Such a root is kept for the step that builds on this one's layer: a chain of steps copies its
// base once.

namespace slipway::builder {

class ChrootStep {
 public:
  virtual ~ChrootStep() = default;
  // The step has ended. Once; without it the step's changes are lost.
  virtual void finish() = 0;
};

class KeptRoots;

// Safe for many threads and processes.
class ChrootRoots {
 public:
  explicit ChrootRoots(ChrootOptions options);
  ~ChrootRoots();

  // Makes the root ready and has the spec say so. Waits for other such steps of the store to end:
  // two at once could pass each other descriptors of their roots, and so leave them. kInput for
  // what can't be had without namespaces.
  std::unique_ptr<ChrootStep> begin(SandboxSpec& spec, const StepIo& io);

 private:
  std::shared_ptr<KeptRoots> kept_;
};

}  // namespace slipway::builder
