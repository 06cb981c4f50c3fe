#include "builder/export/file_output.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"

namespace slipway::builder {

FileOutput::FileOutput(const std::string& path, int standard_output) {
  if (path == "-" || path.empty()) {
    if (standard_output < 0 || ::isatty(standard_output) != 0) {
      base::fail(base::ErrorKind::kUsage, "refusing to write an archive to a terminal",
                 "redirect standard output, or name a file with dest=FILE");
    }
    path_ = "standard output";
    standard_output_ = base::Fd(
        base::check([&] { return ::fcntl(standard_output, F_DUPFD_CLOEXEC, 3); }, "fcntl"));
    return;
  }
  path_ = path;
  file_.emplace(path);
}

void FileOutput::write(std::string_view bytes) {
  base::write_all(file_ ? file_->fd() : standard_output_, bytes, path_);
}

void FileOutput::finish() {
  if (file_) {
    file_->finish();
  }
}

}  // namespace slipway::builder
