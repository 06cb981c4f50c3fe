#include "base/bounded_pipe.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace slipway::base {

namespace {

constexpr std::size_t kBufferBytes = 8 << 20;

using std::chrono::steady_clock;

}  // namespace

// The part of the buffer between `taken` and `written` is the reader's, the rest the writer's:
// bytes are copied without the lock.
class BoundedPipe::Writer : public Sink {
 public:
  explicit Writer(BoundedPipe& pipe) : pipe_(&pipe) {}

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::size_t room = pipe_->wait_for_room();
      if (room == 0) {
        return;
      }
      std::size_t start = place_ % kBufferBytes;
      std::size_t count = std::min({bytes.size(), room, kBufferBytes - start});
      std::memcpy(pipe_->buffer_.get() + start, bytes.data(), count);
      place_ += count;
      pipe_->state_.lock()->written = place_;
      pipe_->state_.notify_all();
      bytes.remove_prefix(count);
    }
  }

  void finish() override {
    {
      auto state = pipe_->state_.lock();
      state->finished = !state->abandoned;
    }
    pipe_->state_.notify_all();
  }

 private:
  BoundedPipe* pipe_;
  std::uint64_t place_ = 0;
};

class BoundedPipe::Reader : public Source {
 public:
  Reader(BoundedPipe& pipe, std::stop_token stop) : pipe_(&pipe), stop_(std::move(stop)) {}

  std::size_t read(std::span<char> bytes) override {
    std::size_t ready = wait_for_bytes();
    std::size_t start = place_ % kBufferBytes;
    std::size_t count = std::min({bytes.size(), ready, kBufferBytes - start});
    std::memcpy(bytes.data(), pipe_->buffer_.get() + start, count);
    place_ += count;
    pipe_->state_.lock()->taken = place_;
    pipe_->state_.notify_all();
    return count;
  }

 private:
  // 0: the end.
  std::size_t wait_for_bytes() {
    auto state = pipe_->state_.lock();
    state.wait(stop_,
               [](const State& s) { return s.written > s.taken || s.finished || s.abandoned; });
    throw_if_stopped(stop_);
    if (state->abandoned) {
      fail(ErrorKind::kSystem, "what is read is not made any more, or is read too slowly");
    }
    return state->written - state->taken;
  }

  BoundedPipe* pipe_;
  std::stop_token stop_;
  std::uint64_t place_ = 0;
};

BoundedPipe::BoundedPipe(Patience patience)
    : patience_(patience),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)),
      writer_(std::make_unique<Writer>(*this)),
      began_(steady_clock::now()) {}

BoundedPipe::~BoundedPipe() = default;

Sink& BoundedPipe::sink() {
  return *writer_;
}

std::unique_ptr<Source> BoundedPipe::open_source(std::stop_token stop) {
  return std::make_unique<Reader>(*this, std::move(stop));
}

void BoundedPipe::abandon() {
  {
    auto state = state_.lock();
    state->abandoned = !state->finished;
  }
  state_.notify_all();
}

// Called by the writer. 0: nobody will read any more.
std::size_t BoundedPipe::wait_for_room() {
  auto state = state_.lock();
  auto has_room = [](const State& s) { return s.abandoned || s.written - s.taken < kBufferBytes; };
  if (!has_room(*state)) {
    const Time since = steady_clock::now();
    const auto worked = since - began_ - waited_;
    const auto allowed =
        std::max<std::chrono::nanoseconds>(patience_.least, worked * patience_.ratio);
    // Also without a stop: the time is limited.
    if (allowed <= waited_ || !state.wait_for({}, allowed - waited_, has_room)) {
      state->abandoned = true;
    }
    waited_ += steady_clock::now() - since;
  }
  if (state->abandoned) {
    state_.notify_all();
    return 0;
  }
  return kBufferBytes - (state->written - state->taken);
}

}  // namespace slipway::base
