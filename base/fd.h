#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace slipway::base {

// Runs a system call until it is not interrupted; a result of -1 throws system_error(errno, call,
// object).
//   check([&] { return ::fchmod(fd, mode); }, "fchmod", path);
template <typename Call>
auto check(Call call, std::string_view name, std::string_view object = {}) {
  while (true) {
    auto result = call();
    if (result != static_cast<decltype(result)>(-1)) {
      return result;
    }
    if (errno != EINTR) {
      throw system_error(errno, name, object);
    }
  }
}

// Owns a descriptor. Whoever makes one gives it close-on-exec.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  // Closes; an error of close(2) is lost here, so whoever wrote data calls close() instead.
  void reset() noexcept;
  // Closes and throws if the kernel reports that written data was lost.
  void close(std::string_view object);
  // Another descriptor of the same open file, close-on-exec.
  Fd duplicate() const;

 private:
  int number_ = -1;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};
Pipe make_pipe();
// Two connected, close-on-exec unix sockets of type SOCK_SEQPACKET: messages keep their borders and
// may carry descriptors.
struct SocketPair {
  Fd first;
  Fd second;
};
SocketPair make_socket_pair();

// openat(2) with O_CLOEXEC. `path` may be absolute; then `directory` is not looked at. The `object`
// of an error is `path`.
Fd open_at(const Fd& directory, const std::string& path, int flags, mode_t mode = 0);
Fd open_file(const std::string& path, int flags, mode_t mode = 0);
Fd open_directory(const std::string& path);

// At most bytes.size() bytes; 0 is the end of the file.
std::size_t read_some(const Fd& fd, std::span<char> bytes, std::string_view object = {});
// As many as are there until the span is full or the file ends.
std::size_t read_full(const Fd& fd, std::span<char> bytes, std::string_view object = {});
std::size_t pread_full(const Fd& fd, std::span<char> bytes, off_t offset,
                       std::string_view object = {});
void write_all(const Fd& fd, std::string_view bytes, std::string_view object = {});
// The rest of the file; kInput if it is longer than `limit_bytes`.
std::string read_to_end(const Fd& fd, std::size_t limit_bytes, std::string_view object = {});

}  // namespace slipway::base
