#pragma once

// What the parts of the planner hand each other: failures as values, and how far a plan may grow.

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "builder/plan/plan.h"
#include "parser/source.h"

namespace slipway::builder {

template <typename T>
using Planned = std::expected<T, PlanFailure>;

inline SourceLines source_lines(parser::LineSpan span) {
  return {span.first, span.last};
}

// A failure with the lines to mark; a span without lines marks nothing.
inline std::unexpected<PlanFailure> failure(std::string message, SourceLines lines = {}) {
  PlanFailure result;
  result.message = std::move(message);
  if (lines.first > 0) {
    result.lines = {lines};
  }
  return std::unexpected(std::move(result));
}

// Counts the bytes that a plan makes out of a Dockerfile - expanded words, command lines, history -
// so that a small hostile file can't fill the memory.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  void spend(std::size_t bytes) { spent_ += bytes; }
  // The error once too much was spent.
  std::optional<std::string> problem() const;

 private:
  std::size_t limit_;
  std::size_t spent_ = 0;
};

}  // namespace slipway::builder
