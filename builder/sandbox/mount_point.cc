#include "builder/sandbox/mount_point.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

// As many links as the kernel follows in one path.
constexpr int kLinksMax = 40;

// FNV-1a. Two lists with one hash would share a set with the mount points of both, which is
// harmless; a cryptographic hash would cost every step a millisecond of library start-up.
std::string name_of_set(const std::vector<StubPoint>& points) {
  std::uint64_t hash = 0xcbf29ce484222325;
  auto add = [&](std::string_view text) {
    for (char byte : text) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
  };
  for (const StubPoint& point : points) {
    add(point.path.text());
    add(std::string_view(point.kind == PointKind::kDirectory ? "/\0" : "\0\0", 2));
  }
  std::string name;
  for (int shift = 56; shift >= 0; shift -= 8) {
    name += base::to_hex(std::string(1, static_cast<char>(hash >> shift)));
  }
  return name;
}

// Another process may make the same set at the same time: that something exists is no failure.
void make_entry(const Fd& directory, const std::string& name, PointKind kind) {
  int result = kind == PointKind::kDirectory
                   ? ::mkdirat(directory.get(), name.c_str(), 0755)
                   : ::mknodat(directory.get(), name.c_str(), S_IFREG | 0644, 0);
  if (result != 0 && errno != EEXIST) {
    throw base::system_error(errno, "make the mount point", name);
  }
}

void ensure_stub(const Fd& set, const StubPoint& point) {
  std::vector<std::string_view> parts = point.path.parts();
  Fd directory = set.duplicate();
  for (std::size_t index = 0; index < parts.size(); ++index) {
    std::string part(parts[index]);
    bool is_last = index + 1 == parts.size();
    make_entry(directory, part, is_last ? point.kind : PointKind::kDirectory);
    if (!is_last) {
      directory = base::open_at(directory, part, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    }
  }
}

// The walk that makes what is missing. The stack holds the directories from the root to where it
// stands, so that ".." is a pop and can't leave the root.
class MakingWalk {
 public:
  MakingWalk(const Fd& root, const Fd& upper, report::Made& made)
      : upper_(upper), made_(made), root_device_(base::get_status(root, "").st_dev) {
    stack_.push_back(root.duplicate());
  }

  Fd make(const ImagePath& path, PointKind kind) {
    push_parts(path.text());
    while (!parts_.empty()) {
      std::string part = std::move(parts_.back());
      parts_.pop_back();
      step(part, parts_.empty() ? kind : PointKind::kDirectory, path);
    }
    return std::move(stack_.back());
  }

 private:
  void step(const std::string& part, PointKind kind, const ImagePath& path) {
    if (part == "..") {
      if (stack_.size() > 1) {
        stack_.pop_back();
        names_.pop_back();
      }
      return;
    }
    std::optional<struct stat> status = base::find_status(stack_.back(), part);
    if (status && S_ISLNK(status->st_mode)) {
      follow(part, path);
      return;
    }
    if (!status) {
      note_copied_parents();
      make_entry(stack_.back(), part, kind);
      note_made(part, kind);
    }
    Fd found(::openat(stack_.back().get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!found && errno != ENOENT) {
      throw base::system_error(errno, "make the mount point", path.text());
    }
    if (!found || S_ISLNK(base::get_status(found, "").st_mode)) {
      look_again(part, path);
      return;
    }
    stack_.push_back(std::move(found));
    names_.push_back(part);
  }

  // In a directory that other steps have, too, a part may be something else by now.
  void look_again(const std::string& part, const ImagePath& path) {
    count_link(path);
    parts_.push_back(part);
  }

  void count_link(const ImagePath& path) {
    if (++links_seen_ > kLinksMax) {
      throw base::system_error(ELOOP, "make the mount point", path.text());
    }
  }

  void follow(const std::string& part, const ImagePath& path) {
    char target[4096];
    ssize_t length = ::readlinkat(stack_.back().get(), part.c_str(), target, sizeof target);
    if (length < 0 && errno != EINVAL && errno != ENOENT) {
      throw base::system_error(errno, "readlink", path.text());
    }
    if (length < 0) {
      look_again(part, path);
      return;
    }
    count_link(path);
    std::string_view text(target, static_cast<std::size_t>(length));
    if (text.starts_with('/')) {
      stack_.resize(1);
      names_.clear();
    }
    push_parts(text);
  }

  void push_parts(std::string_view text) {
    std::vector<std::string_view> pieces = base::split(text, '/');
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
      if (!piece->empty() && *piece != ".") {
        parts_.emplace_back(*piece);
      }
    }
  }

  ImagePath here() const { return ImagePath::clean(cat("/", base::join(names_, "/"))); }

  // What lies on a mount of the step's own (a tmpfs, a cache directory) is no part of the root.
  bool is_in_root() const { return base::get_status(stack_.back(), "").st_dev == root_device_; }

  void note_made(const std::string& part, PointKind kind) {
    if (is_in_root()) {
      made_.stubs.push_back({here().child(part), kind == PointKind::kDirectory});
    }
  }

  // Making something copies its parent directories up; before that, write down which were not.
  void note_copied_parents() {
    if (!upper_ || !is_in_root()) {
      return;
    }
    ImagePath path = here();
    for (std::size_t depth = stack_.size(); depth-- > 1 && !path.is_root(); path = path.parent()) {
      if (base::find_beneath(upper_, path.relative(), O_PATH)) {
        return;
      }
      struct stat status = base::get_status(stack_[depth], "");
      made_.parents.push_back({path, status.st_mode & 07777U, status.st_uid, status.st_gid});
    }
  }

  const Fd& upper_;
  report::Made& made_;
  dev_t root_device_;
  int links_seen_ = 0;
  std::vector<Fd> stack_;
  std::vector<std::string> names_;  // of stack_[1] and on
  std::vector<std::string> parts_;  // what is left, last part first
};

void remove_stub(const Fd& root, const MadeStub& stub) {
  std::optional<Fd> parent =
      base::find_beneath(root, stub.path.parent().relative(), O_PATH | O_DIRECTORY);
  if (!parent) {
    return;
  }
  std::string name(stub.path.base_name());
  std::optional<struct stat> status = base::find_status(*parent, name);
  if (!status || S_ISDIR(status->st_mode) != stub.is_directory ||
      (!stub.is_directory && (!S_ISREG(status->st_mode) || status->st_size != 0))) {
    return;
  }
  if (::unlinkat(parent->get(), name.c_str(), stub.is_directory ? AT_REMOVEDIR : 0) != 0 &&
      errno != ENOTEMPTY) {
    throw base::system_error(errno, "remove the mount point", stub.path.text());
  }
}

void remove_copied_parent(const Fd& root, const CopiedParent& parent) {
  std::optional<Fd> above =
      base::find_beneath(root, parent.path.parent().relative(), O_PATH | O_DIRECTORY);
  if (!above) {
    return;
  }
  std::string name(parent.path.base_name());
  std::optional<struct stat> status = base::find_status(*above, name);
  if (!status || !S_ISDIR(status->st_mode) || (status->st_mode & 07777U) != parent.mode ||
      status->st_uid != parent.uid || status->st_gid != parent.gid) {
    return;
  }
  if (::unlinkat(above->get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTEMPTY) {
    throw base::system_error(errno, "remove the copied directory", parent.path.text());
  }
}

}  // namespace

Fd ensure_stub_set(const Fd& folder, const std::vector<StubPoint>& points) {
  std::string name = name_of_set(points);
  make_entry(folder, name, PointKind::kDirectory);
  Fd set = base::open_at(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  for (const StubPoint& point : points) {
    if (!base::find_status(set, std::string(point.path.relative()))) {
      ensure_stub(set, point);
    }
  }
  return set;
}

Fd MountPoints::ensure(const ImagePath& path, PointKind kind) {
  std::optional<Fd> found =
      base::find_beneath(root_, path.relative(), O_PATH, base::Links::kInRoot);
  return checked(found ? std::move(*found) : make(path, kind), path, kind);
}

Fd MountPoints::ensure_plain_directory(const ImagePath& path) {
  std::optional<Fd> found = base::find_beneath(root_, path.relative(), O_PATH | O_NOFOLLOW);
  return checked(found ? std::move(*found) : make(path, PointKind::kDirectory), path,
                 PointKind::kDirectory);
}

Fd MountPoints::make(const ImagePath& path, PointKind kind) {
  return MakingWalk(root_, upper_, made_).make(path, kind);
}

Fd MountPoints::checked(Fd point, const ImagePath& path, PointKind kind) const {
  struct stat status = base::get_status(point, "");
  struct stat root = base::get_status(root_, "");
  if (status.st_dev == root.st_dev && status.st_ino == root.st_ino) {
    base::fail(base::ErrorKind::kInput,
               cat("invalid mount target ", base::quote(path.text()), ": it leads to the root"));
  }
  if (S_ISDIR(status.st_mode) != (kind == PointKind::kDirectory)) {
    base::fail(base::ErrorKind::kInput,
               kind == PointKind::kDirectory
                   ? cat("cannot mount a directory on ", path.text(), ", which is not a directory")
                   : cat("cannot mount a file on ", path.text(), ", which is a directory"));
  }
  struct statfs filesystem{};
  check([&] { return ::fstatfs(point.get(), &filesystem); }, "fstatfs", path.text());
  if (filesystem.f_type == PROC_SUPER_MAGIC) {
    base::fail(base::ErrorKind::kInput,
               cat("invalid mount target ", base::quote(path.text()), ": it leads into /proc"));
  }
  return point;
}

void remove_made(const Fd& directory, const report::Made& made) {
  for (auto stub = made.stubs.rbegin(); stub != made.stubs.rend(); ++stub) {
    remove_stub(directory, *stub);
  }
  std::vector<CopiedParent> parents = made.parents;
  std::ranges::sort(parents, std::greater<>(), &CopiedParent::path);  // what lies deeper goes first
  for (const CopiedParent& parent : parents) {
    remove_copied_parent(directory, parent);
  }
}

}  // namespace slipway::builder
