#include "builder/layer/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cassert>

#include "base/fs.h"
#include "base/recorded_owner.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::ErrorKind;

constexpr std::size_t kDroppedXattrsMax = 20;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

timespec to_timespec(base::Timestamp time) {
  return {static_cast<time_t>(time.seconds), time.nanoseconds};
}

std::string proc_name(const base::Fd& fd) {
  return cat("/proc/self/fd/", fd.get());
}

}  // namespace

OverlayMarks overlay_marks_of_process() {
  // The first namespace maps all ids to themselves.
  std::optional<std::string> map = base::find_file_content("/proc/self/uid_map", 64 * 1024);
  if (!map) {
    return OverlayMarks::kTrusted;
  }
  std::string_view text = base::trim(*map);
  return text.starts_with("0 ") && text.ends_with(" 4294967295") &&
                 text.find('\n') == std::string_view::npos
             ? OverlayMarks::kTrusted
             : OverlayMarks::kUser;
}

std::string_view opaque_xattr(OverlayMarks marks) {
  assert(marks != OverlayMarks::kNone);
  return marks == OverlayMarks::kTrusted ? "trusted.overlay.opaque" : "user.overlay.opaque";
}

TreeWriter::TreeWriter(const base::Fd& root, Options options)
    : root_(&root),
      options_(options),
      own_uid_(::geteuid()),
      own_gid_(::getegid()),
      parent_(root.duplicate()) {}

const base::Fd& TreeWriter::parent_of(const base::ImagePath& path) {
  base::ImagePath wanted = path.parent();
  if (wanted == parent_path_) {
    return parent_;
  }
  std::optional<base::Fd> found = base::find_beneath(*root_, wanted.relative(), kOpenDirectory);
  if (!found) {
    // Each missing one by itself, so that finish() knows of it.
    create(make_implied_directory(wanted));
    found = base::open_beneath(*root_, wanted.relative(), kOpenDirectory);
  }
  parent_ = std::move(*found);
  parent_path_ = std::move(wanted);
  return parent_;
}

bool TreeWriter::must_own(const Entry& entry) const {
  return options_.owners == Owners::kApply && (entry.uid != own_uid_ || entry.gid != own_gid_);
}

void TreeWriter::create(const Entry& entry) {
  if (entry.path.is_root()) {
    directories_.insert_or_assign(entry.path, entry);
    return;
  }
  const base::Fd& parent = parent_of(entry.path);
  std::string name(entry.path.base_name());
  switch (entry.type) {
    case EntryType::kFile:
      base::fail(ErrorKind::kInternal, "a file is created by open_file");
    case EntryType::kDirectory:
      return create_directory(entry, parent, name);
    case EntryType::kSymlink:
      check([&] { return ::symlinkat(entry.link_target.c_str(), parent.get(), name.c_str()); },
            "symlink", entry.path.text());
      return apply_attributes(entry, parent, name);
    case EntryType::kHardlink:
      return create_hardlink(entry, parent, name);
    case EntryType::kFifo:
      check([&] { return ::mkfifoat(parent.get(), name.c_str(), 0600); }, "mkfifo",
            entry.path.text());
      return apply_attributes(entry, parent, name);
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
    case EntryType::kWhiteout:
      return create_device(entry, parent, name);
  }
}

void TreeWriter::create_directory(const Entry& entry, const base::Fd& parent,
                                  const std::string& name) {
  if (entry.opaque && options_.marks == OverlayMarks::kNone) {
    base::fail(ErrorKind::kInternal, cat("no mark for opaque directory ", entry.path.text()));
  }
  // It may be there already, made for something below it that came first.
  if (::mkdirat(parent.get(), name.c_str(), 0700) != 0 &&
      (errno != EEXIST || !directories_.contains(entry.path))) {
    throw base::system_error(errno, "mkdir", entry.path.text());
  }
  directories_.insert_or_assign(entry.path, entry);
}

void TreeWriter::create_hardlink(const Entry& entry, const base::Fd& parent,
                                 const std::string& name) {
  std::optional<base::ImagePath> target = base::ImagePath::parse(entry.link_target);
  if (!target || target->is_root()) {
    base::fail(ErrorKind::kInternal,
               cat("hard link ", entry.path.text(), " to ", base::quote(entry.link_target)));
  }
  base::Fd directory =
      base::open_beneath(*root_, target->parent().relative(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  std::string target_name(target->base_name());
  check(
      [&] { return ::linkat(directory.get(), target_name.c_str(), parent.get(), name.c_str(), 0); },
      "link", cat(entry.path.text(), " to ", entry.link_target));
}

void TreeWriter::create_device(const Entry& entry, const base::Fd& parent,
                               const std::string& name) {
  if (entry.type == EntryType::kWhiteout) {
    if (options_.marks == OverlayMarks::kNone) {
      base::fail(ErrorKind::kInternal, cat("no mark for whiteout ", entry.path.text()));
    }
    check([&] { return ::mknodat(parent.get(), name.c_str(), S_IFCHR, 0); }, "mknod",
          entry.path.text());
    return;
  }
  mode_t type = entry.type == EntryType::kCharDevice ? S_IFCHR : S_IFBLK;
  dev_t device = ::makedev(entry.device_major, entry.device_minor);
  if (type == S_IFCHR && device == 0) {
    base::fail(ErrorKind::kInput, cat(entry.path.text(),
                                      ": character device 0,0 can't be unpacked: overlay file "
                                      "systems take it for a deletion"));
  }
  if (::mknodat(parent.get(), name.c_str(), type | 0600, device) != 0) {
    int error_number = errno;
    if (error_number == EPERM) {
      throw base::Error(ErrorKind::kDenied,
                        cat("device node ", entry.path.text(), " can't be made without real root"),
                        error_number)
          .with_hint("build as root, or use a base image without device nodes");
    }
    throw base::system_error(error_number, "mknod", entry.path.text());
  }
  apply_attributes(entry, parent, name);
}

base::Fd TreeWriter::open_file(const Entry& entry) {
  const base::Fd& parent = parent_of(entry.path);
  std::string name(entry.path.base_name());
  return base::Fd(check(
      [&] {
        return ::openat(parent.get(), name.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      },
      "create", entry.path.text()));
}

void TreeWriter::close_file(const Entry& entry, base::Fd file) {
  apply_owner_and_mode(entry, file);
  for (const base::Xattr& xattr : entry.xattrs) {
    apply_xattr(entry, xattr, file);
  }
  timespec times[2] = {to_timespec(entry.mtime), to_timespec(entry.mtime)};
  check([&] { return ::futimens(file.get(), times); }, "utimens", entry.path.text());
  file.close(entry.path.text());
}

// Each file gets a record, so that one without is known to be new.
void TreeWriter::apply_owner(const Entry& entry, const base::Fd& file) const {
  if (options_.owners == Owners::kRecord) {
    base::record_owner(file, {entry.uid, entry.gid}, entry.path.text());
  } else if (must_own(entry)) {
    check([&] { return ::fchown(file.get(), entry.uid, entry.gid); }, "chown", entry.path.text());
  }
}

// The owner first: changing it takes setuid bits and capabilities away.
void TreeWriter::apply_owner_and_mode(const Entry& entry, const base::Fd& file) {
  apply_owner(entry, file);
  check([&] { return ::fchmod(file.get(), entry.mode & 07777); }, "chmod", entry.path.text());
}

void TreeWriter::apply_xattr(const Entry& entry, const base::Xattr& xattr, const base::Fd& file) {
  const std::string& name = xattr.first;
  bool privileged = name.starts_with("security.") || name.starts_with("trusted.");
  if (privileged && options_.owners == Owners::kLeave) {
    return;
  }
  std::string path = proc_name(file);
  if (::setxattr(path.c_str(), name.c_str(), xattr.second.data(), xattr.second.size(), 0) == 0) {
    return;
  }
  bool may_drop = errno == EOPNOTSUPP || (privileged && (errno == EPERM || errno == EACCES));
  if (!may_drop) {
    throw base::system_error(errno, "setxattr", cat(entry.path.text(), " ", name));
  }
  if (dropped_xattrs_.size() < kDroppedXattrsMax) {
    dropped_xattrs_.push_back(cat(entry.path.text(), ": ", name));
  }
}

// Of what can't be opened without side effects: links, devices, fifos. `name` was just created by
// us in a directory that nobody else writes to.
void TreeWriter::apply_attributes(const Entry& entry, const base::Fd& parent,
                                  const std::string& name) {
  if (must_own(entry)) {
    check(
        [&] {
          return ::fchownat(parent.get(), name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
        },
        "chown", entry.path.text());
  }
  if (!entry.is_symlink()) {
    check([&] { return ::fchmodat(parent.get(), name.c_str(), entry.mode & 07777, 0); }, "chmod",
          entry.path.text());
    if (!entry.xattrs.empty()) {
      base::Fd file = base::open_at(parent, name, O_PATH | O_NOFOLLOW);
      for (const base::Xattr& xattr : entry.xattrs) {
        apply_xattr(entry, xattr, file);
      }
    }
  }
  timespec times[2] = {to_timespec(entry.mtime), to_timespec(entry.mtime)};
  check([&] { return ::utimensat(parent.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW); },
        "utimens", entry.path.text());
}

void TreeWriter::remove(const base::ImagePath& path) {
  std::optional<base::Fd> parent =
      base::find_beneath(*root_, path.parent().relative(), kOpenDirectory);
  if (parent) {
    base::remove_tree(*parent, std::string(path.base_name()));
  }
  auto first = directories_.lower_bound(path);
  auto last = first;
  while (last != directories_.end() && path.contains(last->first)) {
    ++last;
  }
  directories_.erase(first, last);
  if (path.contains(parent_path_)) {
    parent_path_ = {};
    parent_ = root_->duplicate();
  }
}

void TreeWriter::finish() {
  for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
    finish_directory(entry->second);
  }
  directories_.clear();
}

void TreeWriter::finish_directory(const Entry& entry) {
  base::Fd directory = base::open_beneath(*root_, entry.path.relative(), kOpenDirectory);
  apply_owner_and_mode(entry, directory);
  for (const base::Xattr& xattr : entry.xattrs) {
    apply_xattr(entry, xattr, directory);
  }
  if (entry.opaque) {
    base::set_xattr(directory, std::string(opaque_xattr(options_.marks)), "y", entry.path.text());
  }
  timespec times[2] = {to_timespec(entry.mtime), to_timespec(entry.mtime)};
  check([&] { return ::futimens(directory.get(), times); }, "utimens", entry.path.text());
}

}  // namespace slipway::builder
