#include "base/direct_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/error.h"

namespace slipway::base {

namespace {

// What every device and file system takes: memory, place and length are multiples of it.
constexpr std::size_t kAlignBytes = 4096;
constexpr std::size_t kBufferBytes = 1 << 20;

}  // namespace

void DirectFile::Free::operator()(char* bytes) const {
  ::operator delete(bytes, std::align_val_t(kAlignBytes));
}

DirectFile::DirectFile(Fd file, std::string object)
    : file_(std::move(file)),
      object_(std::move(object)),
      buffer_(static_cast<char*>(::operator new(kBufferBytes, std::align_val_t(kAlignBytes)))) {
  // Refused (EINVAL) where the file system knows no such thing.
  int flags = ::fcntl(file_.get(), F_GETFL);
  is_direct_ = flags >= 0 && ::fcntl(file_.get(), F_SETFL, flags | O_DIRECT) == 0;
}

DirectFile::~DirectFile() = default;

void DirectFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t count = std::min(bytes.size(), kBufferBytes - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), count);
    filled_ += count;
    bytes.remove_prefix(count);
    if (filled_ == kBufferBytes) {
      flush();
    }
  }
}

// From here on as usual.
void DirectFile::use_cache() {
  int flags = check([&] { return ::fcntl(file_.get(), F_GETFL); }, "fcntl", object_);
  check([&] { return ::fcntl(file_.get(), F_SETFL, flags & ~O_DIRECT); }, "fcntl", object_);
  is_direct_ = false;
}

void DirectFile::flush() {
  std::string_view left(buffer_.get(), std::exchange(filled_, 0));
  if (is_direct_) {
    ssize_t count = -1;
    do {
      count = ::write(file_.get(), left.data(), left.size());
    } while (count < 0 && errno == EINTR);
    // Some find out only now that they can't, and a disk that becomes full writes a part.
    if (count < 0 && errno != EINVAL) {
      throw system_error(errno, "write", object_);
    }
    left.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (!left.empty()) {
      use_cache();
    }
  }
  write_all(file_, left, object_);
}

void DirectFile::close() {
  // The rest is no multiple of anything.
  if (is_direct_) {
    use_cache();
  }
  flush();
  file_.close(object_);
}

}  // namespace slipway::base
