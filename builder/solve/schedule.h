#pragma once

// Which vertices may run now. Pure: no clock, lock, thread or I/O; one driver owns it.
//
// The rule: a vertex is ready when all its inputs are finished; among the ready ones the one with
// the longest way still to go comes first, because it decides when the whole is done. Only what the
// wanted vertices need is ever given out.

#include <cstddef>
#include <vector>

namespace slipway::builder {

class Schedule {
 public:
  // `inputs[i]` are the vertices that i needs; each is smaller than i (asserted). `wanted` are the
  // vertices whose results are asked for.
  Schedule(std::vector<std::vector<std::size_t>> inputs, const std::vector<std::size_t>& wanted);

  // The vertices that became ready since the last call, longest remaining path first, then in order
  // of number. Each vertex is given out once.
  std::vector<std::size_t> take_ready();

  // Precondition: given out and not finished yet (asserted).
  void finish(std::size_t vertex);

  // Vertices that are needed and not finished.
  std::size_t left() const { return left_; }
  // How many vertices are needed in all.
  std::size_t needed() const { return needed_count_; }

 private:
  std::vector<std::size_t> missing_inputs_;  // per vertex: inputs that are not finished
  std::vector<std::vector<std::size_t>>
      dependents_;                           // per vertex: the needed vertices that wait for it
  std::vector<std::size_t> remaining_path_;  // per vertex: longest chain of dependents above it
  std::vector<bool> running_;
  std::vector<std::size_t> ready_;
  std::size_t left_ = 0;
  std::size_t needed_count_ = 0;
};

}  // namespace slipway::builder
