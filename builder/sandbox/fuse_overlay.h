#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "builder/sandbox/spec.h"

// The overlay where the kernel does not give one to a user namespace (before Linux 5.11):
// fuse-overlayfs, a program that serves a FUSE mount. The step makes the mount, in its own
// namespace; then the helper, which stays outside where the layers' names mean something, starts
// the program on the mount's descriptor. It ends with the mount.

namespace slipway::builder {

// Whether the kernel makes overlays in our user namespace.
bool kernel_overlay_works_for_users();

// kSystem with the package to install if it is not there.
std::string find_fuse_overlayfs();

// The connections of a step's overlays, by number: 0 is the root, n+1 the mount n of the spec;
// empty where that is no overlay. And the pipe on which the step says which one it has mounted.
struct FuseConnections {
  std::vector<base::Fd> devices;
  base::Fd mounted;
};

// For the step: mounts connection `number` on `name` in a directory. Whoever looks into it waits
// until the helper has it served.
base::Fd mount_fuse_overlay(FuseConnections& connections, std::size_t number,
                            const base::Fd& directory, const char* name);

// The helper's part for one step. The destructor ends the programs.
class FuseServer {
 public:
  // One root, or nothing, for each number. Throws (kInput) for a path that fuse-overlayfs cannot be
  // given.
  FuseServer(std::string program, const std::vector<std::optional<OverlayRoot>>& roots);

  // In the clone that becomes the step.
  FuseConnections take_connections();
  // In the helper, once it has cloned: lets the step's end of the pipe go.
  void close_step_ends() { mounted_.write_end.reset(); }
  // Readable when the step has mounted one (or has ended).
  const base::Fd& requests() const { return mounted_.read_end; }
  // Reads a number and starts the program for it. False at the end.
  bool serve();
  // What a program that has failed had to say, once the step has ended.
  std::optional<std::string> problem();

 private:
  struct Served {
    base::Child process;
    base::Fd messages;  // a memory file with its stderr
  };
  std::string program_;
  std::vector<std::string> options_;  // for fuse-overlayfs, by number
  std::vector<base::Fd> devices_;
  base::Pipe mounted_;
  std::vector<Served> served_;
};

// fuse-overlayfs marks deleted names and opaque directories by files (".wh.x", ".wh..wh..opq")
// where the kernel's overlay has devices and an attribute: gives an upper directory the kernel's
// form.
void translate_fuse_marks(const std::string& upper);

}  // namespace slipway::builder
