#include "cmd/progress/plain.h"

#include <unistd.h>

#include <cstdio>

#include "base/text.h"

namespace slipway::cmd {

namespace {

using base::cat;

// Longer lines are shown in pieces: a step may print a gigabyte without a line end.
constexpr std::size_t kLineBytesMax = 16 * 1024;

std::string seconds_text(std::int64_t nanoseconds, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, static_cast<double>(nanoseconds) / 1e9);
  return text;
}

// A command's output goes to a terminal or a log: what could move the cursor or colour the rest is
// for the renderer of terminals; here a carriage return just begins the line again, as people
// expect of progress bars.
std::string visible(std::string line) {
  if (!line.empty() && line.back() == '\r') {
    line.pop_back();
  }
  if (std::size_t carriage = line.rfind('\r'); carriage != std::string::npos) {
    line.erase(0, carriage + 1);
  }
  return line;
}

}  // namespace

void PlainProgress::show(const builder::Event& event) {
  auto screen = screen_.lock();
  std::visit([&](const auto& concrete) { show(*screen, concrete); }, event);
}

void PlainProgress::show(Screen& screen, const builder::StepStarted& event) {
  Step& step = screen.steps[event.vertex];
  step.number = ++screen.count;
  step.start_ns = clock_->steady_ns();
  write(cat(screen.last_number == 0 ? "" : "\n", "#", step.number, " ", event.name, "\n"));
  screen.last_number = step.number;
}

void PlainProgress::show(Screen& screen, const builder::StepPrinted& event) {
  Step& step = screen.steps[event.vertex];
  step.partial += event.bytes;
  std::size_t start = 0;
  for (std::size_t end = step.partial.find('\n'); end != std::string::npos;
       end = step.partial.find('\n', start)) {
    print_line(screen, step, step.partial.substr(start, end - start));
    start = end + 1;
  }
  step.partial.erase(0, start);
  if (step.partial.size() > kLineBytesMax) {
    print_line(screen, step, std::exchange(step.partial, {}));
  }
}

void PlainProgress::print_line(Screen& screen, Step& step, std::string line) {
  line = visible(std::move(line));
  step.last_lines.push_back(line);
  if (step.last_lines.size() > kTailLines) {
    step.last_lines.erase(step.last_lines.begin());
  }
  if (screen.last_number != step.number) {
    write(cat("\n#", step.number, " ...\n"));
    screen.last_number = step.number;
  }
  write(cat("#", step.number, " ", seconds_text(clock_->steady_ns() - step.start_ns, 3), " ", line,
            "\n"));
}

void PlainProgress::show(Screen& screen, const builder::StepEnded& event) {
  Step& step = screen.steps[event.vertex];
  if (!step.partial.empty()) {
    print_line(screen, step, std::exchange(step.partial, {}));
  }
  std::string text = cat("#", step.number, " ");
  switch (event.end) {
    case builder::StepVerdict::kCached:
      text += "CACHED";
      break;
    case builder::StepVerdict::kDone:
      text += cat("DONE ", seconds_text(event.duration_ns, 1), "s");
      break;
    case builder::StepVerdict::kFailed:
      text += "ERROR";
      break;
    case builder::StepVerdict::kCancelled:
      text += "CANCELED";
      break;
  }
  if (!event.missed_by.empty()) {
    text += cat(" (not cached: ", base::join(event.missed_by, ", "), " changed)");
  }
  if (screen.last_number != step.number) {
    text = cat("\n", text);
  }
  screen.last_number = step.number;
  write(text + "\n");
}

void PlainProgress::show(Screen&, const builder::Transferred& event) {
  if (event.done) {
    write(cat("transferred ", event.what, ", ", event.bytes, " bytes\n"));
  }
}

void PlainProgress::show(Screen&, const builder::Warned& event) {
  write(cat("WARNING: ", event.text, "\n"));
}

std::string PlainProgress::tail(builder::VertexId vertex) {
  auto screen = screen_.lock();
  return base::join(screen->steps[vertex].last_lines, "\n");
}

void PlainProgress::write(const std::string& text) {
  // Progress that nobody can read any more (a closed pipe) is no reason to fail a build.
  std::string_view left = text;
  while (!left.empty()) {
    ssize_t count = ::write(descriptor_, left.data(), left.size());
    if (count <= 0) {
      return;
    }
    left.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace slipway::cmd
