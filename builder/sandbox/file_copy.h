#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/path.h"

namespace slipway::builder {

// Writes files into a plain directory as they are in another: content, owner, mode, attributes,
// times, holes and hard links. Content shares blocks where the file system can do that (reflink),
// and never an inode: whoever writes into the copy does not write into the source.
//
// Nobody else changes either side meanwhile. Everything is reached beneath the target without
// following links. One thread.
class FileCopy {
 public:
  // `target` is owned by the caller and was opened for reading (no O_PATH).
  explicit FileCopy(const base::Fd& target) : target_(&target) {}

  // `from` has the file under the last part of `path`, and `status` is of that. What stands at
  // `path` in the target is removed first. Its parent is there already. False, and nothing done,
  // for what is no regular file, link or fifo.
  bool put(const base::Fd& from, const base::ImagePath& path, const struct stat& status);

  // Makes the directory unless it is there, with the owner, mode and attributes of `from`, the
  // directory to copy. What else stood there is removed. Its time is set by finish().
  void put_directory(const base::Fd& from, const base::ImagePath& path);

  // An empty directory in place of whatever is there; attributes as put_directory.
  void renew_directory(const base::Fd& from, const base::ImagePath& path);

  void remove(const base::ImagePath& path);
  // A directory of the target, opened for reading. Valid until the next call.
  const base::Fd& directory(const base::ImagePath& path);

  // The times of directories.
  void finish();

 private:
  void put_file(const base::Fd& from, const base::ImagePath& path, const struct stat& status);
  void set_attributes(const base::Fd& from, const base::Fd& parent, const std::string& name,
                      const struct stat& status);

  const base::Fd* target_;
  base::ImagePath directory_path_;
  base::Fd directory_;
  std::map<std::pair<dev_t, ino_t>, base::ImagePath> first_names_;
  std::vector<std::pair<base::ImagePath, timespec>> directory_times_;
};

// An attribute that belongs to the file, and not to the machine or to an overlay around it.
bool is_attribute_of_file(std::string_view name);

// All bytes of `from` and its holes, to the empty file `to`.
void copy_content(const base::Fd& from, const base::Fd& to, off_t size, std::string_view object);

}  // namespace slipway::builder
