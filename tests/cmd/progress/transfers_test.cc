#include "cmd/progress/transfers.h"

#include <gtest/gtest.h>

#include "base/fd.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::cmd {
namespace {

using registry::TransferEvent;
using Kind = registry::TransferEvent::Kind;
using Style = TransferProgress::Style;

const std::string kOne = "sha256:1111111111111111";
const std::string kTwo = "sha256:2222222222222222";

// What is written for some events, one after another.
class Shown {
 public:
  Shown(TransferKind kind, Style style)
      : progress_(kind, {pipe_.write_end.get(), style, 24, 80}, clock_) {}

  Shown& with(TransferEvent event) {
    progress_.show(event);
    return *this;
  }
  Shown& after_seconds(std::int64_t seconds) {
    clock_.step_seconds(seconds);
    return *this;
  }
  std::string text() {
    pipe_.write_end.reset();
    return base::read_to_end(pipe_.read_end, 1 << 20, "pipe");
  }
  std::uint64_t moved() { return progress_.moved(); }

 private:
  base::Pipe pipe_ = base::make_pipe();
  tests::SteppedClock clock_;
  TransferProgress progress_;
};

TEST(TransferProgress, LinesTellBeginningAndEndOfEachLayer) {
  Shown shown(TransferKind::kPull, Style::kLines);
  shown.with({.kind = Kind::kStarted, .digest = kOne})
      .with({.kind = Kind::kBytes, .digest = kOne, .current = 5, .total = 10})
      .with({.kind = Kind::kExists, .digest = kTwo})
      .with({.kind = Kind::kDone, .digest = kOne});
  EXPECT_EQ(shown.moved(), 1U);
  EXPECT_EQ(shown.text(),
            "111111111111: Pulling fs layer\n222222222222: Already exists\n"
            "111111111111: Pull complete\n");
}

TEST(TransferProgress, PushesHaveTheirOwnWords) {
  Shown shown(TransferKind::kPush, Style::kLines);
  shown.with({.kind = Kind::kStarted, .digest = kOne})
      .with({.kind = Kind::kRetrying, .digest = kOne, .wait_ms = 1000})
      .with({.kind = Kind::kDone, .digest = kOne})
      .with({.kind = Kind::kMounted, .digest = kTwo, .from = "library/base"});
  EXPECT_EQ(shown.text(),
            "111111111111: Preparing\n111111111111: Retrying in 1 second\n111111111111: Pushed\n"
            "222222222222: Mounted from library/base\n");
}

TEST(TransferProgress, QuietShowsWarningsOnly) {
  Shown shown(TransferKind::kPull, Style::kQuiet);
  shown.with({.kind = Kind::kDone, .digest = kOne})
      .with({.kind = Kind::kWarning, .text = "old\x1b[2J api"});
  EXPECT_EQ(shown.text(), "WARNING: old [2J api\n");
}

TEST(TransferProgress, TerminalLinesAreRewrittenInPlace) {
  Shown shown(TransferKind::kPull, Style::kTerminal);
  shown.with({.kind = Kind::kStarted, .digest = kOne})
      .with({.kind = Kind::kStarted, .digest = kTwo})
      .with({.kind = Kind::kDone, .digest = kOne});
  EXPECT_EQ(shown.text(),
            "111111111111: Pulling fs layer \n222222222222: Pulling fs layer \n"
            "\x1b[2A\r\x1b[2K111111111111: Pull complete \x1b[2B\r");
}

TEST(TransferProgress, TerminalBarsAreRedrawnSeldom) {
  Shown shown(TransferKind::kPull, Style::kTerminal);
  shown.with({.kind = Kind::kBytes, .digest = kOne, .current = 0, .total = 2'000'000});
  for (int i = 1; i <= 50; ++i) {
    shown.with({.kind = Kind::kBytes, .digest = kOne, .current = 1000, .total = 2'000'000});
  }
  shown.after_seconds(1).with(
      {.kind = Kind::kBytes, .digest = kOne, .current = 1'000'000, .total = 2'000'000});
  EXPECT_EQ(shown.text(),
            "111111111111: Downloading   0B/2MB\n"
            "\x1b[1A\r\x1b[2K111111111111: Downloading   1MB/2MB\x1b[1B\r");
}

}  // namespace
}  // namespace slipway::cmd
