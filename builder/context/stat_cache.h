#pragma once

// What was known of the files of a context when they were last read. One flat file a context:
//
//   "slipway-stat-4\n"  CRC-64 of the rest (8 bytes)  directories in path order
//   directory: path, what is known of it preceded by its length in bytes:
//     how many records there are if they have all its names, else 0; in the first case its stamp
//     records in the order of names
//   record: name, kind (0: a name only, 1: a file, 2: one with extended attributes); of a file its
//   stamp and digest (32 bytes)
//   stamp: inode, size, mtime, ctime
//   (see layer/binary.h for the numbers)
//
// A record is believed if size, inode and both times are the same: a change of attributes, too,
// sets the ctime. The racy-timestamp rule: a file that was changed so shortly before it was read
// that another change could have left the same times is not recorded at all; it is read again next
// time. The same holds for the names in a directory: where its stamp is the same, no name has come
// or gone, and it need not be read.

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

// What is known of one directory, to be written. Names come in bytewise order.
class DirectoryStats {
 public:
  void add(std::string_view name, const StatRecord& record);
  // Of whatever has no record.
  void add_name(std::string_view name);
  // `stamp`: of a directory all of whose names were added; it must be settled.
  std::string finish(const std::optional<FileStamp>& stamp) const;

 private:
  std::string records_;
  std::size_t count_ = 0;
};

// The whole file. What is known of each directory is from DirectoryStats::finish().
using StatGroups = std::map<base::ImagePath, std::string>;
std::string serialise_stats(const StatGroups& groups);

// A loaded cache. Immutable; safe for many threads. Its records live as long as it does.
class StatCache {
 public:
  // What is known of one directory, read as it is asked for.
  class Directory {
   public:
    explicit Directory(std::string_view bytes);

    // If the names are all that the directory has, as long as it has this stamp: how many, and the
    // stamp. Empty directories are not remembered.
    std::size_t count() const { return count_; }
    const FileStamp& stamp() const { return stamp_; }

    // Goes to the next name, the first one first; false after the last. Not together with find().
    bool next();
    std::string_view name() const { return name_; }
    // Of the file of that name, if it is known and still what it was.
    const StatRecord* find_here(const FileStamp& stamp) const;

    // Nothing where nothing is known of the file as it is. Names are asked for in bytewise order,
    // each once.
    const StatRecord* find(std::string_view name, const FileStamp& stamp);

   private:
    BinaryReader reader_;
    std::size_t count_ = 0;
    FileStamp stamp_;
    bool is_started_ = false;
    bool is_at_end_ = false;
    std::string_view name_;
    bool is_known_ = false;  // record_ is that of name_
    StatRecord record_;
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
