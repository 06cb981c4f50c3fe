#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

// The kernel's mount API by descriptors (fsopen, fsmount, open_tree, move_mount, mount_setattr;
// Linux 5.2 and, for the last, 5.12 with a fallback). Nothing here takes a path that the content of
// an image could have a say in: a target is an open O_PATH descriptor, found beneath the root.
//
// A descriptor of a mount stands for its top directory, so that what lies below can be opened
// relative to it whether it is attached or not.

namespace slipway::builder {

struct FilesystemRequest {
  const char* type = nullptr;
  // "key" with "value"; an empty value is a flag.
  std::vector<std::pair<std::string, std::string>> options;
  unsigned attributes = 0;  // MOUNT_ATTR_*
};
// A new file system, not attached anywhere. The Error has what the kernel had to say about it.
base::Fd make_filesystem(const FilesystemRequest& request);

enum class Depth { kThisMount, kWithMountsBelow };

// A copy of what lies at `source` (opened with O_PATH; a file, directory, device or socket), not
// attached anywhere.
base::Fd clone_mount(const base::Fd& source, std::string_view object,
                     Depth depth = Depth::kThisMount);

// Puts an unattached mount onto `target`, or moves one there with all that is mounted below it.
void attach(const base::Fd& mount, const base::Fd& target, std::string_view object);

// Both by a name in a directory that only we can change (the scratch, a fresh /dev). A link is not
// followed.
base::Fd clone_mount_at(const base::Fd& directory, const char* name);
void attach_at(const base::Fd& mount, const base::Fd& directory, const char* name);

// Adds MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC to an attached mount.
void add_attributes(const base::Fd& mount, std::uint64_t attributes, std::string_view object,
                    Depth depth = Depth::kThisMount);

// Nothing mounted from here on reaches another mount namespace, nor comes from one.
void make_all_mounts_private();

// Makes the mount the root of this process' mount namespace; what was there before is detached.
void pivot_into(const base::Fd& root);

// Throws system_error(errno, "mount", type) with the kernel's own words from the context as a note.
[[noreturn]] void fail_with_log(const base::Fd& context, int error_number, std::string_view object);

}  // namespace slipway::builder
