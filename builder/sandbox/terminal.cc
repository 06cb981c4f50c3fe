#include "builder/sandbox/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

namespace slipway::builder {

using base::check;
using base::Fd;

Terminal open_terminal(const Fd& terminals, const TerminalSize& size) {
  Terminal terminal;
  terminal.control = base::open_at(terminals, "ptmx", O_RDWR | O_NOCTTY);
  int unlock = 0;
  check([&] { return ::ioctl(terminal.control.get(), TIOCSPTLCK, &unlock); }, "ioctl TIOCSPTLCK");
  // By the descriptor and not by a name, which somebody could have put something else under.
  terminal.line = Fd(check(
      [&] { return ::ioctl(terminal.control.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC); },
      "ioctl TIOCGPTPEER"));
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  check([&] { return ::ioctl(terminal.line.get(), TIOCSWINSZ, &window); }, "ioctl TIOCSWINSZ");
  return terminal;
}

}  // namespace slipway::builder
