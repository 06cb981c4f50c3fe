#pragma once

#include <functional>
#include <stop_token>
#include <thread>

#include "base/guarded.h"

namespace slipway::cmd {

// Ctrl-C (SIGINT), SIGTERM and SIGHUP ask the stop source to stop; a second one, or SIGQUIT, ends
// the process at once (what was half-made is swept at the next start). Made in main's thread before
// any other thread exists, because the mask is inherited.
class Interrupts {
 public:
  Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  std::stop_token token() const { return stop_.get_token(); }

  // While a Redirect lives, these signals and SIGUSR1, SIGUSR2 and SIGWINCH go to its listener,
  // which is called from the watching thread, one signal at a time. When its destructor returns,
  // the listener is not running and will not be called again. At most one at a time.
  using Listener = std::function<void(int signal)>;
  class Redirect {
   public:
    Redirect(Interrupts& owner, Listener listener);
    Redirect(const Redirect&) = delete;
    Redirect& operator=(const Redirect&) = delete;
    ~Redirect();

   private:
    Interrupts* owner_;
  };

 private:
  void watch(std::stop_token done);
  void take(int signal);

  std::stop_source stop_;
  base::Guarded<Listener> listener_;
  std::jthread watcher_;
};

}  // namespace slipway::cmd
