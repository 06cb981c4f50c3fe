#pragma once

// What was known of the files of a context when they were last read. One flat file a context:
//
//   "slipway-stat-3\n"  SHA-256 of the rest (32 bytes)  directories in path order
//   directory: path, its records preceded by their length in bytes
//   record, in the order of names: name, inode, size, mtime, ctime, whether it has extended
//   attributes (0 or 1), digest (32 bytes)
//   (see layer/binary.h for the numbers)
//
// A record is believed if size, inode and both times are the same: a change of attributes, too,
// sets the ctime. The racy-timestamp rule: a file that was changed so shortly before it was read
// that another change could have left the same times is not recorded at all; it is read again next
// time.

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/path.h"
#include "base/time.h"
#include "builder/layer/binary.h"

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

// Adds one to a directory's records; names come in bytewise order.
void append_stat(std::string& records, std::string_view name, const StatRecord& record);
// The whole file. The records of each directory are those of append_stat().
using StatGroups = std::map<base::ImagePath, std::string>;
std::string serialise_stats(const StatGroups& groups);

// A loaded cache. Immutable; safe for many threads. Its records live as long as it does.
class StatCache {
 public:
  // The records of one directory, read as they are asked for.
  class Directory {
   public:
    explicit Directory(std::string_view records) : reader_(records) {}
    // Nothing where nothing is known of the file as it is. Names are asked for in bytewise order,
    // each once.
    std::optional<StatRecord> find(std::string_view name, const FileStamp& stamp);

   private:
    BinaryReader reader_;
    std::optional<std::pair<std::string_view, StatRecord>> next_;
  };

  // Anything but a whole, undamaged file of this version is an empty cache.
  explicit StatCache(std::string bytes = "");
  StatCache(const StatCache&) = delete;
  StatCache& operator=(const StatCache&) = delete;

  Directory directory(const base::ImagePath& path) const;
  // Paths and records of all directories, in path order.
  using Groups = std::vector<std::pair<std::string_view, std::string_view>>;
  const Groups& groups() const { return groups_; }

 private:
  std::string bytes_;
  Groups groups_;  // lie in bytes_
};

}  // namespace slipway::builder
