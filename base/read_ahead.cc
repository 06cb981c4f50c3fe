#include "base/read_ahead.h"

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
  std::vector<char> bytes = std::vector<char>(kPieceBytes);
  std::size_t size = 0;  // 0: the end, or where `error` came
};

// Pieces go round: the thread fills those of `free`, the reader gives them back.
struct Ring {
  std::vector<Piece> free = std::vector<Piece>(kPieces);
  std::deque<Piece> full;
  std::exception_ptr error;
};

class ReadAheadSource : public Source {
 public:
  explicit ReadAheadSource(std::unique_ptr<Source> next)
      : next_(std::move(next)), thread_([this](std::stop_token stop) { fill(stop); }) {}

  std::size_t read(std::span<char> bytes) override {
    if (place_ == current_.size && !ended_) {
      take_next();
    }
    std::size_t count = std::min(bytes.size(), current_.size - place_);
    std::memcpy(bytes.data(), current_.bytes.data() + place_, count);
    place_ += count;
    return count;
  }

 private:
  void take_next() {
    auto ring = ring_.lock();
    ring.wait([](const Ring& r) { return !r.full.empty(); });
    if (has_current_) {
      ring->free.push_back(std::move(current_));
    }
    current_ = std::move(ring->full.front());
    ring->full.pop_front();
    has_current_ = true;
    place_ = 0;
    ended_ = current_.size == 0;
    if (ended_ && ring->error) {
      std::rethrow_exception(ring->error);
    }
    ring_.notify_all();
  }

  void fill(std::stop_token stop) {
    while (true) {
      Piece piece;
      {
        auto ring = ring_.lock();
        if (!ring.wait(stop, [](const Ring& r) { return !r.free.empty(); })) {
          return;
        }
        piece = std::move(ring->free.back());
        ring->free.pop_back();
      }
      std::exception_ptr error;
      try {
        piece.size = read_full(*next_, piece.bytes);
      } catch (...) {
        // Thrown again by the reader: what was read before it comes first.
        error = std::current_exception();
        piece.size = 0;
      }
      bool is_end = piece.size == 0;
      {
        auto ring = ring_.lock();
        ring->full.push_back(std::move(piece));
        ring->error = error;
      }
      ring_.notify_all();
      if (is_end) {
        return;
      }
    }
  }

  std::unique_ptr<Source> next_;
  Guarded<Ring> ring_;
  Piece current_{.bytes = {}, .size = 0};
  bool has_current_ = false;
  std::size_t place_ = 0;
  bool ended_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<Source> make_read_ahead(std::unique_ptr<Source> next) {
  return std::make_unique<ReadAheadSource>(std::move(next));
}

}  // namespace slipway::base
