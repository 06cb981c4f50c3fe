#include "cmd/progress/step_output.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::cmd {
namespace {

using builder::StepEnded;
using builder::StepPrinted;
using builder::StepStarted;
using builder::StepVerdict;
using builder::VertexId;

constexpr VertexId kStep{0};

using Lines = std::vector<std::string>;

TEST(LineCutter, PiecesBecomeLines) {
  LineCutter cutter;
  EXPECT_EQ(cutter.take("ha"), Lines{});
  EXPECT_EQ(cutter.take("lf\nwhole\nre"), (Lines{"half", "whole"}));
  EXPECT_EQ(cutter.take_rest(), "re");
  EXPECT_EQ(cutter.take_rest(), std::nullopt);
}

TEST(LineCutter, ALineWithoutEndIsCut) {
  LineCutter cutter;
  EXPECT_EQ(cutter.take(std::string(20'000, 'x')), Lines{std::string(20'000, 'x')});
  EXPECT_EQ(cutter.take_rest(), std::nullopt);
}

TEST(StepTails, AFailedStepHasItsLastLines) {
  tests::SteppedClock clock;
  StepTails tails(clock);
  tails.note(StepStarted{kStep, "[2/2] RUN make"});
  for (int line = 0; line < 100; ++line) {
    tails.note(StepPrinted{kStep, base::cat("line ", line, "\n")});
  }
  clock.step_seconds(2);
  tails.note(StepPrinted{kStep, "last"});
  tails.note(StepEnded{kStep, "", StepVerdict::kFailed});
  std::string text = tails.text(kStep);
  EXPECT_TRUE(text.starts_with("------\n > [2/2] RUN make:\n0.000 line 81\n")) << text;
  EXPECT_TRUE(text.ends_with("0.000 line 99\n2.000 last\n------\n")) << text;
}

TEST(StepTails, AStepThatPrintedNothingOrEndedWellHasNone) {
  tests::SteppedClock clock;
  StepTails tails(clock);
  tails.note(StepStarted{kStep, "a"});
  EXPECT_EQ(tails.text(kStep), "");
  tails.note(StepPrinted{kStep, "x\n"});
  tails.note(StepEnded{kStep, "", StepVerdict::kDone});
  EXPECT_EQ(tails.text(kStep), "");
}

}  // namespace
}  // namespace slipway::cmd
