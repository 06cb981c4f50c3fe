#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "base/stream.h"

namespace slipway::base {

// A stream from one thread to another through a buffer of fixed size, for a maker whose work has a
// worth of its own: where the taker leaves or is much slower, the maker goes on without it.
//
// The maker writes and finishes sink(); the taker reads the Source. The maker waits for room, but
// not for ever: when it has waited for longer than `least` and for longer than `ratio` times what
// it worked, it gives the taker up, whose next read throws kSystem. Both sides may be ended from
// any thread by abandon(). Outlives its Source.
class BoundedPipe {
 public:
  struct Patience {
    std::chrono::milliseconds least{1000};
    int ratio = 3;
  };
  BoundedPipe() : BoundedPipe(Patience()) {}
  explicit BoundedPipe(Patience patience);
  ~BoundedPipe();
  BoundedPipe(const BoundedPipe&) = delete;
  BoundedPipe& operator=(const BoundedPipe&) = delete;

  // Never throws; what nobody will read is dropped. One thread.
  Sink& sink();
  // Once. Reads throw kCancelled on the stop, and kSystem when the pipe was abandoned.
  std::unique_ptr<Source> open_source(std::stop_token stop);
  // Nobody reads or writes any more; of what was finished, the rest can still be read.
  void abandon();

 private:
  class Writer;
  class Reader;
  struct State {
    std::uint64_t written = 0;
    std::uint64_t taken = 0;
    bool finished = false;
    bool abandoned = false;
  };
  using Time = std::chrono::steady_clock::time_point;

  std::size_t wait_for_room();

  Patience patience_;
  std::unique_ptr<char[]> buffer_;
  Guarded<State> state_;
  std::unique_ptr<Writer> writer_;
  Time began_;
  std::chrono::nanoseconds waited_{0};
};

}  // namespace slipway::base
