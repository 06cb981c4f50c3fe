#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/fuse_overlay.h"
#include "builder/sandbox/mount_point.h"
#include "builder/sandbox/oci_config.h"
#include "builder/sandbox/overlay.h"
#include "builder/sandbox/spec.h"

// The root file system of a step, put together in the step's own mount namespace by its pid 1. The
// order matters:
//
//   open_host_paths   while every host path still means what the owner meant
//   make_scratch      a tmpfs for what the step needs and no layer has; it hides one host folder
//   prepare_mounts    what the spec asks for, as unattached mounts, so that their kinds are known
//   mount_root        the overlay (with a stub for every mount point) or the plain directory
//   (system_mounts.h) /proc, /sys, /dev
//   attach_mounts     hosts, resolv.conf, then what the spec asks for
//   finish            read-only root, no devices outside /dev
//
// Everything vanishes with the namespace.

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

class StepRoot {
 public:
  // `fuse` has connections if overlays are made by fuse-overlayfs instead of the kernel. All three
  // outlive this. What hosts and resolv.conf are is read from the spec when they are attached.
  StepRoot(const SandboxSpec& spec, const Surroundings& surroundings, FuseConnections& fuse)
      : spec_(spec), surroundings_(surroundings), fuse_(fuse) {}

  void open_host_paths();
  void make_scratch();
  void prepare_mounts();
  void mount_root();
  void attach_mounts();
  void finish();
  // In the place of attach_mounts, for a runtime that mounts what it is told by name: puts each
  // mount beside the root and sees to it that the root has the mount points, also those of /proc,
  // /sys and /dev.
  std::vector<OciMount> place_mounts();

  const base::Fd& root() const { return root_; }
  const base::Fd& scratch() const { return scratch_; }
  // What the scratch is called where it is attached.
  const std::string& scratch_path() const { return scratch_path_; }
  bool is_read_only() const;
  // For a runtime: the step must not open nodes that it makes, and nothing but mounts keeps it.
  bool devices_are_mounts() const { return own_devices_ && is_sandboxed(); }
  const SandboxSpec& spec() const { return spec_; }
  const Surroundings& surroundings() const { return surroundings_; }
  MountPoints& points() { return *points_; }
  bool has_made_something() const {
    return points_ && !(points_->made().stubs.empty() && points_->made().parents.empty());
  }
  const report::Made& made() const { return points_->made(); }
  bool is_sandboxed() const { return spec_.security == SecurityMode::kSandbox; }
  bool has_mount_at(const base::ImagePath& target) const;
  // A new file on the scratch tmpfs.
  base::Fd make_file(const std::string& name, std::string_view content, mode_t mode);
  // No devices, unless nothing is to be kept from the step.
  std::uint64_t no_devices() const;

  // What make_scratch makes and others use: an empty directory and a node like /dev/null, to hide
  // things with.
  base::Fd clone_empty_directory() const;
  // A private node if we may make one, else the host's.
  base::Fd clone_device(const char* name) const;

 private:
  struct Prepared {
    base::ImagePath target;
    base::Fd mount;  // not attached
    PointKind kind;
    std::uint64_t attributes;  // MOUNT_ATTR_* it gets once attached
  };
  struct HostParts {  // by index of spec_.mounts; what an entry does not need is empty
    base::Fd bind;
    std::optional<OverlayParts> overlay;
  };

  void prepare(std::size_t index);
  base::Fd prepare_overlay(const OverlayMount& mount, std::size_t index);
  base::Fd prepare_file(const FileMount& mount, std::size_t index);
  base::Fd prepare_device(const DeviceMount& device, std::size_t index);
  void make_devices();
  std::vector<StubPoint> stub_points() const;
  void mount_overlay_root(const OverlayRoot& root);
  void add_stubs_and_upper(const OverlayRoot& root);
  void mount_plain_root(const PlainRoot& root);
  void attach_text(const base::ImagePath& target, const std::optional<std::string>& content);
  void place_text(const base::ImagePath& target, const std::optional<std::string>& content,
                  std::vector<OciMount>& placed);

  bool uses_fuse() const { return !fuse_.devices.empty(); }

  const SandboxSpec& spec_;
  const Surroundings& surroundings_;
  FuseConnections& fuse_;
  std::optional<OverlayParts> root_parts_;
  base::Fd plain_root_;
  base::Fd stub_folder_;
  std::vector<HostParts> host_parts_;
  std::vector<base::Fd> host_devices_;  // by index of kDevices
  bool own_devices_ = false;
  base::Fd scratch_;
  std::string scratch_path_;
  std::vector<Prepared> prepared_;
  base::Fd root_;
  base::Fd made_in_;  // the directory that gets what MountPoints makes, if it has to be cleaned
  std::optional<MountPoints> points_;
};

struct DeviceNode {
  const char* name;
  unsigned major_number;
  unsigned minor_number;
};
// The devices that every step has.
inline constexpr DeviceNode kDevices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                                          {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

}  // namespace slipway::builder
