#pragma once

#include <stop_token>
#include <thread>

namespace slipway::cmd {

// Ctrl-C (SIGINT), SIGTERM and SIGHUP ask the stop source to stop; a second one ends the process at
// once (what was half-made is swept at the next start). Made in main's thread before any other
// thread exists, because the mask is inherited.
class Interrupts {
 public:
  Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch(std::stop_token done);
  std::stop_source stop_;
  std::jthread watcher_;
};

}  // namespace slipway::cmd
