#include "cmd/password.h"

#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cmd/report.h"

namespace slipway::cmd {

namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024;

}  // namespace

bool can_ask() {
  return ::isatty(STDIN_FILENO) == 1;
}

std::string ask(const std::string& prompt) {
  print_error(prompt);
  std::string line;
  char byte = 0;
  while (line.size() < kLineBytesMax &&
         base::check([&] { return ::read(STDIN_FILENO, &byte, 1); }, "read", "standard input") ==
             1 &&
         byte != '\n') {
    line += byte;
  }
  return line;
}

std::string ask_unseen(const std::string& prompt) {
  termios before{};
  base::check([&] { return ::tcgetattr(STDIN_FILENO, &before); }, "tcgetattr", "standard input");
  termios unseen = before;
  unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  base::check([&] { return ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen); }, "tcsetattr",
              "standard input");
  base::Cleanup restore([&] {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    print_error("\n");
  });
  return ask(prompt);
}

}  // namespace slipway::cmd
