#pragma once

// What was known of the files of a context when they were last read. One flat file a context:
//
//   "slipway-stat-2\n"  SHA-256 of the rest (32 bytes)  records in path order
//   record: path, inode, size, mtime, ctime, whether it has extended attributes (0 or 1), digest
//   (see layer/binary.h for the numbers)
//
// A record is believed if size, inode and both times are the same: a change of attributes, too,
// sets the ctime. The racy-timestamp rule: a file that was changed so shortly before it was read
// that another change could have left the same times is not recorded at all; it is read again next
// time.

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/path.h"
#include "base/time.h"

namespace slipway::builder {

// What tells one state of a file from another.
struct FileStamp {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  base::Timestamp mtime;
  base::Timestamp ctime;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp stamp_of(const struct stat& status);

// Whether times of the stamp lie so far before `read_at` (when reading began) that no later change
// can have the same ones. File systems take their times from a clock that ticks every few
// milliseconds; a tenth of a second covers all of them.
bool is_settled(const FileStamp& stamp, base::Timestamp read_at);

struct StatRecord {
  FileStamp stamp;
  bool has_xattrs = false;
  std::string_view digest;  // the 32 bytes of a SHA-256; in memory of somebody else's
  base::Digest get_digest() const;
};

using StatRecords = std::map<base::ImagePath, StatRecord>;  // the order of the file
std::string serialise_stats(const StatRecords& records);

// A loaded cache. Immutable; safe for many threads. Its records live as long as it does.
class StatCache {
 public:
  // Anything but a whole, undamaged file of this version is an empty cache.
  explicit StatCache(std::string bytes = "");
  StatCache(const StatCache&) = delete;
  StatCache& operator=(const StatCache&) = delete;
  // Null where nothing is known of the file as it is. `hint` is kept by the caller from one file to
  // the next in path order, and 0 at first: it makes the search short.
  const StatRecord* find(const base::ImagePath& path, const FileStamp& stamp,
                         std::size_t& hint) const;
  // By path text; in path order.
  using Records = std::vector<std::pair<std::string_view, StatRecord>>;
  const Records& records() const { return records_; }

 private:
  std::string bytes_;
  Records records_;  // paths and digests lie in bytes_
};

}  // namespace slipway::builder
