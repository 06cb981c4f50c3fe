#include "cmd/report.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

namespace slipway::cmd {

ExitCode exit_code_of(base::ErrorKind kind) {
  switch (kind) {
    case base::ErrorKind::kUsage:
      return ExitCode::kUsage;
    case base::ErrorKind::kInput:
    case base::ErrorKind::kNotFound:
      return ExitCode::kFailed;
    case base::ErrorKind::kDenied:
      return ExitCode::kDenied;
    case base::ErrorKind::kNetwork:
      return ExitCode::kNetwork;
    case base::ErrorKind::kIntegrity:
      return ExitCode::kIntegrity;
    case base::ErrorKind::kSystem:
      return ExitCode::kSystem;
    case base::ErrorKind::kCancelled:
      return ExitCode::kCancelled;
    case base::ErrorKind::kInternal:
      break;
  }
  return ExitCode::kInternal;
}

std::string report_text(const base::Error& error) {
  std::string text = base::cat("ERROR: ", error.message(), "\n");
  for (auto note = error.notes().rbegin(); note != error.notes().rend(); ++note) {
    text += base::cat("  while ", *note, "\n");
  }
  if (!error.hint().empty()) {
    text += base::cat("  hint: ", error.hint(), "\n");
  }
  return text;
}

std::optional<base::Error> failure_of(const std::function<void()>& body) {
  try {
    body();
    return std::nullopt;
  } catch (const base::Error& error) {
    return error;
  }
}

void print_out(const std::string& text) {
  // A duplicate, because an Fd owns and would close the original.
  base::Fd out(base::check([] { return ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                           "standard output"));
  base::write_all(out, text, "standard output");
}

void print_error(const std::string& text) {
  std::string_view left = text;
  while (!left.empty()) {
    ssize_t count = ::write(STDERR_FILENO, left.data(), left.size());
    if (count <= 0) {
      return;
    }
    left.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace slipway::cmd
