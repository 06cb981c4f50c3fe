#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/guarded.h"

namespace slipway::base {

// A fixed number of threads and one queue. Jobs must not throw (a throw is a broken promise and
// ends the program); work that can fail goes through run_all or posts its outcome. The destructor
// lets running jobs end and drops queued ones.
class WorkerPool {
 public:
  // At least one thread.
  explicit WorkerPool(unsigned threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  unsigned size() const { return static_cast<unsigned>(threads_.size()); }
  void submit(std::move_only_function<void()> job);

 private:
  struct Queue {
    std::deque<std::move_only_function<void()>> jobs;
  };
  void work(std::stop_token stop);
  Guarded<Queue> queue_;
  std::vector<std::jthread> threads_;
};

// Runs all jobs, at most `parallel` at once, on this thread and others of its own, or on fewer
// where no more can be had; returns when all have ended. If some throw, the others are asked to
// stop through their token, and the first exception (in time) is thrown again here.
void run_all(std::vector<std::move_only_function<void(std::stop_token)>> jobs, unsigned parallel,
             std::stop_token stop = {});

}  // namespace slipway::base
