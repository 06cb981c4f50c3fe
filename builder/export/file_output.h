#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/named_file.h"
#include "base/stream.h"

namespace slipway::builder {

// A file that appears complete or not at all, with finish() (base/named_file.h). "-" (or "") is the
// given standard output, which is written to directly; a terminal there is refused (kUsage).
class FileOutput : public base::Sink {
 public:
  FileOutput(const std::string& path, int standard_output);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  std::string path_;  // for messages
  std::optional<base::NamedFile> file_;
  base::Fd standard_output_;  // where there is no file
};

}  // namespace slipway::builder
