#include "cmd/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/error.h"
#include "cmd/report.h"

namespace slipway::cmd {

namespace {

using base::check;
using base::Fd;

constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr char kEndOfInput = 0x04;  // Ctrl-D: what a terminal has in place of an end of file

// Two directions in one loop. What is typed waits in `typed_` while the step does not read, so that
// a step that only writes can't stop us, nor one that only reads.
class Relay {
 public:
  Relay(const Fd& terminal, bool takes_input) : terminal_(terminal), takes_input_(takes_input) {
    int flags = check([&] { return ::fcntl(terminal_.get(), F_GETFL); }, "fcntl", "terminal");
    check([&] { return ::fcntl(terminal_.get(), F_SETFL, flags | O_NONBLOCK); }, "fcntl",
          "terminal");
  }

  void run() {
    while (is_open_) {
      bool wants_input = takes_input_ && typed_.empty();
      short events = static_cast<short>(POLLIN | (typed_.empty() ? 0 : POLLOUT));
      std::array<pollfd, 2> waits = {pollfd{terminal_.get(), events, 0},
                                     pollfd{wants_input ? STDIN_FILENO : -1, POLLIN, 0}};
      check([&] { return ::poll(waits.data(), waits.size(), -1); }, "poll", "terminal");
      if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        copy_output();
      }
      if ((waits[0].revents & POLLOUT) != 0) {
        pass_typed();
      }
      if (waits[1].revents != 0) {
        take_input();
      }
    }
  }

 private:
  void copy_output() {
    std::array<char, kPieceBytes> piece;
    ssize_t count = ::read(terminal_.get(), piece.data(), piece.size());
    if (count > 0) {
      print_out(std::string(piece.data(), static_cast<std::size_t>(count)));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      is_open_ = false;  // EIO: the last process of the step has closed its side
    }
  }

  void pass_typed() {
    ssize_t count = ::write(terminal_.get(), typed_.data(), typed_.size());
    if (count > 0) {
      typed_.erase(0, static_cast<std::size_t>(count));
    } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
      typed_.clear();
      takes_input_ = false;
    }
  }

  void take_input() {
    std::array<char, kPieceBytes> piece;
    ssize_t count = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (count > 0) {
      typed_.assign(piece.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      typed_ = kEndOfInput;
      takes_input_ = false;
    }
  }

  const Fd& terminal_;
  bool takes_input_;
  bool is_open_ = true;
  std::string typed_;
};

}  // namespace

RawMode::RawMode(int descriptor) : descriptor_(descriptor) {
  check([&] { return ::tcgetattr(descriptor_, &before_); }, "tcgetattr", "terminal");
  termios raw = before_;
  ::cfmakeraw(&raw);
  check([&] { return ::tcsetattr(descriptor_, TCSADRAIN, &raw); }, "tcsetattr", "terminal");
}

RawMode::~RawMode() {
  ::tcsetattr(descriptor_, TCSADRAIN, &before_);
}

std::optional<builder::TerminalSize> find_terminal_size() {
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
      return builder::TerminalSize{size.ws_row, size.ws_col};
    }
  }
  return std::nullopt;
}

void set_terminal_size(const base::Fd& terminal, builder::TerminalSize size) {
  winsize wanted{};
  wanted.ws_row = size.rows;
  wanted.ws_col = size.columns;
  ::ioctl(terminal.get(), TIOCSWINSZ, &wanted);
}

void relay_terminal(const base::Fd& terminal, TerminalInput input) {
  Relay(terminal, input == TerminalInput::kStandardInput).run();
}

}  // namespace slipway::cmd
