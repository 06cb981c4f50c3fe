#include "builder/solve/schedule.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace slipway::builder {

namespace {

std::vector<bool> needed_for(const std::vector<std::vector<std::size_t>>& inputs,
                             const std::vector<std::size_t>& wanted) {
  std::vector<bool> needed(inputs.size(), false);
  for (std::size_t vertex : wanted) {
    needed[vertex] = true;
  }
  // Inputs have smaller numbers, so one pass downwards reaches everything.
  for (std::size_t vertex = inputs.size(); vertex-- > 0;) {
    for (std::size_t input : inputs[vertex]) {
      assert(input < vertex);
      needed[input] = needed[input] || needed[vertex];
    }
  }
  return needed;
}

}  // namespace

Schedule::Schedule(std::vector<std::vector<std::size_t>> inputs,
                   const std::vector<std::size_t>& wanted)
    : missing_inputs_(inputs.size()),
      dependents_(inputs.size()),
      remaining_path_(inputs.size(), 0),
      running_(inputs.size(), false) {
  std::vector<bool> needed = needed_for(inputs, wanted);
  for (std::size_t vertex = 0; vertex < inputs.size(); ++vertex) {
    if (!needed[vertex]) {
      continue;
    }
    ++needed_count_;
    missing_inputs_[vertex] = inputs[vertex].size();
    for (std::size_t input : inputs[vertex]) {
      dependents_[input].push_back(vertex);
    }
    if (inputs[vertex].empty()) {
      ready_.push_back(vertex);
    }
  }
  for (std::size_t vertex = inputs.size(); vertex-- > 0;) {
    for (std::size_t dependent : dependents_[vertex]) {
      remaining_path_[vertex] = std::max(remaining_path_[vertex], remaining_path_[dependent] + 1);
    }
  }
  left_ = needed_count_;
}

std::vector<std::size_t> Schedule::take_ready() {
  std::vector<std::size_t> taken = std::exchange(ready_, {});
  std::sort(taken.begin(), taken.end(), [&](std::size_t left, std::size_t right) {
    return remaining_path_[left] != remaining_path_[right]
               ? remaining_path_[left] > remaining_path_[right]
               : left < right;
  });
  for (std::size_t vertex : taken) {
    running_[vertex] = true;
  }
  return taken;
}

void Schedule::finish(std::size_t vertex) {
  assert(running_[vertex]);
  running_[vertex] = false;
  --left_;
  for (std::size_t dependent : dependents_[vertex]) {
    if (--missing_inputs_[dependent] == 0) {
      ready_.push_back(dependent);
    }
  }
}

}  // namespace slipway::builder
