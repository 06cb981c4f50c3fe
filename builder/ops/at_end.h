#pragma once

#include <functional>
#include <future>
#include <utility>

namespace slipway::builder {

// What is found out when a step's command has ended, or later, when it is asked for. An error of
// that, too, comes when it is asked for: how the step ended is told first. One thread.
template <typename Result>
class AtEnd {
 public:
  explicit AtEnd(std::function<Result()> find)
      : find_(std::move(find)), found_(find_.get_future()) {}
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;
  ~AtEnd() = default;

  // At most once, before take(). Throws nothing.
  void find() {
    find_();
    was_looked_for_ = true;
  }
  // Once.
  Result take() {
    if (!was_looked_for_) {
      find();
    }
    return found_.get();
  }

 private:
  std::packaged_task<Result()> find_;
  std::future<Result> found_;
  bool was_looked_for_ = false;
};

}  // namespace slipway::builder
