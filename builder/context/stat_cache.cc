#include "builder/context/stat_cache.h"

#include <algorithm>

#include "base/piece_checks.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kMagic = "slipway-stat-4\n";
constexpr std::size_t kCheckBytes = 8;
constexpr std::size_t kDigestBytes = 32;
enum Kind : std::uint8_t { kName = 0, kFile = 1, kFileWithXattrs = 2 };
constexpr std::int64_t kTickNs = 100'000'000;

base::Timestamp timestamp_of(const timespec& time) {
  return {time.tv_sec, static_cast<std::int32_t>(time.tv_nsec)};
}

void append_time(std::string& out, base::Timestamp time) {
  append_signed(out, time.seconds);
  append_number(out, static_cast<std::uint64_t>(time.nanoseconds));
}

base::Timestamp read_time(BinaryReader& reader) {
  std::int64_t seconds = reader.signed_number();
  return {seconds, static_cast<std::int32_t>(reader.number32())};
}

void append_stamp(std::string& out, const FileStamp& stamp) {
  append_number(out, stamp.inode);
  append_number(out, stamp.size);
  append_time(out, stamp.mtime);
  append_time(out, stamp.ctime);
}

FileStamp read_stamp(BinaryReader& reader) {
  FileStamp stamp;
  stamp.inode = reader.number();
  stamp.size = reader.number();
  stamp.mtime = read_time(reader);
  stamp.ctime = read_time(reader);
  return stamp;
}

}  // namespace

FileStamp stamp_of(const struct stat& status) {
  return {status.st_ino, static_cast<std::uint64_t>(status.st_size), timestamp_of(status.st_mtim),
          timestamp_of(status.st_ctim)};
}

bool is_settled(const FileStamp& stamp, base::Timestamp read_at) {
  base::Timestamp latest = std::max(stamp.mtime, stamp.ctime);
  std::int64_t age_ns = (read_at.seconds - latest.seconds) * 1'000'000'000 +
                        (read_at.nanoseconds - latest.nanoseconds);
  // Beyond a few days the product could overflow for hostile times; whole seconds decide then.
  return read_at.seconds - latest.seconds > 1 ||
         (read_at.seconds >= latest.seconds && age_ns > kTickNs);
}

void DirectoryStats::add(std::string_view name, const StatRecord& record) {
  ++count_;
  append_text(records_, name);
  append_number(records_, record.has_xattrs ? kFileWithXattrs : kFile);
  append_stamp(records_, record.stamp);
  records_ += record.digest;
}

void DirectoryStats::add_name(std::string_view name) {
  ++count_;
  append_text(records_, name);
  append_number(records_, kName);
}

std::string DirectoryStats::finish(const std::optional<FileStamp>& stamp) const {
  if (count_ == 0) {
    return {};
  }
  std::string out;
  append_number(out, stamp ? count_ : 0);
  if (stamp) {
    append_stamp(out, *stamp);
  }
  return out + records_;
}

std::string serialise_stats(const StatGroups& groups) {
  std::string out(kMagic);
  std::size_t start = kMagic.size() + kCheckBytes;
  out.resize(start);
  for (const auto& [directory, records] : groups) {
    append_text(out, directory.text());
    append_text(out, records);
  }
  std::string check;
  append_fixed64(check, base::check_of(std::string_view(out).substr(start)));
  out.replace(kMagic.size(), kCheckBytes, check);
  return out;
}

base::Digest StatRecord::get_digest() const {
  return base::Digest::from_sha256_raw(digest);
}

StatCache::StatCache(std::string bytes) : bytes_(std::move(bytes)) {
  std::string_view text = bytes_;
  if (!text.starts_with(kMagic) || text.size() < kMagic.size() + kCheckBytes) {
    return;
  }
  std::string_view body = text.substr(kMagic.size() + kCheckBytes);
  if (base::check_of(body) != fixed64_at(text, kMagic.size())) {
    return;
  }
  BinaryReader reader(body);
  while (!reader.at_end() && reader.good()) {
    std::string_view path = reader.text();
    std::string_view records = reader.text();
    if (reader.good()) {
      groups_.emplace_back(path, records);
    }
  }
}

StatCache::Directory StatCache::directory(const base::ImagePath& path) const {
  auto found = std::lower_bound(groups_.begin(), groups_.end(), path.text(),
                                [](const auto& group, std::string_view text) {
                                  return base::compare_tree_order(group.first, text) < 0;
                                });
  bool is_there = found != groups_.end() && found->first == path.text();
  return Directory(is_there ? found->second : std::string_view());
}

StatCache::Directory::Directory(std::string_view bytes) : reader_(bytes) {
  if (bytes.empty()) {
    return;
  }
  std::uint64_t count = reader_.number();
  if (count != 0) {
    stamp_ = read_stamp(reader_);
    // No more than could be there.
    count_ = std::min<std::uint64_t>(count, reader_.left());
  }
}

bool StatCache::Directory::next() {
  if (reader_.at_end()) {
    is_at_end_ = true;
    return false;
  }
  name_ = reader_.text();
  std::uint64_t kind = reader_.number();
  is_known_ = kind != kName;
  if (is_known_) {
    record_.stamp = read_stamp(reader_);
    record_.has_xattrs = kind == kFileWithXattrs;
    record_.digest = reader_.raw(kDigestBytes);
  }
  is_at_end_ = !reader_.good();
  return !is_at_end_;
}

const StatRecord* StatCache::Directory::find_here(const FileStamp& stamp) const {
  return is_known_ && record_.stamp == stamp ? &record_ : nullptr;
}

const StatRecord* StatCache::Directory::find(std::string_view name, const FileStamp& stamp) {
  while (!is_at_end_ && (!is_started_ || name_ < name)) {
    is_started_ = true;
    next();
  }
  return !is_at_end_ && name_ == name ? find_here(stamp) : nullptr;
}

}  // namespace slipway::builder
