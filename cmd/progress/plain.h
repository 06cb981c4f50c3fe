#pragma once

// Progress as lines, in the form that docker's users know:
//
//   #3 [build 2/4] RUN make
//   #3 0.412 cc -c main.c
//   #3 DONE 1.9s
//
// The number counts steps in the order in which they show up. Lines of steps that run at the same
// time mix, each with its number.

#include <map>
#include <string>

#include "base/guarded.h"
#include "base/time.h"
#include "cmd/progress/build_progress.h"
#include "cmd/progress/step_output.h"

namespace slipway::cmd {

class PlainProgress : public BuildProgress {
 public:
  // Writes to `descriptor` (not owned). The clock outlives this.
  PlainProgress(int descriptor, const base::Clock& clock)
      : descriptor_(descriptor), clock_(&clock) {}

  void show(const builder::Event& event) override;

 private:
  struct Step {
    int number = 0;
    std::int64_t start_ns = 0;
    LineCutter cutter;
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
  void print_line(Screen& screen, const Step& step, const std::string& line);
  void write(const std::string& text);

  int descriptor_;
  const base::Clock* clock_;
  base::Guarded<Screen> screen_;
};

}  // namespace slipway::cmd
