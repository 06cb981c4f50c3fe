#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/layer/layer_index.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/merged_view.h"

namespace slipway::builder::tests {

// Entries written as lines, one each; attributes may follow the type letter:
//
//   d /etc                      directory 0755 0:0
//   d:0700:5:6 /root
//   f /etc/passwd root:x:0:0    file 0644 with the rest of the line as content
//   f:04755:0:0 /bin/su !
//   l /lib usr/lib              symlink
//   h /b /a                     hard link to /a
//   w /gone                     whiteout
//   o /dir                      opaque directory
//   c /dev/null 1,3             character device (b: block device)
//   p /fifo
//   x /f user.key value         sets an xattr of the entry named before
//
// Times are 1000 seconds. In any order.
LayerEntries entries_of(std::string_view text);

// The layer as the one pass over it gives it.
WrittenLayer layer_of(std::string_view text);
// Its canonical tar.
std::string tar_of(std::string_view text);

// Layers stacked, bottom first.
std::shared_ptr<const MergedView> view_of(const std::vector<std::string_view>& layers);

// Every entry as describe() has it, in order, a line each, the root left out.
std::string listing(const LayerIndex& index);
std::string listing(const TreeView& view);
std::string listing(const LayerEntries& layer);

std::string content_of(const TreeView& view, std::string_view path);

// What describe(error) gives, or "no error".
template <typename Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const base::Error& error) {
    return base::describe(error);
  }
  return "no error";
}

// The exit code of a shell command; its output goes to `out` if given.
int run_shell(const std::string& command, std::string* out = nullptr);
inline constexpr int kNoSuchCommand = 127;

// Can this process make whiteouts and set trusted.* attributes in /tmp, as real root can?
bool can_make_overlay_marks();

}  // namespace slipway::builder::tests
