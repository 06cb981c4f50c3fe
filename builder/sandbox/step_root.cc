#include "builder/sandbox/step_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/descriptors.h"
#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/rootless.h"
#include "builder/sandbox/subordinate_ids.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

constexpr std::uint64_t kPlainData = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

const ImagePath& target_of(const MountEntry& entry) {
  return std::visit([](const auto& mount) -> const ImagePath& { return mount.target; }, entry);
}

bool is_below(const ImagePath& path, const char* directory) {
  return ImagePath::clean(directory).contains(path);
}

PointKind kind_of(const Fd& fd) {
  return S_ISDIR(base::get_status(fd, "").st_mode) ? PointKind::kDirectory : PointKind::kFile;
}

Fd open_bind_source(const BindMount& mount) {
  Fd source = base::open_file(mount.source, O_PATH);
  if (!mount.subpath.is_root()) {
    source = base::open_beneath(source, mount.subpath.relative(), O_PATH, 0, base::Links::kInRoot);
  }
  return source;
}

std::string octal(mode_t mode) {
  std::array<char, 16> digits;
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), mode, 8);
  return cat("0", std::string_view(digits.data(), end));
}

Fd make_tmpfs(const TmpfsMount& mount) {
  FilesystemRequest request{.type = "tmpfs", .attributes = static_cast<unsigned>(kPlainData)};
  request.options.emplace_back("mode", octal(mount.mode));
  if (mount.size_bytes != 0) {
    request.options.emplace_back("size", cat(mount.size_bytes));
  }
  return make_filesystem(request);
}

}  // namespace

void StepRoot::open_host_paths() {
  if (const auto* overlay = std::get_if<OverlayRoot>(&spec_.root)) {
    root_parts_ = open_overlay_parts(*overlay);
    if (!overlay->stubs.empty()) {
      stub_folder_ = base::open_directory(overlay->stubs);
    }
  } else {
    plain_root_ = base::open_file(std::get<PlainRoot>(spec_.root).directory, O_PATH | O_DIRECTORY);
  }
  for (const MountEntry& entry : spec_.mounts) {
    HostParts& parts = host_parts_.emplace_back();
    base::noting([&] { return cat("preparing the mount at ", target_of(entry).text()); },
                 [&] {
                   if (const auto* bind = std::get_if<BindMount>(&entry)) {
                     parts.bind = open_bind_source(*bind);
                   } else if (const auto* device = std::get_if<DeviceMount>(&entry)) {
                     // Missing, it may still be made.
                     parts.bind = Fd(::open(device->source.c_str(), O_PATH | O_CLOEXEC));
                   } else if (const auto* overlay = std::get_if<OverlayMount>(&entry)) {
                     parts.overlay = open_overlay_parts(overlay->layers);
                   }
                 });
    if (parts.bind) {
      parts.bind = clone_mount(parts.bind, "bind mount", Depth::kWithMountsBelow);
    }
  }
}

void StepRoot::prepare_mounts() {
  for (std::size_t index = 0; index < spec_.mounts.size(); ++index) {
    const ImagePath& target = target_of(spec_.mounts[index]);
    if (target.is_root() || is_below(target, "/proc")) {
      base::fail(base::ErrorKind::kInput, cat("invalid mount target ", base::quote(target.text())));
    }
    base::noting([&] { return cat("preparing the mount at ", target.text()); },
                 [&] { prepare(index); });
  }
  std::ranges::stable_sort(prepared_, std::less<>(), &Prepared::target);
}

void StepRoot::prepare(std::size_t index) {
  const MountEntry& entry = spec_.mounts[index];
  Prepared mount{target_of(entry), Fd(), PointKind::kDirectory, scratch_.no_devices(),
                 std::holds_alternative<BindMount>(entry)};
  auto read_only = [](Access access) -> std::uint64_t {
    return access == Access::kReadOnly ? MOUNT_ATTR_RDONLY : 0;
  };
  if (const auto* bind = std::get_if<BindMount>(&entry)) {
    mount.mount = std::move(host_parts_[index].bind);
    mount.attributes |= read_only(bind->access) | bind->attributes;
    mode_t mode = base::get_status(mount.mount, "").st_mode;
    if (S_ISCHR(mode) || S_ISBLK(mode)) {
      mount.attributes &= ~static_cast<std::uint64_t>(MOUNT_ATTR_NODEV);
    }
  } else if (const auto* overlay = std::get_if<OverlayMount>(&entry)) {
    mount.mount = prepare_overlay(*overlay, index);
    mount.attributes |= overlay->layers.upper.empty() ? MOUNT_ATTR_RDONLY : 0;
  } else if (const auto* tmpfs = std::get_if<TmpfsMount>(&entry)) {
    mount.mount = make_tmpfs(*tmpfs);
  } else if (const auto* device = std::get_if<DeviceMount>(&entry)) {
    mount.mount = prepare_device(*device, index);
    mount.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  } else {
    const auto& file = std::get<FileMount>(entry);
    mount.mount = prepare_file(file, index);
    mount.attributes |= kPlainData | read_only(file.access);
  }
  mount.kind = kind_of(mount.mount);
  prepared_.push_back(std::move(mount));
}

// The kernel's overlay without an upper directory needs two layers at least: empty ones are added.
Fd StepRoot::prepare_overlay(const OverlayMount& mount, std::size_t index) {
  std::string name = cat("overlay-", index);
  check([&] { return ::mkdirat(scratch_.folder().get(), name.c_str(), 0755); }, "mkdir", name);
  OverlayParts& parts = *host_parts_[index].overlay;
  for (const char* empty : {"empty", "nothing"}) {
    parts.lowers.insert(parts.lowers.begin(),
                        base::open_at(scratch_.folder(), empty, O_PATH | O_DIRECTORY));
  }
  Fd overlay = uses_fuse() ? mount_fuse_overlay(fuse_, index + 1, scratch_.folder(), name.c_str())
                           : mount_overlay(parts, surroundings_.xattr(), {scratch_.folder(), name});
  if (!mount.subpath.is_root()) {
    overlay =
        base::open_beneath(overlay, mount.subpath.relative(), O_PATH, 0, base::Links::kInRoot);
  }
  return clone_mount(overlay, parts.name);
}

Fd StepRoot::prepare_device(const DeviceMount& device, std::size_t index) {
  if (scratch_.has_own_devices()) {
    std::string name = cat("device-", index);
    check(
        [&] {
          return ::mknodat(scratch_.folder().get(), name.c_str(), device.type | device.mode,
                           makedev(device.major_number, device.minor_number));
        },
        "mknod", device.target.text());
    check(
        [&] {
          return ::fchownat(scratch_.folder().get(), name.c_str(), device.uid, device.gid,
                            AT_SYMLINK_NOFOLLOW);
        },
        "chown", device.target.text());
    return clone_mount_at(scratch_.folder(), name.c_str());
  }
  Fd node = std::move(host_parts_[index].bind);
  if (!node) {
    base::fail(base::ErrorKind::kNotFound, cat("there is no device ", device.source),
               "nodes can't be made in a user namespace, so the machine must have it");
  }
  if ((base::get_status(node, "").st_mode & S_IFMT) != device.type) {
    base::fail(base::ErrorKind::kInput, cat(device.source, " is not the device that is wanted"));
  }
  return node;
}

Fd StepRoot::prepare_file(const FileMount& mount, std::size_t index) {
  Fd file = scratch_.make_file(cat("file-", index), mount.content, mount.mode);
  if (!surroundings_.has_one_id) {
    check([&] { return ::fchown(file.get(), mount.uid, mount.gid); }, "chown",
          cat(mount.target.text(), " to ", mount.uid, ":", mount.gid));
  }
  return clone_mount(file, mount.target.text());
}

std::vector<StubPoint> StepRoot::stub_points() const {
  std::vector<StubPoint> points;
  for (const char* directory : {"/dev", "/proc", "/sys"}) {
    points.push_back({ImagePath::clean(directory), PointKind::kDirectory});
  }
  if (spec_.hosts) {
    points.push_back({ImagePath::clean("/etc/hosts"), PointKind::kFile});
  }
  if (spec_.resolv_conf) {
    points.push_back({ImagePath::clean("/etc/resolv.conf"), PointKind::kFile});
  }
  for (const Prepared& mount : prepared_) {
    if (!is_below(mount.target, "/dev") && !is_below(mount.target, "/sys")) {
      points.push_back({mount.target, mount.kind});
    }
  }
  return points;
}

void StepRoot::mount_root() {
  if (const auto* overlay = std::get_if<OverlayRoot>(&spec_.root)) {
    mount_overlay_root(*overlay);
  } else {
    mount_plain_root(std::get<PlainRoot>(spec_.root));
  }
  points_.emplace(root_, made_in_);
}

// A root without an upper directory gets one in memory, so that a hidden mount point can be made;
// finish() makes it read-only. fuse-overlayfs, which stands outside, sees neither that nor stubs:
// with it, mount points are made in the upper directory and taken away again.
void StepRoot::mount_overlay_root(const OverlayRoot& root) {
  if (!root.upper.empty()) {
    made_in_ = root_parts_->upper.duplicate();
  }
  if (uses_fuse()) {
    root_ = mount_fuse_overlay(fuse_, 0, scratch_.folder(), "root");
  } else {
    add_stubs_and_upper(root);
    root_ = mount_overlay(*root_parts_, surroundings_.xattr(), {scratch_.folder(), "root"});
  }
  root_parts_.reset();
}

void StepRoot::add_stubs_and_upper(const OverlayRoot& root) {
  Fd own_folder = base::open_at(scratch_.folder(), "stubs", O_PATH | O_DIRECTORY);
  Fd stubs = ensure_stub_set(stub_folder_ ? stub_folder_ : own_folder, stub_points());
  root_parts_->lowers.insert(root_parts_->lowers.begin(), std::move(stubs));
  if (root.upper.empty()) {
    root_parts_->upper = base::open_at(scratch_.folder(), "upper", O_PATH | O_DIRECTORY);
    root_parts_->work = base::open_at(scratch_.folder(), "work", O_PATH | O_DIRECTORY);
  }
}

void StepRoot::mount_plain_root(const PlainRoot& root) {
  root_ = clone_mount(plain_root_, root.directory);
  attach_at(root_, scratch_.folder(), "root");
}

void StepRoot::attach_mounts() {
  attach_text(ImagePath::clean("/etc/hosts"), spec_.hosts);
  attach_text(ImagePath::clean("/etc/resolv.conf"), spec_.resolv_conf);
  for (Prepared& mount : prepared_) {
    base::noting([&] { return cat("mounting ", mount.target.text()); },
                 [&] {
                   attach(mount.mount, points_->ensure(mount.target, mount.kind),
                          mount.target.text());
                   if (mount.attributes != 0) {
                     add_attributes(mount.mount, mount.attributes, mount.target.text(),
                                    Depth::kWithMountsBelow);
                   }
                 });
  }
}

// Writable, as in a container: the step's changes are to a copy and vanish with it.
void StepRoot::attach_text(const ImagePath& target, const std::optional<std::string>& content) {
  if (!content || has_mount_at(target)) {
    return;
  }
  base::noting([&] { return cat("mounting ", target.text()); },
               [&] {
                 std::string name(target.base_name());
                 Fd mount = clone_mount(scratch_.make_file(name, *content, 0644), name);
                 attach(mount, points_->ensure(target, PointKind::kFile), target.text());
                 add_attributes(mount, kPlainData, target.text());
               });
}

// The runtime makes /dev and /sys itself, so what lies there comes after them and is its to mount.
bool StepRoot::is_left_to_runtime(const ImagePath& place) {
  return is_below(place, "/dev") || is_below(place, "/sys");
}

// A runtime resolves a target by name. In a directory that others change meanwhile (a cache of
// several steps) one that makes missing parts by name can be led out of the root, so nothing is to
// be mounted by it there.
void StepRoot::leave_to_runtime(Prepared& mount, ImagePath place, std::vector<OciMount>& placed) {
  for (const Prepared& other : prepared_) {
    if (other.is_shared && other.target != place && other.target.contains(place)) {
      base::fail(base::ErrorKind::kInput,
                 cat("an OCI runtime can't mount ", mount.target.text(), ", which is beneath ",
                     other.target.text(), ", safely"),
                 "mount the one or the other outside of /dev and /sys");
    }
  }
  std::string name = cat("mount-", placed.size());
  if (mount.kind == PointKind::kDirectory) {
    check([&] { return ::mkdirat(scratch_.folder().get(), name.c_str(), 0755); }, "mkdir", name);
  } else {
    scratch_.make_file(name, "", 0644);
  }
  attach_at(mount.mount, scratch_.folder(), name.c_str());
  placed.push_back({std::move(place), cat(scratch_.path(), "/", name), mount.attributes});
}

// Where in the root it is, links followed: by name, which only says whether it is in /dev or /sys.
// No other step changes those of this root.
ImagePath StepRoot::place_of(const Fd& point) const {
  std::string found = path_of_descriptor(point);
  std::string root = path_of_descriptor(root_);
  return found.starts_with(root) ? ImagePath::clean(found.substr(root.size())) : ImagePath();
}

void StepRoot::place_mount(Prepared& mount, std::vector<OciMount>& placed) {
  if (is_left_to_runtime(mount.target)) {
    leave_to_runtime(mount, mount.target, placed);
  } else {
    Fd point = points_->ensure(mount.target, mount.kind);
    ImagePath place = place_of(point);
    if (is_below(place, "/proc")) {
      base::fail(
          base::ErrorKind::kInput,
          cat("invalid mount target ", base::quote(mount.target.text()), ": it leads into /proc"));
    }
    if (is_left_to_runtime(place)) {
      leave_to_runtime(mount, std::move(place), placed);
    } else {
      attach(mount.mount, point, mount.target.text());
    }
  }
  if (mount.attributes != 0) {
    add_attributes(mount.mount, mount.attributes, mount.target.text(), Depth::kWithMountsBelow);
  }
}

std::vector<OciMount> StepRoot::place_mounts() {
  std::vector<OciMount> placed;
  for (const char* directory : {"/proc", "/sys", "/dev"}) {
    points_->ensure_plain_directory(ImagePath::clean(directory));
  }
  if (scratch_.devices_are_mounts()) {
    for (const DeviceNode& device : kDevices) {
      placed.push_back({ImagePath::clean(cat("/dev/", device.name)),
                        cat(scratch_.path(), "/", device.name), MOUNT_ATTR_NOSUID});
    }
  }
  attach_text(ImagePath::clean("/etc/hosts"), spec_.hosts);
  attach_text(ImagePath::clean("/etc/resolv.conf"), spec_.resolv_conf);
  for (Prepared& mount : prepared_) {
    base::noting([&] { return cat("mounting ", mount.target.text()); },
                 [&] { place_mount(mount, placed); });
  }
  return placed;
}

bool StepRoot::is_read_only() const {
  const auto* overlay = std::get_if<OverlayRoot>(&spec_.root);
  return overlay != nullptr ? overlay->upper.empty()
                            : std::get<PlainRoot>(spec_.root).access == Access::kReadOnly;
}

void StepRoot::finish() {
  std::uint64_t attributes = scratch_.no_devices() | (is_read_only() ? MOUNT_ATTR_RDONLY : 0);
  if (attributes != 0) {
    add_attributes(root_, attributes, "/");
  }
}

bool StepRoot::has_mount_at(const ImagePath& target) const {
  return std::ranges::any_of(spec_.mounts,
                             [&](const MountEntry& entry) { return target_of(entry) == target; });
}

}  // namespace slipway::builder
