#include "cmd/progress/transfers.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "cmd/output/units.h"

namespace slipway::cmd {

namespace {

using base::cat;
using registry::TransferEvent;
using Kind = registry::TransferEvent::Kind;

// Often enough to look alive; a fast network gives thousands of events a second.
constexpr std::int64_t kRedrawNs = 100'000'000;
constexpr std::size_t kBarWidth = 50;

// What comes from a registry may hold anything.
std::string visible(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F; }, ' ');
  return text;
}

std::string seconds_text(std::int64_t milliseconds) {
  std::int64_t seconds = std::max<std::int64_t>(1, (milliseconds + 500) / 1000);
  return seconds == 1 ? "1 second" : cat(seconds, " seconds");
}

}  // namespace

TransferProgress::Screen TransferProgress::screen_of(int descriptor, bool quiet) {
  Screen screen{.descriptor = descriptor, .style = quiet ? Style::kQuiet : Style::kLines};
  winsize size{};
  bool is_terminal = ::isatty(descriptor) == 1 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0;
  if (!quiet && is_terminal && size.ws_row > 1 && size.ws_col > 0) {
    screen = {descriptor, Style::kTerminal, size.ws_row, size.ws_col};
  }
  return screen;
}

registry::TransferObserver TransferProgress::observer() {
  return [this](const TransferEvent& event) { show(event); };
}

void TransferProgress::show(const TransferEvent& event) {
  if (event.kind == Kind::kWarning || event.digest.empty()) {
    if (!event.text.empty()) {
      auto lines = lines_.lock();
      write(cat("WARNING: ", visible(event.text), "\n"));
      lines->lines.clear();  // what is above can't be reached by counting lines any more
    }
    return;
  }
  auto lines = lines_.lock();
  lines->moved += event.kind == Kind::kDone ? 1 : 0;
  std::string id = short_id(event.digest);
  auto found = std::find_if(lines->lines.begin(), lines->lines.end(),
                            [&](const Line& line) { return line.id == id; });
  bool is_new = found == lines->lines.end();
  if (is_new) {
    lines->lines.push_back({.id = id});
    found = lines->lines.end() - 1;
  }
  std::string status = status_of(event);
  bool changed = std::exchange(found->status, status) != status;
  found->current = event.kind == Kind::kBytes ? event.current : 0;
  found->total = event.kind == Kind::kBytes ? event.total : 0;
  std::int64_t now = clock_->steady_ns();
  bool is_time = screen_.style == Style::kTerminal && now - found->drawn_ns >= kRedrawNs;
  bool is_shown = event.kind != Kind::kBytes || screen_.style == Style::kTerminal;
  if (is_shown && (is_new || changed || is_time)) {
    found->drawn_ns = now;
    draw(*lines, static_cast<std::size_t>(found - lines->lines.begin()), is_new);
  }
}

std::uint64_t TransferProgress::moved() {
  return lines_.lock()->moved;
}

std::string TransferProgress::status_of(const TransferEvent& event) const {
  bool pulls = kind_ == TransferKind::kPull;
  switch (event.kind) {
    case Kind::kStarted:
      return pulls ? "Pulling fs layer" : "Preparing";
    case Kind::kBytes:
      return pulls ? "Downloading" : "Pushing";
    case Kind::kDone:
      return pulls ? "Pull complete" : "Pushed";
    case Kind::kExists:
      return pulls ? "Already exists" : "Layer already exists";
    case Kind::kMounted:
      return cat("Mounted from ", visible(event.from));
    case Kind::kRetrying:
      return cat("Retrying in ", seconds_text(event.wait_ms));
    case Kind::kWarning:
      break;
  }
  return visible(event.text);
}

// "[=====>      ]  36.45kB/1.036MB"
std::string TransferProgress::bar_text(const Line& line) const {
  if (line.total == 0) {
    return {};
  }
  std::uint64_t current = std::min(line.current, line.total);
  auto filled = static_cast<std::size_t>(static_cast<double>(current) /
                                         static_cast<double>(line.total) * kBarWidth);
  std::string bar(filled, '=');
  if (filled < kBarWidth) {
    bar += cat('>', std::string(kBarWidth - filled - 1, ' '));
  }
  std::string numbers = cat("  ", precise_size_text(current), "/", precise_size_text(line.total));
  bool fits =
      line.id.size() + line.status.size() + bar.size() + numbers.size() + 6 <= screen_.columns;
  return fits ? cat("[", bar, "]", numbers) : numbers;
}

void TransferProgress::draw(Lines& lines, std::size_t place, bool is_new) {
  const Line& line = lines.lines[place];
  switch (screen_.style) {
    case Style::kQuiet:
      return;
    case Style::kLines:
      write(cat(line.id, ": ", line.status, "\n"));
      return;
    case Style::kTerminal:
      break;
  }
  std::string text = cat(line.id, ": ", line.status, " ", bar_text(line));
  text = ellipsis(text, screen_.columns - 1);
  std::size_t up = lines.lines.size() - place;
  if (is_new) {
    write(text + "\n");
  } else if (up < screen_.rows) {
    // Up to its line, anew, and back to the line below the last one.
    write(cat("\x1b[", up, "A\r\x1b[2K", text, "\x1b[", up, "B\r"));
  }
}

void TransferProgress::write(const std::string& text) const {
  // Progress that nobody can read any more is no reason to fail a transfer.
  std::string_view left = text;
  while (!left.empty()) {
    ssize_t count = ::write(screen_.descriptor, left.data(), left.size());
    if (count <= 0) {
      return;
    }
    left.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace slipway::cmd
