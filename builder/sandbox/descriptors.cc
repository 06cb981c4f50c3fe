#include "builder/sandbox/descriptors.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

void dispose(int number, Disposal disposal) {
  if (disposal == Disposal::kClose) {
    ::close(number);
  } else {
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
  }
}

void dispose_range(unsigned first, unsigned last, Disposal disposal) {
  unsigned flags = disposal == Disposal::kClose ? 0 : CLOSE_RANGE_CLOEXEC;
  if (first > last || ::syscall(SYS_close_range, first, last, flags) == 0) {
    return;
  }
  if (errno != ENOSYS && errno != EINVAL) {
    throw base::system_error(errno, "close_range", "");
  }
  for (const base::DirectoryEntry& entry :
       base::list_directory(base::open_directory("/proc/self/fd"))) {
    // The list names its own descriptors, too, which are closed by now: EBADF then.
    std::optional<unsigned> number = base::parse_integer<unsigned>(entry.name);
    if (number && *number >= first && *number <= last) {
      dispose(static_cast<int>(*number), disposal);
    }
  }
}

}  // namespace

void dispose_descriptors_above(int last, Disposal disposal) {
  dispose_range(static_cast<unsigned>(last + 1), ~0U, disposal);
}

void close_descriptors_except(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned first = STDERR_FILENO + 1;
  for (int number : kept) {
    if (number >= static_cast<int>(first)) {
      dispose_range(first, static_cast<unsigned>(number) - 1, Disposal::kClose);
      first = static_cast<unsigned>(number) + 1;
    }
  }
  dispose_range(first, ~0U, Disposal::kClose);
}

std::string path_of_descriptor(const base::Fd& fd) {
  std::array<char, 8192> text;
  std::string link = base::cat("/proc/self/fd/", fd.get());
  ssize_t length = base::check([&] { return ::readlink(link.c_str(), text.data(), text.size()); },
                               "readlink", link);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace slipway::builder
