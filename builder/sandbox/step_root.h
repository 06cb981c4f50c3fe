#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/fuse_overlay.h"
#include "builder/sandbox/mount_point.h"
#include "builder/sandbox/oci_config.h"
#include "builder/sandbox/overlay.h"
#include "builder/sandbox/scratch.h"
#include "builder/sandbox/spec.h"

// The root file system of a step, put together in the step's own mount namespace by its pid 1. The
// order matters:
//
//   (scratch.h)       a tmpfs for what the step needs and no layer has
//   (system_mounts.h) /proc, /sys, /dev, put beside the root on the scratch: like the scratch they
//                     may be made before the step is known
//   open_host_paths   while every host path still means what the owner meant
//   prepare_mounts    what the spec asks for, as unattached mounts, so that their kinds are known
//   mount_root        the overlay (with a stub for every mount point) or the plain directory
//   (system_mounts.h) /proc, /sys and /dev are moved onto the root
//   attach_mounts     hosts, resolv.conf, then what the spec asks for
//   finish            read-only root, no devices outside /dev
//
// Everything vanishes with the namespace.

namespace slipway::builder {

class StepRoot {
 public:
  // `fuse` has connections if overlays are made by fuse-overlayfs instead of the kernel. All three
  // outlive this. What hosts and resolv.conf are is read from the spec when they are attached.
  StepRoot(const SandboxSpec& spec, Scratch& scratch, FuseConnections& fuse)
      : spec_(spec), surroundings_(scratch.surroundings()), scratch_(scratch), fuse_(fuse) {}

  void open_host_paths();
  void prepare_mounts();
  void mount_root();
  void attach_mounts();
  void finish();
  // In the place of attach_mounts, for a runtime that makes /proc, /sys and /dev: attaches what
  // lies elsewhere, and puts beside the root what lies in /dev or /sys, for the runtime to mount by
  // name. kInput where that name leads through a directory that is not the step's alone.
  std::vector<OciMount> place_mounts();

  const base::Fd& root() const { return root_; }
  const Scratch& scratch() const { return scratch_; }
  bool is_read_only() const;
  const SandboxSpec& spec() const { return spec_; }
  const Surroundings& surroundings() const { return surroundings_; }
  MountPoints& points() { return *points_; }
  bool has_made_something() const {
    return points_ && !(points_->made().stubs.empty() && points_->made().parents.empty());
  }
  const report::Made& made() const { return points_->made(); }
  bool has_mount_at(const base::ImagePath& target) const;

 private:
  struct Prepared {
    base::ImagePath target;
    base::Fd mount;  // not attached
    PointKind kind;
    std::uint64_t attributes;  // MOUNT_ATTR_* it gets once attached
    bool is_shared;            // others may change what is in it while we mount
  };
  struct HostParts {  // by index of spec_.mounts; what an entry does not need is empty
    base::Fd bind;
    std::optional<OverlayParts> overlay;
  };

  void prepare(std::size_t index);
  base::Fd prepare_overlay(const OverlayMount& mount, std::size_t index);
  base::Fd prepare_file(const FileMount& mount, std::size_t index);
  base::Fd prepare_device(const DeviceMount& device, std::size_t index);
  std::vector<StubPoint> stub_points() const;
  void mount_overlay_root(const OverlayRoot& root);
  void add_stubs_and_upper(const OverlayRoot& root);
  void mount_plain_root(const PlainRoot& root);
  void attach_text(const base::ImagePath& target, const std::optional<std::string>& content);
  static bool is_left_to_runtime(const base::ImagePath& place);
  base::ImagePath place_of(const base::Fd& point) const;
  void place_mount(Prepared& mount, std::vector<OciMount>& placed);
  void leave_to_runtime(Prepared& mount, base::ImagePath place, std::vector<OciMount>& placed);

  bool uses_fuse() const { return !fuse_.devices.empty(); }

  const SandboxSpec& spec_;
  const Surroundings& surroundings_;
  Scratch& scratch_;
  FuseConnections& fuse_;
  std::optional<OverlayParts> root_parts_;
  base::Fd plain_root_;
  base::Fd stub_folder_;
  std::vector<HostParts> host_parts_;
  std::vector<Prepared> prepared_;
  base::Fd root_;
  base::Fd made_in_;  // the directory that gets what MountPoints makes, if it has to be cleaned
  std::optional<MountPoints> points_;
};

}  // namespace slipway::builder
