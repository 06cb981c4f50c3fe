#include "cmd/progress/tty.h"

#include <sys/ioctl.h>

#include <chrono>
#include <utility>

#include "base/text.h"
#include "cmd/progress/terminal_text.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::chrono::milliseconds kRedrawEvery{100};

std::string_view colour_of(BoardLine::Look look) {
  switch (look) {
    case BoardLine::Look::kDone:
      return "\x1b[34m";
    case BoardLine::Look::kFailed:
      return "\x1b[31m";
    case BoardLine::Look::kCancelled:
      return "\x1b[33m";
    case BoardLine::Look::kPlain:
      break;
  }
  return "";
}

}  // namespace

// A window that got narrower has broken the lines of the last picture into more rows.
std::size_t Painter::rows_before(std::size_t columns) const {
  if (columns >= size_before_.columns || columns == 0) {
    return before_.size();
  }
  std::size_t rows = 0;
  for (const BoardLine& line : before_) {
    std::size_t width = columns_of(line.text);
    rows += width == 0 ? 1 : (width + columns - 1) / columns;
  }
  return rows;
}

std::string Painter::coloured(const BoardLine& line) const {
  std::string_view colour = colours_ == Colours::kSome ? colour_of(line.look) : "";
  return colour.empty() ? line.text : cat(colour, line.text, "\x1b[0m");
}

std::string Painter::paint(const std::vector<std::string>& above, std::vector<BoardLine> lines,
                           WindowSize size) {
  if (above.empty() && lines == before_ && size == size_before_) {
    return {};
  }
  std::size_t rows = rows_before(size.columns);
  std::string out = "\x1b[?25l\r";
  if (rows > 0) {
    out += cat("\x1b[", rows, "A");
  }
  for (const std::string& text : above) {
    out += cat(text, "\x1b[K\n");
  }
  for (const BoardLine& line : lines) {
    out += cat(coloured(line), "\x1b[K\n");
  }
  out += "\x1b[J\x1b[?25h";
  before_ = std::move(lines);
  size_before_ = size;
  return out;
}

TtyProgress::TtyProgress(int descriptor, Colours colours, const base::Clock& clock)
    : descriptor_(descriptor), clock_(&clock), board_(clock.steady_ns()), painter_(colours) {
  redrawing_ = std::jthread([this](std::stop_token stop) { redraw_until(stop); });
}

TtyProgress::~TtyProgress() {
  redrawing_.request_stop();
}

void TtyProgress::show(const builder::Event& event) {
  std::lock_guard held(mutex_);
  board_.take(event, clock_->steady_ns());
}

void TtyProgress::redraw_until(std::stop_token stop) {
  std::unique_lock held(mutex_);
  while (!stopped_.wait_for(held, stop, kRedrawEvery, [&] { return stop.stop_requested(); })) {
    if (stop.stop_requested() || is_finished_) {
      return;
    }
    WindowSize size = window_size();
    draw(board_.lines(size, clock_->steady_ns()));
  }
}

void TtyProgress::draw(const std::vector<BoardLine>& lines) {
  std::vector<std::string> above;
  for (const std::string& warning : board_.take_warnings()) {
    above.push_back(cat("WARNING: ", warning));
  }
  write_progress(descriptor_, painter_.paint(above, lines, window_size()));
}

void TtyProgress::finish(const std::vector<parser::LintWarning>&) {
  redrawing_.request_stop();
  std::lock_guard held(mutex_);
  if (!std::exchange(is_finished_, true)) {
    draw(board_.all_lines(window_size().columns, clock_->steady_ns()));
  }
}

WindowSize TtyProgress::window_size() const {
  winsize size{};
  if (::ioctl(descriptor_, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return {};
  }
  return {size.ws_row, size.ws_col};
}

}  // namespace slipway::cmd
