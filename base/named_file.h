#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::base {

// `path` with links followed, also to what is not there yet: replacing a link would cut it off from
// the file that somebody keeps elsewhere.
std::string behind_links(const std::string& path);

// True if there is something at `path`, links followed, that must not be replaced by a file: a
// device, a pipe, a folder, or the name of an open file (/dev/stdout, /dev/fd/3, or a link there).
bool is_special_file(const std::string& path);

// A file that somebody named for output. It appears complete or not at all: written beside its
// name, synced and renamed by finish(). Links are followed. A device or a pipe that has the name is
// opened and written to as it is, and never replaced or removed; an open file that has it is
// written to where it stands. kSystem where that can't be done.
class NamedFile {
 public:
  explicit NamedFile(const std::string& path, mode_t mode = 0644);
  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;
  // Removes what was not finished.
  ~NamedFile();

  const Fd& fd() const { return file_; }
  void finish();

 private:
  std::string path_;
  std::string temporary_;  // empty: there is none
  Fd file_;
};

void write_named_file(const std::string& path, std::string_view content, mode_t mode = 0644);

// Removes an earlier file of that name; a device or a pipe stays. Absent is fine.
void remove_named_file(const std::string& path);

}  // namespace slipway::base
