#include "builder/sandbox/plain_tree.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/file_copy.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

constexpr const char* kOpaqueMark = "user.overlay.opaque";
// No longer path can be given to a system call.
constexpr std::size_t kPathBytesMax = 4095;

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

bool is_opaque(const Fd& directory) {
  return base::find_xattr(directory, kOpaqueMark) == "y" ||
         base::find_xattr(directory, "trusted.overlay.opaque") == "y";
}

// Keeps what is read small: a directory at a time, opened by its path.
Fd open_below(const Fd& root, const ImagePath& path) {
  return base::open_beneath(root, path.relative(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

class TreeAdder {
 public:
  TreeAdder(const Fd& tree, const Fd& root) : tree_(tree), root_(root), copy_(root) {}

  bool run() {
    pending_.emplace_back();
    while (!pending_.empty()) {
      ImagePath path = std::move(pending_.front());
      pending_.pop_front();
      Fd directory = open_below(tree_, path);
      for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
        add(directory, path.child(entry.name), entry.name);
      }
    }
    copy_.finish();
    return left_out_;
  }

 private:
  void add(const Fd& directory, const ImagePath& path, const std::string& name) {
    struct stat status = base::get_status(directory, name);
    if (is_whiteout(status)) {
      copy_.remove(path);
    } else if (S_ISDIR(status.st_mode)) {
      Fd opened = base::open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      is_opaque(opened) ? copy_.renew_directory(opened, path) : copy_.put_directory(opened, path);
      pending_.push_back(path);
    } else if (!copy_.put(directory, path, status)) {
      // What is below it is hidden all the same.
      copy_.remove(path);
      left_out_ = true;
    }
  }

  const Fd& tree_;
  const Fd& root_;
  FileCopy copy_;
  std::deque<ImagePath> pending_;
  bool left_out_ = false;
};

std::int64_t nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

struct Looked {
  FileIdentity identity;
  struct stat status{};
};

Looked look_at(const Fd& directory, const std::string& name) {
  struct statx found{};
  check(
      [&] {
        return ::statx(directory.get(), name.c_str(), AT_SYMLINK_NOFOLLOW,
                       STATX_BASIC_STATS | STATX_BTIME, &found);
      },
      "statx", name);
  Looked looked;
  looked.identity = {found.stx_ino,
                     (found.stx_mask & STATX_BTIME) != 0 ? nanoseconds(found.stx_btime) : 0,
                     nanoseconds(found.stx_ctime), S_ISDIR(found.stx_mode)};
  looked.status.st_dev = ::makedev(found.stx_dev_major, found.stx_dev_minor);
  looked.status.st_ino = found.stx_ino;
  looked.status.st_mode = found.stx_mode;
  looked.status.st_nlink = found.stx_nlink;
  looked.status.st_uid = found.stx_uid;
  looked.status.st_gid = found.stx_gid;
  looked.status.st_size = static_cast<off_t>(found.stx_size);
  looked.status.st_mtim = {found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec};
  return looked;
}

// Writes to a mapped file leave no time stamp there.
bool has_all_stamps(const Fd& root) {
  struct statfs found{};
  check([&] { return ::fstatfs(root.get(), &found); }, "fstatfs");
  return found.f_type != TMPFS_MAGIC;
}

bool has_same_bytes(const Fd& left, const Fd& right) {
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  std::vector<char> bytes(2 * kPiece);
  std::span<char> one(bytes.data(), kPiece);
  std::span<char> other(bytes.data() + kPiece, kPiece);
  while (true) {
    std::size_t got = base::read_full(left, one);
    if (got != base::read_full(right, other) ||
        !std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(got), other.begin())) {
      return false;
    }
    if (got < kPiece) {
      return true;
    }
  }
}

// What the files of a root were copied from.
class Originals {
 public:
  explicit Originals(std::span<const Fd> trees) : trees_(trees) {}

  // Is the file what it was copied from, byte for byte? It has been there ever since.
  bool has_same(const Fd& directory, const ImagePath& path, const struct stat& status) {
    std::string name(path.base_name());
    for (auto tree = trees_.rbegin(); tree != trees_.rend(); ++tree) {
      std::optional<Fd> parent =
          base::find_beneath(*tree, path.parent().relative(), O_RDONLY | O_DIRECTORY);
      std::optional<struct stat> found = parent ? base::find_status(*parent, name) : std::nullopt;
      if (!found) {
        continue;
      }
      auto [known, is_new] = compared_.try_emplace({status.st_ino, {found->st_dev, found->st_ino}});
      if (is_new) {
        known->second = has_same_attributes(status, *found) &&
                        attributes_at(directory, name) == attributes_at(*parent, name) &&
                        has_same_bytes(base::open_at(directory, name, O_RDONLY | O_NOFOLLOW),
                                       base::open_at(*parent, name, O_RDONLY | O_NOFOLLOW));
      }
      return known->second;
    }
    return false;
  }

 private:
  static bool has_same_attributes(const struct stat& left, const struct stat& right) {
    return left.st_mode == right.st_mode && left.st_uid == right.st_uid &&
           left.st_gid == right.st_gid && left.st_size == right.st_size &&
           left.st_mtim.tv_sec == right.st_mtim.tv_sec &&
           left.st_mtim.tv_nsec == right.st_mtim.tv_nsec;
  }

  static std::vector<base::Xattr> attributes_at(const Fd& directory, const std::string& name) {
    std::vector<base::Xattr> found = base::list_xattrs_at(directory, name);
    std::erase_if(found, [](const auto& xattr) { return !is_attribute_of_file(xattr.first); });
    return found;
  }

  std::span<const Fd> trees_;
  std::map<std::pair<ino_t, std::pair<dev_t, ino_t>>, bool> compared_;
};

class ChangeWriter {
 public:
  ChangeWriter(const Fd& root, const TreeRecord& before, const Fd& upper, std::span<const Fd> trees)
      : root_(root),
        before_(before),
        copy_(upper),
        originals_(trees),
        trusts_stamps_(has_all_stamps(root)) {
    in_upper_.insert(ImagePath());
  }

  TreeChanges run() {
    pending_.push_back({ImagePath(), true});
    while (!pending_.empty()) {
      Pending next = std::move(pending_.front());
      pending_.pop_front();
      compare(next);
    }
    put_linked();
    copy_.finish();
    return std::move(result_);
  }

 private:
  struct Pending {
    ImagePath path;
    bool was_there;  // otherwise all of it is new
  };

  void compare(const Pending& next) {
    static const TreeRecord::Names kNone;
    auto known =
        next.was_there ? before_.directories.find(next.path.text()) : before_.directories.end();
    const TreeRecord::Names& before = known == before_.directories.end() ? kNone : known->second;
    Fd directory = open_below(root_, next.path);
    TreeRecord::Names& after = result_.after.directories[next.path.text()];
    auto old = before.begin();
    for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
      for (; old != before.end() && old->first < entry.name; ++old) {
        remove(next.path.child(old->first));
      }
      const FileIdentity* was = nullptr;
      if (old != before.end() && old->first == entry.name) {
        was = &(old++)->second;
      }
      if (std::optional<FileIdentity> is = take(directory, next.path.child(entry.name), was)) {
        result_.after.newest_ns = std::max(result_.after.newest_ns, is->changed_ns);
        after.emplace_back(entry.name, *is);
      }
    }
    for (; old != before.end(); ++old) {
      remove(next.path.child(old->first));
    }
  }

  // Nothing for what does not stay.
  std::optional<FileIdentity> take(const Fd& directory, const ImagePath& path,
                                   const FileIdentity* was) {
    if (path.text().size() > kPathBytesMax) {
      base::fail(base::ErrorKind::kInput, cat("a path of more than ", kPathBytesMax,
                                              " bytes below ", path.text().substr(0, 100)));
    }
    std::string name(path.base_name());
    Looked looked = look_at(directory, name);
    if (S_ISDIR(looked.status.st_mode)) {
      take_directory(directory, path, looked.identity, was);
      return looked.identity;
    }
    if (was != nullptr && *was == looked.identity &&
        (trusts_stamps_ || !S_ISREG(looked.status.st_mode))) {
      return looked.identity;
    }
    if (S_ISREG(looked.status.st_mode) && looked.status.st_nlink > 1) {
      bool is_old = was != nullptr && was->is_same_file(looked.identity);
      if (is_old && originals_.has_same(directory, path, looked.status)) {
        old_names_.emplace_back(path, looked.status);
        return looked.identity;
      }
      if (!is_old) {
        with_new_names_.insert(looked.status.st_ino);
      }
    }
    ensure_parent(path);
    if (!copy_.put(directory, path, looked.status)) {
      base::remove_tree(directory, name);
      result_.is_exact = result_.is_exact && was == nullptr;
      return std::nullopt;
    }
    return looked.identity;
  }

  // A file that was there and has one more name: a layer has both, or they would be two files.
  void put_linked() {
    for (const auto& [path, status] : old_names_) {
      if (with_new_names_.erase(status.st_ino) != 0) {
        ensure_parent(path);
        copy_.put(open_below(root_, path.parent()), path, status);
      }
    }
  }

  void take_directory(const Fd& parent, const ImagePath& path, const FileIdentity& is,
                      const FileIdentity* was) {
    bool is_same = was != nullptr && was->is_same_file(is);
    pending_.push_back({path, is_same});
    if (is_same && was->changed_ns == is.changed_ns) {
      return;
    }
    ensure_parent(path);
    Fd directory =
        base::open_at(parent, std::string(path.base_name()), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (is_same) {
      copy_.put_directory(directory, path);
    } else {
      bool hides = (was != nullptr && was->is_directory) || is_hidden(path);
      copy_.renew_directory(directory, path);
      if (hides) {
        base::set_xattr(copy_.directory(path), kOpaqueMark, "y", path.text());
      }
    }
    in_upper_.insert(path);
  }

  // By what an earlier command on the same upper directory has removed.
  bool is_hidden(const ImagePath& path) {
    std::optional<struct stat> found =
        base::find_status(copy_.directory(path.parent()), std::string(path.base_name()));
    return found && is_whiteout(*found);
  }

  // An upper directory has all that lies on the way to what changed, as it is.
  void ensure_parent(const ImagePath& path) {
    ImagePath parent = path.parent();
    if (in_upper_.contains(parent)) {
      return;
    }
    ensure_parent(parent);
    copy_.put_directory(open_below(root_, parent), parent);
    in_upper_.insert(parent);
  }

  void remove(const ImagePath& path) {
    ensure_parent(path);
    copy_.remove(path);
    std::string name(path.base_name());
    check(
        [&] {
          return ::mknodat(copy_.directory(path.parent()).get(), name.c_str(), S_IFCHR | 0,
                           ::makedev(0, 0));
        },
        "whiteout", path.text());
  }

  const Fd& root_;
  const TreeRecord& before_;
  FileCopy copy_;
  Originals originals_;
  bool trusts_stamps_;
  std::set<ImagePath> in_upper_;
  std::vector<std::pair<ImagePath, struct stat>> old_names_;  // of files that are as they were
  std::set<ino_t> with_new_names_;
  std::deque<Pending> pending_;
  TreeChanges result_;
};

}  // namespace

bool add_tree(const Fd& tree, const Fd& root) {
  return TreeAdder(tree, root).run();
}

TreeRecord record_of(const Fd& root) {
  TreeRecord record;
  std::deque<ImagePath> pending = {ImagePath()};
  while (!pending.empty()) {
    ImagePath path = std::move(pending.front());
    pending.pop_front();
    Fd directory = open_below(root, path);
    TreeRecord::Names& names = record.directories[path.text()];
    for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
      FileIdentity identity = look_at(directory, entry.name).identity;
      record.newest_ns = std::max(record.newest_ns, identity.changed_ns);
      names.emplace_back(entry.name, identity);
      if (identity.is_directory) {
        pending.push_back(path.child(entry.name));
      }
    }
  }
  return record;
}

TreeChanges write_changes(const Fd& root, const TreeRecord& before, const Fd& upper,
                          std::span<const Fd> trees) {
  return ChangeWriter(root, before, upper, trees).run();
}

// Not by the clock: file systems round it, some to seconds.
void wait_for_newer_stamps(const Fd& folder, std::int64_t newest_ns) {
  constexpr timespec kPause{0, 1'000'000};
  Fd probe = base::open_at(folder, "stamp", O_RDWR | O_CREAT, 0600);
  while (true) {
    check([&] { return ::fchmod(probe.get(), 0600); }, "fchmod", "stamp");
    struct statx found{};
    check([&] { return ::statx(probe.get(), "", AT_EMPTY_PATH, STATX_CTIME, &found); }, "statx",
          "stamp");
    if (nanoseconds(found.stx_ctime) > newest_ns) {
      return;
    }
    ::nanosleep(&kPause, nullptr);
  }
}

}  // namespace slipway::builder
