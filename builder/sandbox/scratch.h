#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/overlay.h"
#include "builder/sandbox/spec.h"

namespace slipway::builder {

// What is the same for all steps of a helper.
struct Surroundings {
  bool in_user_namespace = false;
  bool has_tty_group = true;       // gid 5 exists in our user namespace
  bool has_message_queues = true;  // the kernel has mqueue
  // False in a user namespace of a single id: supplementary groups stay what they are (the user's
  // own, which in there are nobody's).
  bool may_set_groups = true;
  bool has_one_id = false;  // then other ids are emulated (one_id.h)
  OverlayXattr xattr() const {
    return in_user_namespace ? OverlayXattr::kUser : OverlayXattr::kTrusted;
  }
};

Surroundings find_surroundings();

struct DeviceNode {
  const char* name;
  unsigned major_number;
  unsigned minor_number;
};
// The devices that every step has.
inline constexpr DeviceNode kDevices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                                          {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

// A tmpfs of the step's own for what it needs and no layer has: device nodes, covers for what is
// hidden, texts, and places where other mounts stand until they have their place in the root.
class Scratch {
 public:
  // Makes it, not attached anywhere. `surroundings` outlives this.
  Scratch(const Surroundings& surroundings, SecurityMode security);

  // Nothing can be mounted on it, nor cloned from it, before one of these. On top of the process'
  // root directory: hides nothing, because no path from there looks at what lies on top of it.
  void attach_to_root();
  // To a host folder that exists everywhere, once no host path is looked up any more.
  void leave_root();
  // Where the names of what is on it count: a host folder that exists everywhere and that nothing
  // refers to once the host paths are open; a runtime still needs itself and what it calls.
  void attach_for(const OciRuntime& runtime);

  const base::Fd& folder() const { return folder_; }
  // What it is called where it is attached; for a runtime only.
  const std::string& path() const { return path_; }

  const Surroundings& surroundings() const { return surroundings_; }
  bool is_sandboxed() const { return security_ == SecurityMode::kSandbox; }
  // No devices, unless nothing is to be kept from the step.
  std::uint64_t no_devices() const;
  bool has_own_devices() const { return own_devices_; }
  // For a runtime: the step must not open nodes that it makes, and nothing but mounts keeps it.
  bool devices_are_mounts() const { return own_devices_ && is_sandboxed(); }

  // A new file.
  base::Fd make_file(const std::string& name, std::string_view content, mode_t mode) const;
  // To hide things with.
  base::Fd clone_empty_directory() const;
  // A private node if we may make one, else the host's.
  base::Fd clone_device(const char* name) const;

 private:
  void make_devices();
  void attach_to(const std::string& path);

  const Surroundings& surroundings_;
  SecurityMode security_;
  base::Fd folder_;
  std::string path_;
  bool own_devices_ = false;
  std::vector<base::Fd> host_devices_;  // by index of kDevices
};

}  // namespace slipway::builder
