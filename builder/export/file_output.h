#pragma once

#include <string>

#include "base/fd.h"
#include "base/stream.h"

namespace slipway::builder {

// A file that appears complete or not at all: written beside its name, synced and renamed by
// finish(). "-" (or "") is the given standard output, which is written to directly; a terminal
// there is refused (kUsage). A device, a fifo or a link is written to directly, too: /dev/null and
// /dev/stdout stay what they are.
class FileOutput : public base::Sink {
 public:
  FileOutput(const std::string& path, int standard_output);
  ~FileOutput() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  std::string path_;       // empty: standard output
  std::string temporary_;  // empty once renamed, and where there is none
  base::Fd file_;
};

// Whether something is at `path` that must not be replaced by a file: a device, a fifo, or a link
// to anything but a directory.
bool is_written_in_place(const std::string& path);

}  // namespace slipway::builder
