#include "builder/layer/entry.h"

#include <algorithm>

#include "base/recorded_owner.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

char type_letter(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return 'f';
    case EntryType::kDirectory:
      return 'd';
    case EntryType::kSymlink:
      return 'l';
    case EntryType::kHardlink:
      return 'h';
    case EntryType::kCharDevice:
      return 'c';
    case EntryType::kBlockDevice:
      return 'b';
    case EntryType::kFifo:
      return 'p';
    case EntryType::kWhiteout:
      return 'w';
  }
  return '?';
}

std::string octal_mode(std::uint32_t mode) {
  std::string digits = "0000";
  for (std::size_t i = 0; i < 4; ++i) {
    digits[3 - i] = static_cast<char>('0' + ((mode >> (3 * i)) & 7));
  }
  return digits;
}

}  // namespace

std::string_view entry_type_name(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return "file";
    case EntryType::kDirectory:
      return "directory";
    case EntryType::kSymlink:
      return "symlink";
    case EntryType::kHardlink:
      return "hard link";
    case EntryType::kCharDevice:
      return "character device";
    case EntryType::kBlockDevice:
      return "block device";
    case EntryType::kFifo:
      return "fifo";
    case EntryType::kWhiteout:
      return "whiteout";
  }
  return "unknown";
}

Entry make_implied_directory(base::ImagePath path) {
  return Entry{.path = std::move(path), .type = EntryType::kDirectory, .mode = 0755};
}

Entry make_whiteout(base::ImagePath path) {
  return Entry{.path = std::move(path), .type = EntryType::kWhiteout};
}

bool is_portable_xattr(std::string_view name) {
  if (name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") ||
      name.starts_with(base::kOwnAttributes)) {
    return false;
  }
  if (name.starts_with("security.")) {
    return name == "security.capability";
  }
  return name.starts_with("user.") || name.starts_with("trusted.") ||
         name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

void drop_foreign_xattrs(std::vector<base::Xattr>& xattrs) {
  std::erase_if(xattrs, [](const base::Xattr& xattr) { return !is_portable_xattr(xattr.first); });
}

std::string describe(const Entry& entry) {
  std::string out(1, type_letter(entry.type));
  if (entry.type == EntryType::kWhiteout) {
    return base::cat(out, " ", entry.path.text());
  }
  out += base::cat(" ", octal_mode(entry.mode), " ", entry.uid, ":", entry.gid);
  if (entry.is_regular()) {
    out += base::cat(" ", entry.size);
  }
  if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
    out += base::cat(" ", entry.device_major, ",", entry.device_minor);
  }
  out += base::cat(" ", entry.path.text());
  if (!entry.link_target.empty()) {
    out += base::cat(" -> ", entry.link_target);
  }
  if (entry.opaque) {
    out += " opaque";
  }
  for (const base::Xattr& xattr : entry.xattrs) {
    out += base::cat(" ", xattr.first, "=", base::quote(xattr.second));
  }
  return out;
}

}  // namespace slipway::builder
