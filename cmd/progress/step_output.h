#pragma once

// What steps print, as lines.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "builder/solve/events.h"

namespace slipway::cmd {

// Cuts output that comes in pieces into lines. A carriage return begins the line again, as people
// expect of progress bars; a line without an end is cut where it gets too long to wait for it.
class LineCutter {
 public:
  // The lines that these bytes complete, without their ends.
  std::vector<std::string> take(std::string_view bytes);
  // What came behind the last line end, if anything did.
  std::optional<std::string> take_rest();
  // The same as it stands, for those who show progress bars while they move.
  std::string rest() const { return after_carriage_returns(partial_); }

 private:
  static std::string after_carriage_returns(std::string line);

  std::string partial_;
};

// "1.9", "0.412".
std::string seconds_text(std::int64_t nanoseconds, int digits);

// The last lines of every step, for the report of a failure. Safe from any thread.
class StepTails {
 public:
  // The clock outlives this.
  explicit StepTails(const base::Clock& clock) : clock_(&clock) {}

  void note(const builder::Event& event);
  // The step's name and last lines (at most kLines) between rules, as buildx has them; empty for a
  // step that printed nothing.
  std::string text(builder::VertexId vertex);
  static constexpr std::size_t kLines = 20;

 private:
  struct Step {
    std::string name;
    std::int64_t start_ns = 0;
    LineCutter cutter;
    std::vector<std::string> lines;
  };
  void keep(Step& step, const std::string& line);

  const base::Clock* clock_;
  base::Guarded<std::map<builder::VertexId, Step>> steps_;
};

}  // namespace slipway::cmd
