#pragma once

// Progress as lines, in the form that docker's users know:
//
//   #3 [build 2/4] RUN make
//   #3 0.412 cc -c main.c
//   #3 DONE 1.9s
//
// The number counts steps in the order in which they show up. Lines of steps that run at the same
// time mix, each with its number. Of each step only so many bytes are shown, so that one that
// prints for ever does not fill the disk of whoever keeps the log; the store has all of it.

#include <cstdint>
#include <map>
#include <string>

#include "base/guarded.h"
#include "base/time.h"
#include "cmd/progress/build_progress.h"
#include "cmd/progress/step_output.h"

namespace slipway::cmd {

class PlainProgress : public BuildProgress {
 public:
  // BuildKit's limit, and what it is set by.
  static constexpr std::uint64_t kStepBytesMax = std::uint64_t{2} << 20;
  static constexpr char kStepBytesVariable[] = "BUILDKIT_STEP_LOG_MAX_SIZE";

  // Writes to `descriptor` (not owned). The clock outlives this.
  PlainProgress(int descriptor, const base::Clock& clock,
                std::uint64_t step_bytes_max = kStepBytesMax)
      : descriptor_(descriptor), clock_(&clock), step_bytes_max_(step_bytes_max) {}

  void show(const builder::Event& event) override;

 private:
  struct Step {
    int number = 0;
    std::int64_t start_ns = 0;
    LineCutter cutter;
    std::uint64_t shown_bytes = 0;
    std::uint64_t hidden_lines = 0;
  };
  struct Screen {
    std::map<builder::VertexId, Step> steps;
    int count = 0;
    int last_number = 0;  // whose lines came last: a blank line stands between two steps' blocks
  };
  void show(Screen& screen, const builder::StepStarted& event);
  void show(Screen& screen, const builder::StepPrinted& event);
  void show(Screen& screen, const builder::StepEnded& event);
  void show(Screen& screen, const builder::Transferred& event);
  void show(Screen& screen, const builder::Warned& event);
  std::string line_text(Screen& screen, Step& step, const std::string& line) const;
  void write(const std::string& text);

  int descriptor_;
  const base::Clock* clock_;
  std::uint64_t step_bytes_max_;
  base::Guarded<Screen> screen_;
};

}  // namespace slipway::cmd
