#include "cache/stat_cache/stat_cache_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::Fd;

namespace {

// The time of last change is the last use, to a minute: pruning goes by it.
constexpr std::int64_t kUseGranularityNs = 60'000'000'000;

void stamp(const Session& session, const Fd& file) {
  base::Timestamp now = from_ns(session.now_ns());
  timespec time{now.seconds, now.nanoseconds};
  const timespec times[2] = {time, time};
  base::check([&] { return ::futimens(file.get(), times); }, "futimens");
}

bool is_stale(const Session& session, const Fd& file) {
  struct stat status = base::get_status(file, "");
  auto nanoseconds = static_cast<std::int32_t>(status.st_mtim.tv_nsec);
  return to_ns({status.st_mtim.tv_sec, nanoseconds}) <= session.now_ns() - kUseGranularityNs;
}

}  // namespace

StatCacheFile::StatCacheFile(Session& session, std::string_view context)
    : session_(&session), name_(base::sha256_of(context).hex()) {}

std::optional<Fd> StatCacheFile::open() const {
  int number = ::openat(session_->layout().stat_caches.get(), name_.c_str(),
                        O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    throw base::system_error(errno, "open",
                             session_->layout().path_of(base::cat("stat_caches/", name_)));
  }
  Fd file(number);
  if (is_stale(*session_, file)) {
    stamp(*session_, file);
  }
  return file;
}

void StatCacheFile::replace(std::string_view content) const {
  const Fd& scratch = session_->owner().directory();
  std::string staged = base::cat("stat-cache-", base::random_hex(8));
  Fd file = base::open_at(scratch, staged, O_WRONLY | O_CREAT | O_EXCL, 0600);
  base::Cleanup discard([&] { ::unlinkat(scratch.get(), staged.c_str(), 0); });
  std::string object = session_->layout().path_of(base::cat("stat_caches/", name_));
  base::write_all(file, content, object);
  stamp(*session_, file);
  file.close(object);
  base::check(
      [&] {
        return ::renameat(scratch.get(), staged.c_str(), session_->layout().stat_caches.get(),
                          name_.c_str());
      },
      "rename", object);
  discard.cancel();
}

}  // namespace slipway::cache
