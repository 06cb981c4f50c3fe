#include "cache/session/reserve.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"

namespace slipway::cache {

namespace {

constexpr char kReserveFile[] = "reserve";
// Twice what a transaction of prune writes when it goes in small steps.
constexpr std::uint64_t kReserveBytes = 2 * 1024 * 1024;
// Below this, small steps.
constexpr std::uint64_t kLowBytes = 32 * 1024 * 1024;

}  // namespace

std::uint64_t free_bytes(const Layout& layout) {
  struct statvfs status{};
  base::check([&] { return ::fstatvfs(layout.root.get(), &status); }, "statvfs", layout.path);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

bool is_disk_low(const Layout& layout) {
  return free_bytes(layout) < kLowBytes;
}

void ensure_reserve(const Layout& layout) {
  if (::faccessat(layout.root.get(), kReserveFile, F_OK, 0) == 0 ||
      free_bytes(layout) < 2 * kReserveBytes) {
    return;
  }
  base::Fd file = base::open_at(layout.root, kReserveFile, O_WRONLY | O_CREAT, 0600);
  if (::posix_fallocate(file.get(), 0, kReserveBytes) != 0) {
    // Somebody took the room meanwhile; half a reserve helps nobody.
    give_up_reserve(layout);
  }
}

void give_up_reserve(const Layout& layout) {
  ::unlinkat(layout.root.get(), kReserveFile, 0);
}

}  // namespace slipway::cache
