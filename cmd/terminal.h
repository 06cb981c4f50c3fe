#pragma once

// Our terminal and a step's joined, so that the step seems to own ours.

#include <termios.h>

#include <optional>

#include "base/fd.h"
#include "builder/sandbox/spec.h"

namespace slipway::cmd {

// Raw mode: every key goes through, Ctrl-C too. What was before comes back with the destructor.
class RawMode {
 public:
  // `descriptor` (not owned) is a terminal.
  explicit RawMode(int descriptor);
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();

 private:
  int descriptor_;
  termios before_{};
};

// Of the first of the descriptors that is a terminal.
std::optional<builder::TerminalSize> find_terminal_size();
void set_terminal_size(const base::Fd& terminal, builder::TerminalSize size);

// Copies what is typed on standard input (if wanted) to the step's terminal and what the step
// writes to standard output, until the step's side is closed by its last process.
enum class TerminalInput { kNone, kStandardInput };
void relay_terminal(const base::Fd& terminal, TerminalInput input);

}  // namespace slipway::cmd
