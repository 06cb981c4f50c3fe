#include "cmd/progress/step_output.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/text.h"
#include "cmd/progress/build_progress.h"

namespace slipway::cmd {

namespace {

using base::cat;

// A step may print a gigabyte without a line end.
constexpr std::size_t kLineBytesMax = 16 * 1024;

}  // namespace

std::string LineCutter::after_carriage_returns(std::string line) {
  if (!line.empty() && line.back() == '\r') {
    line.pop_back();
  }
  if (std::size_t carriage = line.rfind('\r'); carriage != std::string::npos) {
    line.erase(0, carriage + 1);
  }
  return line;
}

std::vector<std::string> LineCutter::take(std::string_view bytes) {
  std::vector<std::string> lines;
  partial_ += bytes;
  std::size_t start = 0;
  for (std::size_t end = partial_.find('\n'); end != std::string::npos;
       end = partial_.find('\n', start)) {
    lines.push_back(after_carriage_returns(partial_.substr(start, end - start)));
    start = end + 1;
  }
  partial_.erase(0, start);
  if (partial_.size() > kLineBytesMax) {
    lines.push_back(after_carriage_returns(std::exchange(partial_, {})));
  }
  return lines;
}

std::optional<std::string> LineCutter::take_rest() {
  if (partial_.empty()) {
    return std::nullopt;
  }
  return after_carriage_returns(std::exchange(partial_, {}));
}

std::string seconds_text(std::int64_t nanoseconds, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, static_cast<double>(nanoseconds) / 1e9);
  return text;
}

void StepTails::keep(Step& step, const std::string& line) {
  step.lines.push_back(cat(seconds_text(clock_->steady_ns() - step.start_ns, 3), " ", line, "\n"));
  if (step.lines.size() > kLines) {
    step.lines.erase(step.lines.begin());
  }
}

void StepTails::note(const builder::Event& event) {
  auto steps = steps_.lock();
  if (const auto* started = std::get_if<builder::StepStarted>(&event)) {
    Step& step = (*steps)[started->vertex];
    step.name = started->name;
    step.start_ns = clock_->steady_ns();
  } else if (const auto* printed = std::get_if<builder::StepPrinted>(&event)) {
    Step& step = (*steps)[printed->vertex];
    for (const std::string& line : step.cutter.take(printed->bytes)) {
      keep(step, line);
    }
  } else if (const auto* ended = std::get_if<builder::StepEnded>(&event)) {
    Step& step = (*steps)[ended->vertex];
    if (std::optional<std::string> rest = step.cutter.take_rest()) {
      keep(step, *rest);
    }
    if (ended->end != builder::StepVerdict::kFailed) {
      steps->erase(ended->vertex);  // nobody will ask
    }
  }
}

std::string StepTails::text(builder::VertexId vertex) {
  auto steps = steps_.lock();
  auto found = steps->find(vertex);
  if (found == steps->end() || found->second.lines.empty()) {
    return {};
  }
  return cat("------\n > ", found->second.name, ":\n", base::join(found->second.lines, ""),
             "------\n");
}

void write_progress(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace slipway::cmd
