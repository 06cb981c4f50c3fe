#pragma once

// The state of a build as a terminal shows it:
//
//   [+] Building 3.4s (2/4)
//    => [build 1/2] COPY . .                                                          0.1s
//    => [build 2/2] RUN make                                                          3.2s
//    => => # cc -c main.c
//    => => # cc -c util.c
//
// Pure: no clock, no terminal, no thread; tty.h draws it.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "builder/solve/events.h"
#include "cmd/progress/step_output.h"

namespace slipway::cmd {

struct WindowSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
  bool operator==(const WindowSize&) const = default;
};

struct BoardLine {
  enum class Look { kPlain, kDone, kFailed, kCancelled };
  std::string text;  // no wider than the window
  Look look = Look::kPlain;
  bool operator==(const BoardLine&) const = default;
};

class Board {
 public:
  explicit Board(std::int64_t start_ns) : start_ns_(start_ns) {}

  void take(const builder::Event& event, std::int64_t now_ns);
  // Warnings since the last call: they are shown once, above the rest.
  std::vector<std::string> take_warnings();

  // What fits into a window and leaves its last row free. Where not everything does, steps that
  // ended first go first, then the output of running steps, then running steps.
  std::vector<BoardLine> lines(WindowSize size, std::int64_t now_ns) const;
  // Every step, for when the build is over.
  std::vector<BoardLine> all_lines(std::size_t columns, std::int64_t now_ns) const;

  // Lines of output that one running step shows at the most.
  static constexpr std::size_t kOutputLinesMax = 6;

 private:
  struct Step {
    std::string name;
    std::int64_t start_ns = 0;
    std::int64_t duration_ns = 0;
    bool is_running = true;
    builder::StepVerdict verdict = builder::StepVerdict::kDone;
    LineCutter cutter;
    std::vector<std::string> lines;   // the last whole lines
    std::vector<std::string> output;  // the same, with the one that has no end yet
  };
  Step& start(std::string name, std::int64_t now_ns);
  Step& step_of(builder::VertexId vertex, std::int64_t now_ns);
  void end(Step& step, builder::StepVerdict verdict, std::int64_t duration_ns);
  static void take_output(Step& step, std::string_view bytes);
  void take_transfer(const builder::Transferred& event, std::int64_t now_ns);
  BoardLine header(std::size_t columns, std::int64_t now_ns, bool is_over) const;
  static BoardLine line_of(const Step& step, std::size_t columns, std::int64_t now_ns);
  static void append_output(const Step& step, std::size_t count, std::size_t columns,
                            std::vector<BoardLine>& out);
  std::size_t output_lines_each(std::size_t left) const;

  std::int64_t start_ns_;
  std::vector<Step> steps_;  // in the order in which they showed up
  std::map<builder::VertexId, std::size_t> places_;
  std::map<std::string, std::size_t> transfers_;
  std::size_t running_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace slipway::cmd
