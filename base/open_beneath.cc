// Opening beneath a root. Whatever a tree contains - links to "/", links to "..", parts swapped
// while we look - the result lies inside the root. openat2(2) does it in the kernel; the walk below
// does the same one part at a time, keeping a stack of open directories so that ".." is a pop and
// never a lookup that a renamed directory could lead astray.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "base/fs.h"
#include "base/path.h"
#include "base/text.h"

namespace slipway::base {

namespace {

// As many links as the kernel follows in one path before it says ELOOP.
constexpr int kLinksMax = 40;

std::string name_or_dot(std::string_view relative) {
  while (!relative.empty() && relative.front() == '/') {
    relative.remove_prefix(1);
  }
  return relative.empty() ? "." : std::string(relative);
}

class Walk {
 public:
  Walk(const Fd& root, Links links) : links_(links) { stack_.push_back(root.duplicate()); }

  // As open(), but nothing if a part does not exist.
  std::optional<Fd> find(std::string_view path, int flags) {
    absent_is_fine_ = true;
    Fd found = open(path, flags, 0);
    return found ? std::optional(std::move(found)) : std::nullopt;
  }

  Fd open(std::string_view path, int flags, mode_t mode) {
    push_parts(path);
    while (!parts_.empty()) {
      std::string part = std::move(parts_.back());
      parts_.pop_back();
      if (part == "..") {
        if (stack_.size() > 1) {
          stack_.pop_back();
        }
        continue;
      }
      if (std::optional<Fd> last = step(part, flags, mode, path)) {
        return std::move(*last);
      }
    }
    // The path was "." or ended in "..": the directory on top is meant.
    return open_at(stack_.back(), ".", flags & ~(O_CREAT | O_EXCL), mode);
  }

 private:
  // Goes into `part`, or opens it if it is the last one. An empty Fd ends the walk: absent.
  std::optional<Fd> step(const std::string& part, int flags, mode_t mode, std::string_view path) {
    bool is_last = parts_.empty();
    if (absent_is_fine_ && (!is_directory(stack_.back()) || !find_status(stack_.back(), part))) {
      return Fd();
    }
    if (std::optional<std::string> target = find_link(part)) {
      if (is_last && (flags & O_NOFOLLOW) != 0 && (flags & O_PATH) != 0) {
        return open_at(stack_.back(), part, flags, mode);
      }
      follow(*target, path, is_last && (flags & O_NOFOLLOW) != 0);
      return std::nullopt;
    }
    if (is_last) {
      return open_at(stack_.back(), part, flags | O_NOFOLLOW, mode);
    }
    if (absent_is_fine_ && !S_ISDIR(get_status(stack_.back(), part).st_mode)) {
      return Fd();
    }
    stack_.push_back(open_at(stack_.back(), part, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    return std::nullopt;
  }

  void follow(const std::string& target, std::string_view path, bool refuse) {
    if (refuse || links_ == Links::kRefuse || ++links_seen_ > kLinksMax) {
      throw system_error(ELOOP, "open", path);
    }
    if (target.starts_with('/')) {
      stack_.resize(1);
    }
    push_parts(target);
  }

  std::optional<std::string> find_link(const std::string& part) {
    char target[4096];
    ssize_t length = ::readlinkat(stack_.back().get(), part.c_str(), target, sizeof target);
    if (length < 0) {
      return std::nullopt;  // not a link, or absent: the open that follows says which
    }
    return std::string(target, static_cast<std::size_t>(length));
  }

  void push_parts(std::string_view path) {
    std::vector<std::string_view> pieces = split(path, '/');
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
      if (!piece->empty() && *piece != ".") {
        parts_.emplace_back(*piece);
      }
    }
  }

  static bool is_directory(const Fd& fd) { return S_ISDIR(get_status(fd, "").st_mode); }

  Links links_;
  bool absent_is_fine_ = false;
  int links_seen_ = 0;
  std::vector<Fd> stack_;           // the directories from the root to here
  std::vector<std::string> parts_;  // what is left, last part first
};

}  // namespace

Fd open_beneath_by_walk(const Fd& root, std::string_view relative, int flags, mode_t mode,
                        Links links) {
  return Walk(root, links).open(relative, flags | O_CLOEXEC, mode);
}

namespace {

// The descriptor, or -errno of openat2(2).
long try_openat2(const Fd& root, const std::string& name, int flags, mode_t mode, Links links) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  // With O_PATH | O_NOFOLLOW a link as the last part is wanted itself; RESOLVE_NO_SYMLINKS permits
  // just that.
  how.resolve = links == Links::kInRoot ? RESOLVE_IN_ROOT : (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  while (true) {
    long number = ::syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how);
    if (number >= 0) {
      return number;
    }
    // EAGAIN: a rename somewhere raced with ".."; the kernel asks to try again.
    if (errno != EINTR && errno != EAGAIN) {
      return -errno;
    }
  }
}

// EPERM is what some seccomp filters give for calls that they do not know. A true EPERM comes back
// from the walk as well.
bool needs_walk(long result) {
  return result == -ENOSYS || result == -EPERM;
}

}  // namespace

Fd open_beneath(const Fd& root, std::string_view relative, int flags, mode_t mode, Links links) {
  std::string name = name_or_dot(relative);
  long result = try_openat2(root, name, flags, mode, links);
  if (needs_walk(result)) {
    return open_beneath_by_walk(root, name, flags, mode, links);
  }
  if (result < 0) {
    throw system_error(static_cast<int>(-result), "open", relative);
  }
  return Fd(static_cast<int>(result));
}

std::optional<Fd> find_beneath(const Fd& root, std::string_view relative, int flags, Links links) {
  std::string name = name_or_dot(relative);
  // Asking with O_PATH first tells absence without an exception; the second open may still throw
  // for other reasons.
  long result = try_openat2(root, name, O_PATH | (flags & O_NOFOLLOW), 0, links);
  if (result == -ENOENT || result == -ENOTDIR) {
    return std::nullopt;
  }
  if (needs_walk(result)) {
    return Walk(root, links).find(name, flags | O_CLOEXEC);
  }
  Fd found(result < 0 ? -1 : static_cast<int>(result));
  if (found && (flags & O_PATH) != 0 && (flags & ~(O_PATH | O_NOFOLLOW | O_CLOEXEC)) == 0) {
    return found;  // already what was asked for
  }
  return open_beneath(root, relative, flags, 0, links);
}

}  // namespace slipway::base
