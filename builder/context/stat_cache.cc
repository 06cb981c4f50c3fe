#include "builder/context/stat_cache.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kMagic = "slipway-stat-3\n";
constexpr std::size_t kDigestBytes = 32;
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

std::string raw_digest(std::string_view bytes) {
  base::Sha256 hash;
  hash.update(bytes);
  return hash.finish_raw();
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

void append_stat(std::string& records, std::string_view name, const StatRecord& record) {
  append_text(records, name);
  append_number(records, record.stamp.inode);
  append_number(records, record.stamp.size);
  append_time(records, record.stamp.mtime);
  append_time(records, record.stamp.ctime);
  append_number(records, record.has_xattrs ? 1 : 0);
  records += record.digest;
}

std::string serialise_stats(const StatGroups& groups) {
  std::string out(kMagic);
  std::size_t start = kMagic.size() + kDigestBytes;
  out.resize(start);
  for (const auto& [directory, records] : groups) {
    append_text(out, directory.text());
    append_text(out, records);
  }
  out.replace(kMagic.size(), kDigestBytes, raw_digest(std::string_view(out).substr(start)));
  return out;
}

base::Digest StatRecord::get_digest() const {
  return base::Digest::from_sha256_raw(digest);
}

StatCache::StatCache(std::string bytes) : bytes_(std::move(bytes)) {
  std::string_view text = bytes_;
  if (!text.starts_with(kMagic) || text.size() < kMagic.size() + kDigestBytes) {
    return;
  }
  std::string_view body = text.substr(kMagic.size() + kDigestBytes);
  if (raw_digest(body) != text.substr(kMagic.size(), kDigestBytes)) {
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

std::optional<StatRecord> StatCache::Directory::find(std::string_view name,
                                                     const FileStamp& stamp) {
  while (!next_ || next_->first < name) {
    if (reader_.at_end()) {
      return std::nullopt;
    }
    next_.emplace();
    StatRecord& record = next_->second;
    next_->first = reader_.text();
    record.stamp.inode = reader_.number();
    record.stamp.size = reader_.number();
    record.stamp.mtime = read_time(reader_);
    record.stamp.ctime = read_time(reader_);
    record.has_xattrs = reader_.number() != 0;
    record.digest = reader_.raw(kDigestBytes);
    if (!reader_.good()) {
      return std::nullopt;
    }
  }
  bool is_known = next_->first == name && next_->second.stamp == stamp;
  return is_known ? std::optional(next_->second) : std::nullopt;
}

}  // namespace slipway::builder
