#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/layer/tree_view.h"

// Users and groups of an image, from its /etc/passwd and /etc/group.

namespace slipway::builder {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  friend bool operator==(const Owner&, const Owner&) = default;
};

struct PasswdEntry {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
};
struct GroupEntry {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};
// Lines that are none are skipped, as every reader of these files does.
std::vector<PasswdEntry> parse_passwd(std::string_view text);
std::vector<GroupEntry> parse_group(std::string_view text);
inline constexpr std::size_t kPasswdBytesMax = 4 << 20;

// The owner that --chown (and USER for WORKDIR) means in the image that is being built (language
// reference, section 9): "user", "user:group", names or numbers. A name that is in no file gives 0;
// kInput if the file is needed and missing: «"/etc/passwd": not found», or on an empty root
// «invalid user index: -1». `root` is null for an empty root.
Owner find_owner(const TreeView* root, std::string_view text);
// Can find_owner(text) answer without a root? ("12", "0:0", "root", "")
bool is_numeric_owner(std::string_view text);

// Who a RUN step is (language reference, section 8, USER): ids, additional groups, home.
// kInput: «unable to find user <u>: no matching entries in passwd file», «unable to find group
// ...».
struct ProcessUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  // sorted; the primary one is among them
  std::string home;                   // "/" if the user has none
};
ProcessUser find_process_user(const TreeView& root, std::string_view text);

}  // namespace slipway::builder
