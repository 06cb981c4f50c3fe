#pragma once

// Asking somebody at a terminal.

#include <string>

namespace slipway::cmd {

// Whether standard input is somebody who can be asked.
bool can_ask();
// A line of standard input, without its end.
std::string ask(const std::string& prompt);
// The same, not shown while it is typed.
std::string ask_unseen(const std::string& prompt);

}  // namespace slipway::cmd
