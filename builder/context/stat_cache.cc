#include "builder/context/stat_cache.h"

#include <algorithm>

#include "base/text.h"
#include "builder/layer/binary.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kMagic = "slipway-stat-2\n";
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kTypicalRecordBytes = 100;
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

std::string serialise_stats(const StatRecords& records) {
  std::string body;
  for (const auto& [path, record] : records) {
    append_text(body, path.text());
    append_number(body, record.stamp.inode);
    append_number(body, record.stamp.size);
    append_time(body, record.stamp.mtime);
    append_time(body, record.stamp.ctime);
    append_number(body, record.has_xattrs ? 1 : 0);
    body += record.digest;
  }
  return base::cat(kMagic, raw_digest(body), body);
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
  records_.reserve(body.size() / kTypicalRecordBytes);
  BinaryReader reader(body);
  while (!reader.at_end() && reader.good()) {
    std::string_view path = reader.text();
    StatRecord record;
    record.stamp.inode = reader.number();
    record.stamp.size = reader.number();
    record.stamp.mtime = read_time(reader);
    record.stamp.ctime = read_time(reader);
    record.has_xattrs = reader.number() != 0;
    record.digest = reader.raw(kDigestBytes);
    if (reader.good()) {
      records_.emplace_back(path, record);
    }
  }
}

const StatRecord* StatCache::find(const base::ImagePath& path, const FileStamp& stamp,
                                  std::size_t& hint) const {
  if (hint >= records_.size() || records_[hint].first != path.text()) {
    auto found = std::lower_bound(records_.begin(), records_.end(), path.text(),
                                  [](const auto& record, std::string_view text) {
                                    return base::compare_tree_order(record.first, text) < 0;
                                  });
    if (found == records_.end() || found->first != path.text()) {
      return nullptr;
    }
    hint = static_cast<std::size_t>(found - records_.begin());
  }
  const StatRecord& record = records_[hint++].second;
  return record.stamp == stamp ? &record : nullptr;
}

}  // namespace slipway::builder
