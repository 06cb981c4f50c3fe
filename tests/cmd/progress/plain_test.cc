#include "cmd/progress/plain.h"

#include <gtest/gtest.h>

#include "base/fd.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::cmd {
namespace {

using builder::StepEnded;
using builder::StepPrinted;
using builder::StepStarted;
using builder::StepVerdict;
using builder::VertexId;

constexpr VertexId kFirst{0};
constexpr VertexId kSecond{1};

// What a renderer writes for some events.
class Shown {
 public:
  template <typename... Events>
  explicit Shown(const Events&... events) {
    (progress_.show(events), ...);
    pipe_.write_end.reset();
    text_ = base::read_to_end(pipe_.read_end, 1 << 20, "pipe");
  }
  const std::string& text() const { return text_; }

 private:
  base::Pipe pipe_ = base::make_pipe();
  tests::SteppedClock clock_;
  PlainProgress progress_{pipe_.write_end.get(), clock_};
  std::string text_;
};

TEST(PlainProgress, AStepIsItsNameItsOutputAndItsEnd) {
  Shown shown(StepStarted{kFirst, "[1/1] RUN echo hi"}, StepPrinted{kFirst, "hi\nho\n"},
              StepEnded{kFirst, "", StepVerdict::kDone, 1'900'000'000});
  EXPECT_EQ(shown.text(), "#1 [1/1] RUN echo hi\n#1 0.000 hi\n#1 0.000 ho\n#1 DONE 1.9s\n");
}

TEST(PlainProgress, OfALongOutputTheBeginningIsShown) {
  base::Pipe pipe = base::make_pipe();
  tests::SteppedClock clock;
  PlainProgress progress(pipe.write_end.get(), clock, 2048);
  progress.show(StepStarted{kFirst, "a"});
  std::string line(1000, 'x');
  progress.show(StepPrinted{kFirst, line + "\n" + line + "\n" + line + "\ny\n"});
  progress.show(StepPrinted{kFirst, "z\n"});
  progress.show(StepEnded{kFirst, "", StepVerdict::kDone, 0});
  progress.show(StepStarted{kSecond, "b"});
  progress.show(StepPrinted{kSecond, "shown\n"});
  pipe.write_end.reset();
  EXPECT_EQ(base::read_to_end(pipe.read_end, 1 << 20, "pipe"),
            "#1 a\n#1 0.000 " + line + "\n#1 0.000 " + line +
                "\n#1 0.000 [output clipped, log limit 2KiB reached; "
                "$BUILDKIT_STEP_LOG_MAX_SIZE=-1 shows all]\n#1 DONE 0.0s (3 lines not shown)\n\n"
                "#2 b\n#2 0.000 shown\n");
}

TEST(PlainProgress, OutputWithoutALineEndWaitsForTheRest) {
  Shown shown(StepStarted{kFirst, "a"}, StepPrinted{kFirst, "half"},
              StepPrinted{kFirst, " line\nx"}, StepEnded{kFirst, "", StepVerdict::kFailed});
  EXPECT_EQ(shown.text(), "#1 a\n#1 0.000 half line\n#1 0.000 x\n#1 ERROR\n");
}

TEST(PlainProgress, ACarriageReturnBeginsTheLineAgain) {
  Shown shown(StepStarted{kFirst, "a"}, StepPrinted{kFirst, "10%\r50%\r100%\r\n"});
  EXPECT_EQ(shown.text(), "#1 a\n#1 0.000 100%\n");
}

TEST(PlainProgress, LinesOfStepsThatMixCarryTheirNumbers) {
  Shown shown(StepStarted{kFirst, "a"}, StepStarted{kSecond, "b"}, StepPrinted{kFirst, "x\n"},
              StepEnded{kSecond, "", StepVerdict::kCached});
  EXPECT_EQ(shown.text(), "#1 a\n\n#2 b\n\n#1 ...\n#1 0.000 x\n\n#2 CACHED\n");
}

TEST(PlainProgress, AMissNamesThePartsThatChanged) {
  Shown shown(StepStarted{kFirst, "a"},
              StepEnded{kFirst, "", StepVerdict::kDone, 0, {"input 1", "argv"}});
  EXPECT_EQ(shown.text(), "#1 a\n#1 DONE 0.0s (not cached: input 1, argv changed)\n");
}

TEST(PlainProgress, AnEndlessLineIsShownInPieces) {
  Shown shown(StepStarted{kFirst, "a"}, StepPrinted{kFirst, std::string(20'000, 'x')});
  EXPECT_NE(shown.text().find(std::string(20'000, 'x') + "\n"), std::string::npos);
}

}  // namespace
}  // namespace slipway::cmd
