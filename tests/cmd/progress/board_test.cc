#include "cmd/progress/board.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "cmd/progress/terminal_text.h"

namespace slipway::cmd {
namespace {

using base::cat;
using builder::StepEnded;
using builder::StepPrinted;
using builder::StepStarted;
using builder::StepVerdict;
using builder::VertexId;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string text_of(const std::vector<BoardLine>& lines) {
  std::string text;
  for (const BoardLine& line : lines) {
    text += line.text + "\n";
  }
  return text;
}

// A board on which steps 0, 1, ... have started.
Board board_with(unsigned count) {
  Board board(0);
  for (unsigned id = 0; id < count; ++id) {
    board.take(StepStarted{VertexId{id}, cat("step ", id)}, 0);
  }
  return board;
}

TEST(Board, RunningStepsShowTheirTimeAndTheirLastLines) {
  Board board = board_with(2);
  board.take(StepPrinted{VertexId{1}, "one\ntwo\nthr"}, kSecond);
  board.take(StepEnded{VertexId{0}, "", StepVerdict::kDone, kSecond / 2}, kSecond);
  EXPECT_EQ(text_of(board.lines({24, 31}, 3 * kSecond)),
            "[+] Building 3.0s (1/2)\n"
            " => step 0                0.5s\n"
            " => step 1                3.0s\n"
            " => => # one\n"
            " => => # two\n"
            " => => # thr\n");
}

TEST(Board, AProgressBarMoves) {
  Board board = board_with(1);
  board.take(StepPrinted{VertexId{0}, "start\n10%\r20%\r"}, 0);
  EXPECT_NE(text_of(board.lines({24, 80}, 0)).find("# start\n => => # 20%\n"), std::string::npos);
  board.take(StepPrinted{VertexId{0}, "30%\r"}, 0);
  EXPECT_NE(text_of(board.lines({24, 80}, 0)).find("# start\n => => # 30%\n"), std::string::npos);
}

TEST(Board, TheEndOfAStepIsNamed) {
  Board board = board_with(3);
  board.take(StepEnded{VertexId{0}, "", StepVerdict::kCached}, kSecond);
  board.take(StepEnded{VertexId{1}, "", StepVerdict::kFailed, kSecond}, kSecond);
  board.take(StepEnded{VertexId{2}, "", StepVerdict::kCancelled, kSecond}, kSecond);
  std::vector<BoardLine> lines = board.all_lines(41, kSecond);
  EXPECT_EQ(text_of(lines),
            "[+] Building 1.0s (3/3) FINISHED\n"
            " => CACHED step 0                   0.0s\n"
            " => ERROR step 1                    1.0s\n"
            " => CANCELED step 2                 1.0s\n");
  EXPECT_EQ(lines[1].look, BoardLine::Look::kDone);
  EXPECT_EQ(lines[2].look, BoardLine::Look::kFailed);
  EXPECT_EQ(lines[3].look, BoardLine::Look::kCancelled);
}

TEST(Board, EveryLineFitsIntoTheWindow) {
  Board board(0);
  board.take(StepStarted{VertexId{0}, std::string(300, 'n')}, 0);
  board.take(StepPrinted{VertexId{0}, std::string(300, 'o') + "\n"}, 0);
  for (std::size_t columns = 1; columns < 120; ++columns) {
    for (const BoardLine& line : board.lines({24, columns}, kSecond)) {
      EXPECT_LE(columns_of(line.text), std::max<std::size_t>(columns - 1, 1)) << columns;
    }
  }
}

TEST(Board, ALowWindowDropsWhatEndedFirstThenOutputThenRunningSteps) {
  Board board = board_with(6);
  for (unsigned id = 0; id < 3; ++id) {
    board.take(StepEnded{VertexId{id}, "", StepVerdict::kDone}, 0);
  }
  board.take(StepPrinted{VertexId{4}, "a\nb\nc\n"}, 0);
  EXPECT_EQ(board.lines({24, 40}, 0).size(), 10U);
  EXPECT_EQ(text_of(board.lines({10, 20}, 0)),
            "[+] Building 0.0s …\n"
            " => step 1     0.0s\n"
            " => step 2     0.0s\n"
            " => step 3     0.0s\n"
            " => step 4     0.0s\n"
            " => => # a\n"
            " => => # b\n"
            " => => # c\n"
            " => step 5     0.0s\n");
  EXPECT_EQ(text_of(board.lines({6, 20}, 0)),
            "[+] Building 0.0s …\n"
            " => step 3     0.0s\n"
            " => step 4     0.0s\n"
            " => => # c\n"
            " => step 5     0.0s\n");
  EXPECT_EQ(text_of(board.lines({4, 20}, 0)),
            "[+] Building 0.0s …\n"
            " => step 3     0.0s\n"
            " => and 2 more\n");
}

TEST(Board, NeverHigherThanTheWindow) {
  Board board = board_with(40);
  for (unsigned id = 0; id < 40; ++id) {
    board.take(StepPrinted{VertexId{id}, "a\nb\nc\nd\ne\nf\ng\nh\n"}, 0);
    if (id % 3 == 0) {
      board.take(StepEnded{VertexId{id}, "", StepVerdict::kDone}, 0);
    }
  }
  for (std::size_t rows = 3; rows < 100; ++rows) {
    EXPECT_LT(board.lines({rows, 80}, 0).size(), rows);
  }
}

TEST(Board, WarningsAreGivenOnce) {
  Board board = board_with(1);
  board.take(builder::Warned{"be\x1b[31mware"}, 0);
  EXPECT_EQ(board.take_warnings(), std::vector<std::string>{"beware"});
  EXPECT_EQ(board.take_warnings(), std::vector<std::string>{});
}

TEST(Board, TransfersAreStepsOfTheirOwn) {
  Board board(0);
  board.take(builder::Transferred{"8c5a804f46c2", 1'200'000, 3'400'000, false}, 0);
  board.take(builder::Transferred{"8c5a804f46c2", 3'400'000, 3'400'000, true}, kSecond);
  EXPECT_EQ(text_of(board.all_lines(61, kSecond)),
            "[+] Building 1.0s (1/1) FINISHED\n"
            " => transferring 8c5a804f46c2 3.4MB / 3.4MB             1.0s\n");
}

}  // namespace
}  // namespace slipway::cmd
