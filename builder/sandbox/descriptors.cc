#include "builder/sandbox/descriptors.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace

void dispose_descriptors_above(int last, Disposal disposal) {
  unsigned flags = disposal == Disposal::kClose ? 0 : CLOSE_RANGE_CLOEXEC;
  if (::syscall(SYS_close_range, static_cast<unsigned>(last + 1), ~0U, flags) == 0) {
    return;
  }
  if (errno != ENOSYS && errno != EINVAL) {
    throw base::system_error(errno, "close_range", "");
  }
  for (const base::DirectoryEntry& entry :
       base::list_directory(base::open_directory("/proc/self/fd"))) {
    // The list names its own descriptors, too, which are closed by now: EBADF then.
    int number = base::parse_integer<int>(entry.name).value_or(-1);
    if (number > last) {
      dispose(number, disposal);
    }
  }
}

}  // namespace slipway::builder
