#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/guarded.h"

namespace slipway::base {

// Opens the files below a directory to read what they hold: many, mostly one directory after the
// other. No link is followed on the way, so nothing outside is reached. The time of reading is not
// noted (O_NOATIME) where that is permitted, on files of one's own and as root: a file that is read
// for the first time would have its inode written to the disk again otherwise. Thread-safe.
class TreeFiles {
 public:
  explicit TreeFiles(Fd root) : root_(std::move(root)) {}
  const Fd& root() const { return root_; }

  // `directory` is relative to the root; "" is the root itself. Throws as open_beneath; a `name`
  // that is a link is ELOOP. Should it be a fifo, its writer is not waited for. Precondition for
  // seeing what is there now: the directories are not renamed meanwhile.
  Fd open(std::string_view directory, const std::string& name) const;

 private:
  struct Opened {
    std::string path;
    std::shared_ptr<const Fd> directory;
  };
  std::shared_ptr<const Fd> find_directory(std::string_view path) const;

  Fd root_;
  mutable Guarded<Opened> last_;
  // After one refusal it is not tried again: the files of a tree mostly have one owner.
  mutable std::atomic<bool> may_leave_times_ = true;
};

}  // namespace slipway::base
