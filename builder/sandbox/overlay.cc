#include "builder/sandbox/overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "base/text.h"
#include "builder/sandbox/mount_api.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

std::string path_of(const Fd& fd) {
  return cat("/proc/self/fd/", fd.get());
}

int set_directory(const Fd& context, const char* key, const Fd& directory, LayerNaming naming) {
  if (naming == LayerNaming::kDescriptors) {
    return ::fsconfig(context.get(), FSCONFIG_SET_FD, key, nullptr, directory.get());
  }
  return ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, path_of(directory).c_str(), 0);
}

// False if this kernel doesn't know this way of naming a layer, which it says at the first one.
bool add_lowers(const Fd& context, const OverlayParts& parts, LayerNaming naming) {
  for (std::size_t index = parts.lowers.size(); index-- > 0;) {
    if (set_directory(context, "lowerdir+", parts.lowers[index], naming) == 0) {
      continue;
    }
    if (errno == EINVAL && index + 1 == parts.lowers.size()) {
      return false;
    }
    fail_with_log(context, errno, parts.name);
  }
  return true;
}

void add_upper(const Fd& context, const OverlayParts& parts, LayerNaming naming) {
  if (!parts.upper) {
    return;
  }
  if (set_directory(context, "upperdir", parts.upper, naming) != 0 ||
      set_directory(context, "workdir", parts.work, naming) != 0) {
    fail_with_log(context, errno, parts.name);
  }
  // Linux 5.10. Without it umount writes everything out, which is slow but right.
  if (::fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0) != 0 &&
      errno != EINVAL) {
    fail_with_log(context, errno, parts.name);
  }
}

// No directory redirects (a layer must not name another layer's directory by an attribute) and no
// index, whatever the machine's defaults are. With user.* attributes the kernel has them off.
void add_settings(const Fd& context, const OverlayParts& parts, OverlayXattr xattr) {
  auto set = [&](unsigned command, const char* key, const char* value) {
    if (::fsconfig(context.get(), command, key, value, 0) != 0) {
      fail_with_log(context, errno, cat(parts.name, " with ", key));
    }
  };
  set(FSCONFIG_SET_STRING, "source", "overlay");
  if (xattr == OverlayXattr::kUser) {
    set(FSCONFIG_SET_FLAG, "userxattr", nullptr);
    return;
  }
  set(FSCONFIG_SET_STRING, "redirect_dir", "nofollow");
  set(FSCONFIG_SET_STRING, "metacopy", "off");
  set(FSCONFIG_SET_STRING, "index", "off");
}

// Nothing if the kernel does not know this way.
std::optional<Fd> make_overlay(const OverlayParts& parts, OverlayXattr xattr, LayerNaming naming) {
  Fd context(check([] { return ::fsopen("overlay", FSOPEN_CLOEXEC); }, "fsopen", "overlay"));
  if (!add_lowers(context, parts, naming)) {
    return std::nullopt;
  }
  add_upper(context, parts, naming);
  add_settings(context, parts, xattr);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    fail_with_log(context, errno, parts.name);
  }
  return Fd(
      check([&] { return ::fsmount(context.get(), FSMOUNT_CLOEXEC, 0); }, "fsmount", parts.name));
}

std::string mount_options(const OverlayParts& parts, OverlayXattr xattr) {
  std::string options =
      xattr == OverlayXattr::kUser ? "userxattr" : "redirect_dir=nofollow,metacopy=off,index=off";
  if (parts.upper) {
    options += cat(",upperdir=", parts.upper.get(), ",workdir=", parts.work.get());
  }
  options += ",lowerdir=";
  for (std::size_t index = parts.lowers.size(); index-- > 0;) {
    options += cat(parts.lowers[index].get(), index == 0 ? "" : ":");
  }
  return options;
}

// Options end at a page, hence the short names.
Fd mount_by_text(const OverlayParts& parts, OverlayXattr xattr, const MountPlace& place) {
  Fd names = base::open_directory("/proc/self/fd");
  check([&] { return ::fchdir(names.get()); }, "fchdir", "/proc/self/fd");
  std::string options = mount_options(parts, xattr);
  std::string onto = cat(path_of(place.directory), "/", place.name);
  auto mount = [&](const std::string& data) {
    return ::mount("overlay", onto.c_str(), "overlay", 0, data.c_str());
  };
  if (!parts.upper || mount(options + ",volatile") != 0) {
    check([&] { return mount(options); }, "mount", parts.name);
  }
  return base::open_at(place.directory, place.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Fd open_part(const std::string& path) {
  return base::open_file(path, O_PATH | O_DIRECTORY);
}

}  // namespace

OverlayParts open_overlay_parts(const OverlayRoot& root) {
  if (root.lowers.size() > kOverlayLowersMax) {
    base::fail(base::ErrorKind::kInput,
               cat("an overlay of ", root.lowers.size(),
                   " layers is more than the kernel's limit of ", kOverlayLowersMax));
  }
  OverlayParts parts;
  parts.name = cat("overlay of ", root.lowers.size(), " layers");
  std::set<std::string_view> seen;
  for (auto layer = root.lowers.rbegin(); layer != root.lowers.rend(); ++layer) {
    if (seen.insert(*layer).second) {
      parts.lowers.push_back(open_part(*layer));
    }
  }
  std::reverse(parts.lowers.begin(), parts.lowers.end());
  if (!root.upper.empty()) {
    parts.upper = open_part(root.upper);
    parts.work = open_part(root.work);
  }
  return parts;
}

Fd mount_overlay(const OverlayParts& parts, OverlayXattr xattr, const MountPlace& place) {
  for (LayerNaming naming : {LayerNaming::kDescriptors, LayerNaming::kPaths}) {
    if (std::optional<Fd> overlay = mount_overlay_naming(naming, parts, xattr, place)) {
      return std::move(*overlay);
    }
  }
  return mount_by_text(parts, xattr, place);
}

std::optional<Fd> mount_overlay_naming(LayerNaming naming, const OverlayParts& parts,
                                       OverlayXattr xattr, const MountPlace& place) {
  if (naming == LayerNaming::kOneText) {
    return mount_by_text(parts, xattr, place);
  }
  std::optional<Fd> overlay = make_overlay(parts, xattr, naming);
  if (overlay) {
    attach_at(*overlay, place.directory, place.name.c_str());
  }
  return overlay;
}

}  // namespace slipway::builder
