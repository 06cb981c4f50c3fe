#include "cmd/progress/plain.h"

#include "base/text.h"

namespace slipway::cmd {

using base::cat;

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
  std::string text;  // written at once: a step may print very many lines
  for (const std::string& line : step.cutter.take(event.bytes)) {
    text += line_text(screen, step, line);
  }
  write(text);
}

// Empty for a line beyond the limit, but for the first of them.
std::string PlainProgress::line_text(Screen& screen, Step& step, const std::string& line) const {
  bool fits = step.hidden_lines == 0 && line.size() < step_bytes_max_ - step.shown_bytes;
  if (!fits && ++step.hidden_lines > 1) {
    return {};
  }
  std::string text;
  if (screen.last_number != step.number) {
    text = cat("\n#", step.number, " ...\n");
    screen.last_number = step.number;
  }
  text += cat("#", step.number, " ", seconds_text(clock_->steady_ns() - step.start_ns, 3), " ");
  if (fits) {
    step.shown_bytes += line.size() + 1;
    return text + cat(line, "\n");
  }
  return text + cat("[output clipped, log limit ", step_bytes_max_ >> 10, "KiB reached; $",
                    kStepBytesVariable, "=-1 shows all]\n");
}

void PlainProgress::show(Screen& screen, const builder::StepEnded& event) {
  Step& step = screen.steps[event.vertex];
  if (std::optional<std::string> rest = step.cutter.take_rest()) {
    write(line_text(screen, step, *rest));
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
  if (step.hidden_lines > 0) {
    text +=
        cat(" (", step.hidden_lines, step.hidden_lines == 1 ? " line" : " lines", " not shown)");
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

void PlainProgress::write(const std::string& text) {
  write_progress(descriptor_, text);
}

}  // namespace slipway::cmd
