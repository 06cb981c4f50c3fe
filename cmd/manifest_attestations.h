#pragma once

#include "cmd/registry_flags.h"
#include "cmd/services.h"

namespace slipway::cmd {

// `manifest attestations [OPTIONS] NAME`: what the store keeps of an image or, if it keeps nothing,
// a registry has, a statement a line, be it among the image's referrers or in the index that the
// name stands for.
int show_attestations(const Invocation& invocation);

}  // namespace slipway::cmd
