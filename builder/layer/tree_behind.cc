#include "builder/layer/tree_behind.h"

#include <cassert>
#include <utility>

namespace slipway::builder {

namespace {

// What is handed over at once: waking a thread for each file would cost as much as making it.
constexpr std::size_t kJobsMax = 64;
constexpr std::size_t kBytesMax = 256 * 1024;
constexpr std::size_t kWaitingMax = 4;

}  // namespace

void TreeBehind::create(const Entry& entry) {
  add({entry, {}});
}

void TreeBehind::put_file(const Entry& entry, std::string content) {
  assert(content.size() <= kFileBytesMax);
  add({entry, std::move(content)});
}

void TreeBehind::add(Job job) {
  bytes_ += job.content.size();
  jobs_.push_back(std::move(job));
  if (jobs_.size() >= kJobsMax || bytes_ >= kBytesMax) {
    hand_over();
  }
}

void TreeBehind::hand_over() {
  if (!thread_) {
    thread_.emplace([this](const std::stop_token& stop) { work(stop); });
  }
  {
    auto shared = shared_.lock();
    shared.wait([](const Shared& all) { return all.failure || all.waiting.size() < kWaitingMax; });
    if (shared->failure) {
      std::rethrow_exception(shared->failure);
    }
    shared->waiting.push_back(std::exchange(jobs_, {}));
    bytes_ = 0;
  }
  shared_.notify_all();
}

void TreeBehind::drain() {
  if (thread_) {
    auto shared = shared_.lock();
    shared.wait(
        [](const Shared& all) { return all.failure || (all.waiting.empty() && !all.is_working); });
    if (shared->failure) {
      std::rethrow_exception(shared->failure);
    }
  }
  carry_out(std::exchange(jobs_, {}), {});
  bytes_ = 0;
}

TreeWriter& TreeBehind::direct() {
  drain();
  return *writer_;
}

void TreeBehind::finish() {
  direct().finish();
}

void TreeBehind::carry_out(const Jobs& jobs, const std::stop_token& stop) {
  for (const Job& job : jobs) {
    if (stop.stop_requested()) {
      return;
    }
    if (job.entry.type == EntryType::kFile) {
      base::Fd file = writer_->open_file(job.entry);
      base::write_all(file, job.content, job.entry.path.text());
      writer_->close_file(job.entry, std::move(file));
    } else {
      writer_->create(job.entry);
    }
  }
}

// Ends with the first failure: what was handed over after it is never made.
void TreeBehind::work(const std::stop_token& stop) {
  try {
    while (std::optional<Jobs> jobs = take(stop)) {
      carry_out(*jobs, stop);
      shared_.lock()->is_working = false;
      shared_.notify_all();
    }
  } catch (const std::exception&) {
    shared_.lock()->failure = std::current_exception();
    shared_.notify_all();
  }
}

std::optional<TreeBehind::Jobs> TreeBehind::take(const std::stop_token& stop) {
  Jobs jobs;
  {
    auto shared = shared_.lock();
    if (!shared.wait(stop, [](const Shared& all) { return !all.waiting.empty(); }) ||
        stop.stop_requested()) {
      return std::nullopt;
    }
    jobs = std::move(shared->waiting.front());
    shared->waiting.erase(shared->waiting.begin());
    shared->is_working = true;
  }
  shared_.notify_all();
  return jobs;
}

}  // namespace slipway::builder
