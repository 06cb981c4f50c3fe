#pragma once

#include <string>
#include <vector>

#include "builder/devices/cdi_spec.h"
#include "builder/sandbox/spec.h"

namespace slipway::builder {

// Gives a step what the edits say, in their order: variables and mounts that are there are
// replaced, nodes belong to the step's user unless they say otherwise. `name` is for messages: the
// devices that the edits belong to.
//
// What a file leaves out of a node is looked up on the machine: kNotFound where it has no such
// node. kDenied where nodes can't be made and the user may not open the machine's. kInput for what
// can't be carried out: a network device or a cache class of the processor, permissions that are
// fewer than reading and writing (no device control group stands behind a step), kinds and options
// of mounts that are not known, and hooks where no OCI runtime runs the step.
void apply_edits(const std::vector<const ContainerEdits*>& edits, const std::string& name,
                 SandboxSpec& spec);

// A node of the machine at a place of the container, as `docker run --device` has it. kInput if it
// is no device; else as above.
DeviceMount device_of_host(const std::string& host_path, const std::string& container_path);

}  // namespace slipway::builder
