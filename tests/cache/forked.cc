#include "tests/cache/forked.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"

namespace slipway::cache::testing_support {

namespace {

// noexcept: whatever is no Error ends the copy here instead of in the test program's loop.
std::string run(const std::function<std::string(const base::Fd&)>& body,
                const base::Fd& progress) noexcept {
  try {
    return body(progress);
  } catch (const base::Error& error) {
    return base::describe(error);
  }
}

}  // namespace

Forked::Forked(const std::function<std::string(const base::Fd& progress)>& body) {
  base::Pipe progress = base::make_pipe();
  base::Pipe result = base::make_pipe();
  pid_ = base::check([] { return ::fork(); }, "fork");
  if (pid_ == 0) {
    progress.read_end.reset();
    result.read_end.reset();
    base::write_all(result.write_end, run(body, progress.write_end));
    // Without the destructors and exit handlers of the test program.
    ::_exit(0);
  }
  progress_ = std::move(progress.read_end);
  result_ = std::move(result.read_end);
}

Forked::Forked(Forked&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      progress_(std::move(other.progress_)),
      result_(std::move(other.result_)) {}

Forked::~Forked() {
  if (pid_ > 0) {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
}

bool Forked::wait_for_progress(std::size_t count) {
  std::string bytes(count, '\0');
  return base::read_full(progress_, bytes) == count;
}

void Forked::kill() {
  ::kill(pid_, SIGKILL);
}

std::string Forked::result() {
  std::string text = base::read_to_end(result_, 1 << 20);
  int status = 0;
  base::check([&] { return ::waitpid(std::exchange(pid_, -1), &status, 0); }, "waitpid");
  return WIFSIGNALED(status) ? "killed" : text;
}

}  // namespace slipway::cache::testing_support
