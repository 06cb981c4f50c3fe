#include "base/stream.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace slipway::base {

std::size_t StringSource::read(std::span<char> bytes) {
  std::size_t count = std::min(bytes.size(), text_.size() - place_);
  std::memcpy(bytes.data(), text_.data() + place_, count);
  place_ += count;
  return count;
}

std::size_t FdRangeSource::read(std::span<char> bytes) {
  std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
  if (wanted == 0) {
    return 0;
  }
  std::size_t count = pread_full(*fd_, bytes.first(wanted), static_cast<off_t>(offset_), object_);
  if (count != wanted) {
    fail(ErrorKind::kIntegrity, cat(object_, " ends ", left_ - count, " bytes too early"));
  }
  offset_ += count;
  left_ -= count;
  return count;
}

std::size_t LimitedSource::read(std::span<char> bytes) {
  // Asking for one byte more than allowed is how the end is told from an overrun.
  std::uint64_t wanted = std::min<std::uint64_t>(bytes.size(), left_ + 1);
  std::size_t count = next_->read(bytes.first(static_cast<std::size_t>(wanted)));
  if (count > left_) {
    fail(ErrorKind::kInput, cat(object_, " is larger than ", limit_, " bytes"));
  }
  left_ -= count;
  return count;
}

std::uint64_t copy_stream(Source& source, Sink& sink, std::stop_token stop) {
  std::vector<char> piece(kCopyPieceBytes);
  std::uint64_t total = 0;
  while (std::size_t count = source.read(piece)) {
    throw_if_stopped(stop);
    sink.write({piece.data(), count});
    total += count;
  }
  return total;
}

std::string read_all(Source& source, std::size_t limit_bytes, std::string_view object) {
  LimitedSource limited(source, limit_bytes, std::string(object));
  StringSink sink;
  copy_stream(limited, sink);
  return sink.take();
}

std::size_t read_full(Source& source, std::span<char> bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    std::size_t count = source.read(bytes.subspan(filled));
    if (count == 0) {
      break;
    }
    filled += count;
  }
  return filled;
}

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    fail(ErrorKind::kCancelled, "cancelled");
  }
}

}  // namespace slipway::base
