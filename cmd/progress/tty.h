#pragma once

// Progress on a terminal: the board (board.h) redrawn in place, at most ten times a second, each
// time with one write. Between two writes the cursor is visible and stands below the board, so that
// whatever ends the process leaves the terminal as it should be.

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/time.h"
#include "cmd/progress/board.h"
#include "cmd/progress/build_progress.h"

namespace slipway::cmd {

enum class Colours { kNone, kSome };

// What makes one picture of the next: up to the first line of the last one, each line anew, and
// nothing below. Pure.
class Painter {
 public:
  explicit Painter(Colours colours) : colours_(colours) {}

  // The bytes to write; empty where nothing changed. `above` scrolls away above the board.
  std::string paint(const std::vector<std::string>& above, std::vector<BoardLine> lines,
                    WindowSize size);

 private:
  std::size_t rows_before(std::size_t columns) const;
  std::string coloured(const BoardLine& line) const;

  Colours colours_;
  std::vector<BoardLine> before_;
  WindowSize size_before_;
};

class TtyProgress : public BuildProgress {
 public:
  // Writes to `descriptor` (not owned), a terminal. The clock outlives this.
  TtyProgress(int descriptor, Colours colours, const base::Clock& clock);
  ~TtyProgress() override;

  void show(const builder::Event& event) override;
  void finish(const std::vector<parser::LintWarning>&) override;

 private:
  void redraw_until(std::stop_token stop);
  void draw(const std::vector<BoardLine>& lines);
  WindowSize window_size() const;

  int descriptor_;
  const base::Clock* clock_;
  std::mutex mutex_;  // of everything below but the thread
  std::condition_variable_any stopped_;
  Board board_;
  Painter painter_;
  bool is_finished_ = false;
  std::jthread redrawing_;
};

}  // namespace slipway::cmd
