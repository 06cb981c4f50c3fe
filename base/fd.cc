#include "base/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace slipway::base {

void Fd::reset() noexcept {
  if (number_ >= 0) {
    ::close(std::exchange(number_, -1));
  }
}

void Fd::close(std::string_view object) {
  // Linux always releases the descriptor, also on EINTR: never retry close(2).
  int result = ::close(std::exchange(number_, -1));
  if (result != 0 && errno != EINTR) {
    throw system_error(errno, "close", object);
  }
}

Fd Fd::duplicate() const {
  return Fd(check([&] { return ::fcntl(number_, F_DUPFD_CLOEXEC, 0); }, "fcntl F_DUPFD_CLOEXEC"));
}

Pipe make_pipe() {
  int ends[2];
  check([&] { return ::pipe2(ends, O_CLOEXEC); }, "pipe2");
  return {Fd(ends[0]), Fd(ends[1])};
}

SocketPair make_socket_pair() {
  int ends[2];
  check([&] { return ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); },
        "socketpair");
  return {Fd(ends[0]), Fd(ends[1])};
}

Fd open_at(const Fd& directory, const std::string& path, int flags, mode_t mode) {
  return Fd(check([&] { return ::openat(directory.get(), path.c_str(), flags | O_CLOEXEC, mode); },
                  "open", path));
}

Fd open_file(const std::string& path, int flags, mode_t mode) {
  return Fd(check([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }, "open", path));
}

Fd open_directory(const std::string& path) {
  return open_file(path, O_RDONLY | O_DIRECTORY);
}

std::size_t read_some(const Fd& fd, std::span<char> bytes, std::string_view object) {
  return static_cast<std::size_t>(
      check([&] { return ::read(fd.get(), bytes.data(), bytes.size()); }, "read", object));
}

std::size_t read_full(const Fd& fd, std::span<char> bytes, std::string_view object) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    std::size_t count = read_some(fd, bytes.subspan(filled), object);
    if (count == 0) {
      break;
    }
    filled += count;
  }
  return filled;
}

std::size_t pread_full(const Fd& fd, std::span<char> bytes, off_t offset, std::string_view object) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    auto count = check(
        [&] {
          return ::pread(fd.get(), bytes.data() + filled, bytes.size() - filled,
                         offset + static_cast<off_t>(filled));
        },
        "pread", object);
    if (count == 0) {
      break;
    }
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

void write_all(const Fd& fd, std::string_view bytes, std::string_view object) {
  while (!bytes.empty()) {
    auto count =
        check([&] { return ::write(fd.get(), bytes.data(), bytes.size()); }, "write", object);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string read_to_end(const Fd& fd, std::size_t limit_bytes, std::string_view object) {
  std::string out;
  std::size_t filled = 0;
  // A file says how much to expect; one byte more lets the first round see its end.
  struct stat status{};
  bool is_sized = ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  std::size_t expected = is_sized ? static_cast<std::size_t>(status.st_size) + 1 : 0;
  while (true) {
    out.resize(std::max({std::size_t{4096}, std::min(expected, limit_bytes), filled * 2}));
    std::size_t count = read_full(fd, std::span(out).subspan(filled), object);
    filled += count;
    if (filled > limit_bytes) {
      fail(ErrorKind::kInput, cat(object, " is longer than ", limit_bytes, " bytes"));
    }
    if (filled < out.size()) {
      out.resize(filled);
      return out;
    }
  }
}

}  // namespace slipway::base
