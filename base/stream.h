#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::base {

// Where bytes come from. Not safe for two threads at once. Reads throw Error.
class Source {
 public:
  virtual ~Source() = default;
  // Fills a prefix of `bytes` (which is not empty) and returns its length; 0 only at the end, and
  // then for ever.
  virtual std::size_t read(std::span<char> bytes) = 0;
};

// Where bytes go. Not safe for two threads at once. A sink that is destroyed without finish()
// throws away what it can.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::string_view bytes) = 0;
  // Exactly once, after the last write: everything is passed on, checks are made, errors are
  // thrown.
  virtual void finish() = 0;
};

class StringSource : public Source {
 public:
  explicit StringSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<char> bytes) override;

 private:
  std::string text_;
  std::size_t place_ = 0;
};

// Reads a descriptor from where it stands.
class FdSource : public Source {
 public:
  FdSource(Fd fd, std::string object) : fd_(std::move(fd)), object_(std::move(object)) {}
  std::size_t read(std::span<char> bytes) override { return read_some(fd_, bytes, object_); }

 private:
  Fd fd_;
  std::string object_;
};

// `length` bytes of a descriptor from `offset`, with pread(2): many can share one open file. A file
// that ends earlier is kIntegrity.
class FdRangeSource : public Source {
 public:
  FdRangeSource(std::shared_ptr<const Fd> fd, std::uint64_t offset, std::uint64_t length,
                std::string object)
      : fd_(std::move(fd)), offset_(offset), left_(length), object_(std::move(object)) {}
  std::size_t read(std::span<char> bytes) override;

 private:
  std::shared_ptr<const Fd> fd_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::string object_;
};

class StringSink : public Sink {
 public:
  void write(std::string_view bytes) override { text_ += bytes; }
  void finish() override {}
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Writes to a descriptor that somebody else owns; finish() neither syncs nor closes.
class FdSink : public Sink {
 public:
  FdSink(const Fd& fd, std::string object) : fd_(&fd), object_(std::move(object)) {}
  void write(std::string_view bytes) override { write_all(*fd_, bytes, object_); }
  void finish() override {}

 private:
  const Fd* fd_;  // owned by the caller, which outlives this
  std::string object_;
};

// Throws everything away but counts.
class CountingSink : public Sink {
 public:
  void write(std::string_view bytes) override { count_ += bytes.size(); }
  void finish() override {}
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
};

// Passes at most `limit_bytes` on; one more byte is an Error of kind kInput: "<object> is larger
// than <limit> bytes".
class LimitedSource : public Source {
 public:
  LimitedSource(Source& next, std::uint64_t limit_bytes, std::string object)
      : next_(&next), limit_(limit_bytes), left_(limit_bytes), object_(std::move(object)) {}
  std::size_t read(std::span<char> bytes) override;

 private:
  Source* next_;  // owned by the caller
  std::uint64_t limit_;
  std::uint64_t left_;
  std::string object_;
};

// Copies to the end in pieces of 64 KiB (a size at which hashing stays in the second-level cache);
// does not finish the sink. Returns the number of bytes. A stop throws kCancelled between two
// pieces.
std::uint64_t copy_stream(Source& source, Sink& sink, std::stop_token stop = {});

// Everything that is left; kInput if it is more than `limit_bytes`.
std::string read_all(Source& source, std::size_t limit_bytes, std::string_view object);

// Fills the span or comes to the end.
std::size_t read_full(Source& source, std::span<char> bytes);

// Throws kCancelled if a stop was asked for.
void throw_if_stopped(const std::stop_token& stop);

inline constexpr std::size_t kCopyPieceBytes = 64 * 1024;

}  // namespace slipway::base
