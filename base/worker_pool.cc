#include "base/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <system_error>

namespace slipway::base {

WorkerPool::WorkerPool(unsigned threads) {
  for (unsigned i = 0; i < std::max(1U, threads); ++i) {
    threads_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
}

WorkerPool::~WorkerPool() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
  queue_.notify_all();
}

void WorkerPool::submit(std::move_only_function<void()> job) {
  queue_.lock()->jobs.push_back(std::move(job));
  queue_.notify_one();
}

void WorkerPool::work(std::stop_token stop) {
  while (true) {
    std::move_only_function<void()> job;
    {
      auto queue = queue_.lock();
      if (!queue.wait(stop, [](const Queue& q) { return !q.jobs.empty(); }) ||
          stop.stop_requested()) {
        return;
      }
      job = std::move(queue->jobs.front());
      queue->jobs.pop_front();
    }
    job();
  }
}

void run_all(std::vector<std::move_only_function<void(std::stop_token)>> jobs, unsigned parallel,
             std::stop_token stop) {
  std::stop_source failed;
  std::stop_callback forward(stop, [&] { failed.request_stop(); });
  std::atomic<std::size_t> next = 0;
  Guarded<std::exception_ptr> first_error;
  auto work = [&] {
    for (std::size_t i = next++; i < jobs.size() && !failed.stop_requested(); i = next++) {
      try {
        jobs[i](failed.get_token());
      } catch (...) {
        // Not swallowed: thrown again by the caller below.
        auto error = first_error.lock();
        if (!*error) {
          *error = std::current_exception();
        }
        failed.request_stop();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    std::size_t count = std::min<std::size_t>(std::max(1U, parallel), jobs.size());
    try {
      for (std::size_t i = 1; i < count; ++i) {
        threads.emplace_back(work);
      }
    } catch (const std::system_error&) {
      // Below a limit of processes: those that there are do it all.
    }
    work();
  }
  if (std::exception_ptr error = *first_error.lock()) {
    std::rethrow_exception(error);
  }
}

}  // namespace slipway::base
