#include "builder/export/file_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

bool is_written_in_place(const std::string& path) {
  struct stat own{};
  struct stat behind{};
  return ::lstat(path.c_str(), &own) == 0 && !S_ISREG(own.st_mode) &&
         ::stat(path.c_str(), &behind) == 0 && !S_ISDIR(behind.st_mode);
}

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
  if (is_written_in_place(path)) {
    file_ = base::open_file(path, O_WRONLY | O_TRUNC);
    return;
  }
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
