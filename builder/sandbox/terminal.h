#pragma once

#include "base/fd.h"
#include "builder/sandbox/spec.h"

namespace slipway::builder {

struct Terminal {
  base::Fd control;  // for the owner
  base::Fd line;     // the step's stdin, stdout, stderr
};

// A new terminal in the devpts at `terminals` (the step's own, so that its name is valid inside).
Terminal open_terminal(const base::Fd& terminals, const TerminalSize& size);

}  // namespace slipway::builder
