#include "builder/layer/owners.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;

const base::ImagePath kPasswd = base::ImagePath::clean("/etc/passwd");
const base::ImagePath kGroup = base::ImagePath::clean("/etc/group");

std::optional<std::uint32_t> parse_id(std::string_view text) {
  return base::parse_integer<std::uint32_t>(text);
}

// "user:group"; the group is nothing where there is no colon.
struct OwnerText {
  std::string_view user;
  std::optional<std::string_view> group;
};
OwnerText split_owner(std::string_view text) {
  std::optional<base::TextPair> pair = base::split_once(text, ':');
  return pair ? OwnerText{pair->before, pair->after} : OwnerText{text, std::nullopt};
}

// A number, or "root", which needs no file.
std::optional<std::uint32_t> known_id(std::string_view text) {
  return text == "root" ? std::optional<std::uint32_t>(0) : parse_id(text);
}

// The file's text for --chown, which can't do without it.
std::string need_file(const TreeView* root, const base::ImagePath& path, std::string_view what) {
  if (root == nullptr) {
    base::fail(ErrorKind::kInput, cat("invalid ", what, " index: -1"),
               "an empty file system knows no names: give a number");
  }
  std::optional<std::string> text = find_text(*root, path, kPasswdBytesMax);
  if (!text) {
    base::fail(ErrorKind::kNotFound, cat(base::quote(path.text()), ": not found"),
               "the image has no such file to look names up in: give a number");
  }
  return *text;
}

template <typename Entry>
const Entry* find_named(const std::vector<Entry>& entries, std::string_view name) {
  auto found = std::find_if(entries.begin(), entries.end(),
                            [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

std::vector<PasswdEntry> passwd_of(const TreeView& root) {
  return parse_passwd(find_text(root, kPasswd, kPasswdBytesMax).value_or(""));
}
std::vector<GroupEntry> groups_of(const TreeView& root) {
  return parse_group(find_text(root, kGroup, kPasswdBytesMax).value_or(""));
}

// The user by name or number, the first that fits.
const PasswdEntry* find_user(const std::vector<PasswdEntry>& users, std::string_view text) {
  std::optional<std::uint32_t> uid = parse_id(text);
  auto found = std::find_if(users.begin(), users.end(), [&](const PasswdEntry& entry) {
    return entry.name == text || (uid && entry.uid == *uid);
  });
  return found == users.end() ? nullptr : &*found;
}

std::uint32_t group_id(const TreeView& root, std::string_view text) {
  std::vector<GroupEntry> groups = groups_of(root);
  if (const GroupEntry* entry = find_named(groups, text)) {
    return entry->gid;
  }
  if (std::optional<std::uint32_t> gid = parse_id(text)) {
    return *gid;
  }
  base::fail(ErrorKind::kInput,
             cat("unable to find group ", text, ": no matching entries in group file"));
}

std::vector<std::uint32_t> groups_with(const TreeView& root, std::string_view member) {
  std::vector<std::uint32_t> gids;
  for (const GroupEntry& group : groups_of(root)) {
    if (std::find(group.members.begin(), group.members.end(), member) != group.members.end()) {
      gids.push_back(group.gid);
    }
  }
  return gids;
}

}  // namespace

std::vector<PasswdEntry> parse_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  for (std::string_view line : base::split(text, '\n')) {
    std::vector<std::string_view> fields = base::split(base::trim(line), ':');
    if (fields.size() < 4) {
      continue;
    }
    std::optional<std::uint32_t> uid = parse_id(fields[2]);
    std::optional<std::uint32_t> gid = parse_id(fields[3]);
    if (uid && gid) {
      entries.push_back({.name = std::string(fields[0]),
                         .uid = *uid,
                         .gid = *gid,
                         .home = fields.size() > 5 ? std::string(fields[5]) : ""});
    }
  }
  return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for (std::string_view line : base::split(text, '\n')) {
    std::vector<std::string_view> fields = base::split(base::trim(line), ':');
    std::optional<std::uint32_t> gid = fields.size() < 3 ? std::nullopt : parse_id(fields[2]);
    if (!gid) {
      continue;
    }
    GroupEntry entry{.name = std::string(fields[0]), .gid = *gid, .members = {}};
    if (fields.size() > 3) {
      for (std::string_view member : base::split(fields[3], ',')) {
        if (!member.empty()) {
          entry.members.emplace_back(member);
        }
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool is_numeric_owner(std::string_view text) {
  OwnerText owner = split_owner(text);
  return text.empty() || (known_id(owner.user) && (!owner.group || known_id(*owner.group)));
}

Owner find_owner(const TreeView* root, std::string_view text) {
  OwnerText wanted = split_owner(text);
  Owner owner;
  if (text.empty()) {
    return owner;
  }
  if (std::optional<std::uint32_t> uid = known_id(wanted.user)) {
    owner = {*uid, *uid};
  } else {
    std::vector<PasswdEntry> users = parse_passwd(need_file(root, kPasswd, "user"));
    if (const PasswdEntry* user = find_named(users, wanted.user)) {
      owner = {user->uid, user->gid};
    }
  }
  if (!wanted.group) {
    return owner;
  }
  if (std::optional<std::uint32_t> gid = known_id(*wanted.group)) {
    owner.gid = *gid;
    return owner;
  }
  std::vector<GroupEntry> groups = parse_group(need_file(root, kGroup, "group"));
  const GroupEntry* group = find_named(groups, *wanted.group);
  owner.gid = group == nullptr ? 0 : group->gid;
  return owner;
}

ProcessUser find_process_user(const TreeView& root, std::string_view text) {
  std::string_view wanted = text.empty() ? "0" : text;
  OwnerText owner = split_owner(wanted);
  std::vector<PasswdEntry> users = passwd_of(root);
  const PasswdEntry* entry = find_user(users, owner.user);
  std::optional<std::uint32_t> uid = parse_id(owner.user);
  if (entry == nullptr && !uid) {
    base::fail(ErrorKind::kInput,
               cat("unable to find user ", owner.user, ": no matching entries in passwd file"));
  }
  ProcessUser user;
  user.uid = entry != nullptr ? entry->uid : *uid;
  user.gid = entry != nullptr ? entry->gid : 0;
  user.home = entry != nullptr && !entry->home.empty() ? entry->home : "/";
  if (owner.group && !owner.group->empty()) {
    user.gid = group_id(root, *owner.group);
  } else if (entry != nullptr) {
    user.groups = groups_with(root, entry->name);
  }
  user.groups.push_back(user.gid);
  std::sort(user.groups.begin(), user.groups.end());
  user.groups.erase(std::unique(user.groups.begin(), user.groups.end()), user.groups.end());
  return user;
}

}  // namespace slipway::builder
