#include "base/write_behind.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <thread>
#include <vector>

#include "base/guarded.h"

namespace slipway::base {

namespace {

constexpr std::size_t kPieces = 4;
constexpr std::size_t kPieceBytes = 256 * 1024;

struct Piece {
  std::vector<char> bytes;
  std::size_t size = 0;
  std::string_view text() const { return {bytes.data(), size}; }
};

// Pieces go round: the writer fills those of `free`, the thread gives them back.
struct Ring {
  std::vector<Piece> free;
  std::deque<Piece> full;
  bool ended = false;  // nothing more will come
  bool done = false;   // the thread has handed everything on, or failed
  std::exception_ptr error;
};

class WriteBehindSink : public Sink {
 public:
  explicit WriteBehindSink(Sink& next) : next_(&next) { current_.bytes.resize(kPieceBytes); }

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (current_.size == kPieceBytes) {
        hand_over();
      }
      std::size_t count = std::min(bytes.size(), kPieceBytes - current_.size);
      std::memcpy(current_.bytes.data() + current_.size, bytes.data(), count);
      current_.size += count;
      bytes.remove_prefix(count);
    }
  }

  void finish() override {
    if (!thread_.joinable()) {
      next_->write(current_.text());
      next_->finish();
      return;
    }
    {
      auto ring = ring_.lock();
      ring->full.push_back(std::move(current_));
      ring->ended = true;
    }
    ring_.notify_all();
    {
      auto ring = ring_.lock();
      ring.wait([](const Ring& r) { return r.done; });
      throw_error(*ring);
    }
    next_->finish();
  }

 private:
  static void throw_error(const Ring& ring) {
    if (ring.error) {
      std::rethrow_exception(ring.error);
    }
  }

  void hand_over() {
    if (!thread_.joinable()) {
      auto ring = ring_.lock();
      ring->free.resize(kPieces - 1);
      thread_ = std::jthread([this](std::stop_token stop) { hand_on(std::move(stop)); });
    }
    {
      auto ring = ring_.lock();
      throw_error(*ring);
      ring->full.push_back(std::move(current_));
    }
    ring_.notify_all();
    auto ring = ring_.lock();
    ring.wait([](const Ring& r) { return !r.free.empty() || r.done; });
    throw_error(*ring);
    current_ = std::move(ring->free.back());
    ring->free.pop_back();
    current_.bytes.resize(kPieceBytes);
    current_.size = 0;
  }

  void hand_on(std::stop_token stop) {
    std::exception_ptr error;
    try {
      hand_on_all(stop);
    } catch (...) {
      // Thrown again by the writer.
      error = std::current_exception();
    }
    {
      auto ring = ring_.lock();
      ring->error = error;
      ring->done = true;
    }
    ring_.notify_all();
  }

  void hand_on_all(const std::stop_token& stop) {
    while (true) {
      Piece piece;
      {
        auto ring = ring_.lock();
        if (!ring.wait(stop, [](const Ring& r) { return !r.full.empty() || r.ended; }) ||
            ring->full.empty()) {
          return;
        }
        piece = std::move(ring->full.front());
        ring->full.pop_front();
      }
      next_->write(piece.text());
      ring_.lock()->free.push_back(std::move(piece));
      ring_.notify_all();
    }
  }

  Sink* next_;  // owned by the caller
  Guarded<Ring> ring_;
  Piece current_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<Sink> make_write_behind(Sink& next) {
  return std::make_unique<WriteBehindSink>(next);
}

}  // namespace slipway::base
