#include "builder/export/file_output.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

FileOutput::FileOutput(const std::string& path, int standard_output) {
  if (path == "-" || path.empty()) {
    if (standard_output < 0 || ::isatty(standard_output) != 0) {
      base::fail(base::ErrorKind::kUsage, "refusing to write an archive to a terminal",
                 "redirect standard output, or name a file with dest=FILE");
    }
    file_ = base::Fd(
        base::check([&] { return ::fcntl(standard_output, F_DUPFD_CLOEXEC, 3); }, "fcntl"));
    return;
  }
  path_ = path;
  temporary_ = base::cat(path, ".", base::random_hex(6), ".tmp");
  file_ = base::open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL, 0644);
}

FileOutput::~FileOutput() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

void FileOutput::write(std::string_view bytes) {
  base::write_all(file_, bytes, path_.empty() ? "standard output" : path_);
}

void FileOutput::finish() {
  if (temporary_.empty()) {
    return;
  }
  base::check([&] { return ::fdatasync(file_.get()); }, "fdatasync", path_);
  file_.close(path_);
  base::check([&] { return ::rename(temporary_.c_str(), path_.c_str()); }, "rename", path_);
  temporary_.clear();
}

}  // namespace slipway::builder
