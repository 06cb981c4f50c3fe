#include "cmd/progress/board.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cmd/output/units.h"
#include "cmd/progress/terminal_text.h"

namespace slipway::cmd {

namespace {

using base::cat;
using builder::StepVerdict;

std::string_view word_of(StepVerdict verdict) {
  switch (verdict) {
    case StepVerdict::kCached:
      return "CACHED ";
    case StepVerdict::kFailed:
      return "ERROR ";
    case StepVerdict::kCancelled:
      return "CANCELED ";
    case StepVerdict::kDone:
      break;
  }
  return "";
}

BoardLine::Look look_of(StepVerdict verdict) {
  return verdict == StepVerdict::kFailed      ? BoardLine::Look::kFailed
         : verdict == StepVerdict::kCancelled ? BoardLine::Look::kCancelled
                                              : BoardLine::Look::kDone;
}

// `left` cut to what `right` leaves of the columns, and `right` at their end.
std::string spread(std::string_view left, std::string_view right, std::size_t columns) {
  if (columns <= right.size() + 8) {
    return fitted(left, columns);  // too narrow for both
  }
  std::string text = fitted(left, columns - right.size() - 1);
  text.append(columns - right.size() - columns_of(text), ' ');
  return text.append(right);
}

}  // namespace

Board::Step& Board::start(std::string name, std::int64_t now_ns) {
  ++running_;
  Step& step = steps_.emplace_back();
  step.name = harmless(name);
  step.start_ns = now_ns;
  return step;
}

Board::Step& Board::step_of(builder::VertexId vertex, std::int64_t now_ns) {
  auto [place, is_new] = places_.emplace(vertex, steps_.size());
  return is_new ? start("", now_ns) : steps_[place->second];
}

void Board::end(Step& step, StepVerdict verdict, std::int64_t duration_ns) {
  running_ -= std::exchange(step.is_running, false) ? 1 : 0;
  step.verdict = verdict;
  step.duration_ns = duration_ns;
  step.lines.clear();
  step.output.clear();
}

void Board::take_output(Step& step, std::string_view bytes) {
  for (const std::string& line : step.cutter.take(bytes)) {
    step.lines.push_back(harmless(line));
  }
  std::size_t surplus = step.lines.size() - std::min(step.lines.size(), kOutputLinesMax);
  step.lines.erase(step.lines.begin(), step.lines.begin() + static_cast<std::ptrdiff_t>(surplus));
  step.output = step.lines;
  if (std::string rest = step.cutter.rest(); !rest.empty()) {
    step.output.push_back(harmless(rest));
  }
}

void Board::take_transfer(const builder::Transferred& event, std::int64_t now_ns) {
  auto [place, is_new] = transfers_.emplace(event.what, steps_.size());
  Step& step = is_new ? start("", now_ns) : steps_[place->second];
  std::string total = event.total > 0 ? cat(" / ", size_text(event.total)) : "";
  step.name = harmless(cat("transferring ", event.what, " ", size_text(event.bytes), total));
  if (event.done) {
    end(step, StepVerdict::kDone, now_ns - step.start_ns);
    transfers_.erase(event.what);  // the same again is another transfer
  }
}

void Board::take(const builder::Event& event, std::int64_t now_ns) {
  if (const auto* started = std::get_if<builder::StepStarted>(&event)) {
    step_of(started->vertex, now_ns).name = harmless(started->name);
  } else if (const auto* printed = std::get_if<builder::StepPrinted>(&event)) {
    take_output(step_of(printed->vertex, now_ns), printed->bytes);
  } else if (const auto* ended = std::get_if<builder::StepEnded>(&event)) {
    end(step_of(ended->vertex, now_ns), ended->end, ended->duration_ns);
  } else if (const auto* transferred = std::get_if<builder::Transferred>(&event)) {
    take_transfer(*transferred, now_ns);
  } else if (const auto* warned = std::get_if<builder::Warned>(&event)) {
    warnings_.push_back(harmless(warned->text));
  }
}

std::vector<std::string> Board::take_warnings() {
  return std::exchange(warnings_, {});
}

BoardLine Board::header(std::size_t columns, std::int64_t now_ns, bool is_over) const {
  std::string text =
      cat("[+] Building ", seconds_text(now_ns - start_ns_, 1), "s (", steps_.size() - running_,
          "/", steps_.size(), ")", is_over ? " FINISHED" : "");
  return {fitted(text, columns), is_over ? BoardLine::Look::kDone : BoardLine::Look::kPlain};
}

BoardLine Board::line_of(const Step& step, std::size_t columns, std::int64_t now_ns) {
  std::int64_t spent = step.is_running ? now_ns - step.start_ns : step.duration_ns;
  std::string_view word = step.is_running ? "" : word_of(step.verdict);
  return {spread(cat(" => ", word, step.name), cat(seconds_text(spent, 1), "s"), columns),
          step.is_running ? BoardLine::Look::kPlain : look_of(step.verdict)};
}

void Board::append_output(const Step& step, std::size_t count, std::size_t columns,
                          std::vector<BoardLine>& out) {
  count = std::min(count, step.output.size());
  for (std::size_t at = step.output.size() - count; at < step.output.size(); ++at) {
    out.push_back({fitted(cat(" => => # ", step.output[at]), columns)});
  }
}

// The most lines of output that each running step may show in `left` rows.
std::size_t Board::output_lines_each(std::size_t left) const {
  for (std::size_t each = kOutputLinesMax; each > 0; --each) {
    std::size_t wanted = 0;
    for (const Step& step : steps_) {
      wanted += step.is_running ? std::min(each, step.output.size()) : 0;
    }
    if (wanted <= left) {
      return each;
    }
  }
  return 0;
}

std::vector<BoardLine> Board::lines(WindowSize size, std::int64_t now_ns) const {
  // The last column stays free: a character in it makes some terminals go to the next row.
  std::size_t columns = std::max<std::size_t>(size.columns, 2) - 1;
  std::size_t rows = std::max<std::size_t>(size.rows, 3) - 2;  // of the header and the cursor
  std::vector<BoardLine> out = {header(columns, now_ns, false)};
  std::size_t running_shown = running_ <= rows ? running_ : rows - 1;
  std::size_t left = rows - std::min(rows, running_);
  std::size_t each = output_lines_each(left);
  for (const Step& step : steps_) {
    left -= step.is_running ? std::min(left, std::min(each, step.output.size())) : 0;
  }
  std::size_t ended = steps_.size() - running_;
  std::size_t ended_hidden = ended - std::min(ended, left);
  for (const Step& step : steps_) {
    if (!step.is_running && ended_hidden > 0) {
      --ended_hidden;
    } else if (!step.is_running) {
      out.push_back(line_of(step, columns, now_ns));
    } else if (running_shown > 0) {
      --running_shown;
      out.push_back(line_of(step, columns, now_ns));
      append_output(step, each, columns, out);
    }
  }
  if (running_ > rows) {
    out.push_back({fitted(cat(" => and ", running_ - rows + 1, " more"), columns)});
  }
  return out;
}

std::vector<BoardLine> Board::all_lines(std::size_t columns, std::int64_t now_ns) const {
  columns = std::max<std::size_t>(columns, 2) - 1;
  std::vector<BoardLine> out = {header(columns, now_ns, true)};
  for (const Step& step : steps_) {
    out.push_back(line_of(step, columns, now_ns));
  }
  return out;
}

}  // namespace slipway::cmd
