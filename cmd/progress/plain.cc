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
  for (const std::string& line : step.cutter.take(event.bytes)) {
    print_line(screen, step, line);
  }
}

void PlainProgress::print_line(Screen& screen, const Step& step, const std::string& line) {
  if (screen.last_number != step.number) {
    write(cat("\n#", step.number, " ...\n"));
    screen.last_number = step.number;
  }
  write(cat("#", step.number, " ", seconds_text(clock_->steady_ns() - step.start_ns, 3), " ", line,
            "\n"));
}

void PlainProgress::show(Screen& screen, const builder::StepEnded& event) {
  Step& step = screen.steps[event.vertex];
  if (std::optional<std::string> rest = step.cutter.take_rest()) {
    print_line(screen, step, *rest);
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

void PlainProgress::write(const std::string& text) {
  write_progress(descriptor_, text);
}

}  // namespace slipway::cmd
