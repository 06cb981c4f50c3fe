// The serialised index:
//
//   "slipidx\n" | version u32 | count u32 | end of each record u32 x count | records
//
// Record ends count from the first record. A record begins with its path, so that a search looks at
// nothing else:
//
//   path without its first slash | type and flags | mode | uid | gid | seconds | nanoseconds |
//   size | [digest 32] | [link target] | [major | minor] | [number of xattrs | name | value ...]
//
// in the forms of binary.h; what is in brackets is there if a flag says so. Equal entries give
// equal bytes, and an index may be shared between machines.
#include "builder/layer/layer_index.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "builder/layer/binary.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;

constexpr std::string_view kMagic = "slipidx\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kDigestBytes = 32;

enum Flag : std::uint32_t {
  kTypeMask = 0x0f,
  kHasDigest = 0x10,
  kHasLink = 0x20,
  kHasDevice = 0x40,
  kHasXattrs = 0x80,
  kIsOpaque = 0x100,
  kAllFlags = 0x1ff,
};

std::uint32_t flags_of(const Entry& entry) {
  std::uint32_t flags = static_cast<std::uint32_t>(entry.type);
  flags |= entry.digest ? kHasDigest : 0U;
  flags |= entry.link_target.empty() ? 0U : kHasLink;
  flags |= entry.device_major != 0 || entry.device_minor != 0 ? kHasDevice : 0U;
  flags |= entry.xattrs.empty() ? 0U : kHasXattrs;
  flags |= entry.opaque ? kIsOpaque : 0U;
  return flags;
}

void append_record(std::string& out, const Entry& entry) {
  append_text(out, entry.path.relative());
  append_number(out, flags_of(entry));
  append_number(out, entry.mode);
  append_number(out, entry.uid);
  append_number(out, entry.gid);
  append_signed(out, entry.mtime.seconds);
  append_number(out, static_cast<std::uint64_t>(entry.mtime.nanoseconds));
  append_number(out, entry.size);
  if (entry.digest) {
    out += entry.digest->sha256_raw();
  }
  if (!entry.link_target.empty()) {
    append_text(out, entry.link_target);
  }
  if (entry.device_major != 0 || entry.device_minor != 0) {
    append_number(out, entry.device_major);
    append_number(out, entry.device_minor);
  }
  if (!entry.xattrs.empty()) {
    append_number(out, entry.xattrs.size());
    for (const base::Xattr& xattr : entry.xattrs) {
      append_text(out, xattr.first);
      append_text(out, xattr.second);
    }
  }
}

void read_xattrs(BinaryReader& reader, Entry& entry) {
  std::uint64_t count = reader.number();
  for (std::uint64_t i = 0; i < count && reader.good(); ++i) {
    std::string_view name = reader.text();
    std::string_view value = reader.text();
    entry.xattrs.emplace_back(name, value);
  }
}

// Everything after the path; false if it makes no sense.
bool read_attributes(BinaryReader& reader, Entry& entry) {
  std::uint32_t flags = reader.number32();
  std::uint32_t type = flags & kTypeMask;
  entry.type = static_cast<EntryType>(type);
  entry.opaque = (flags & kIsOpaque) != 0;
  entry.mode = reader.number32();
  entry.uid = reader.number32();
  entry.gid = reader.number32();
  entry.mtime.seconds = reader.signed_number();
  std::uint32_t nanoseconds = reader.number32();
  entry.mtime.nanoseconds = static_cast<std::int32_t>(std::min(nanoseconds, 999'999'999U));
  entry.size = reader.number();
  if ((flags & kHasDigest) != 0) {
    std::string_view raw = reader.raw(kDigestBytes);
    if (raw.size() == kDigestBytes) {
      entry.digest = base::Digest::from_sha256_raw(raw);
    }
  }
  if ((flags & kHasLink) != 0) {
    entry.link_target = reader.text();
  }
  if ((flags & kHasDevice) != 0) {
    entry.device_major = reader.number32();
    entry.device_minor = reader.number32();
  }
  if ((flags & kHasXattrs) != 0) {
    read_xattrs(reader, entry);
  }
  return reader.good() && reader.at_end() && (flags & ~kAllFlags) == 0 &&
         type <= static_cast<std::uint32_t>(EntryType::kWhiteout) && entry.mode <= 07777 &&
         nanoseconds < 1'000'000'000;
}

[[noreturn]] void fail_damaged(std::string_view what) {
  base::fail(ErrorKind::kIntegrity, cat("damaged layer index: ", what));
}

// Compares index paths (without their first slash) as ImagePath does.
bool is_before(std::string_view left, std::string_view right) {
  // Of two relative paths the root ("") comes first, which compare_tree_order says, too.
  return base::compare_tree_order(left, right) < 0;
}

// Does `path` lie below `directory`, both relative?
bool lies_below(std::string_view path, std::string_view directory) {
  if (directory.empty()) {
    return !path.empty();
  }
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

std::string header_of(std::size_t count) {
  std::string out(kMagic);
  append_fixed32(out, kVersion);
  append_fixed32(out, static_cast<std::uint32_t>(count));
  return out;
}

}  // namespace

LayerIndex::LayerIndex() : LayerIndex(LayerIndexBuilder().finish()) {}

LayerIndex::LayerIndex(std::shared_ptr<const std::string> bytes, std::size_t count)
    : bytes_(std::move(bytes)), count_(count) {}

LayerIndex LayerIndex::parse(std::string bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) {
    fail_damaged("it does not begin like one");
  }
  if (std::uint32_t version = fixed32_at(bytes, kMagic.size()); version != kVersion) {
    base::fail(ErrorKind::kIntegrity,
               cat("layer index of format ", version, ", this program knows ", kVersion));
  }
  std::size_t count = fixed32_at(bytes, kMagic.size() + 4);
  std::size_t records = kHeaderBytes + 4 * count;
  if (records > bytes.size()) {
    fail_damaged("it is too short");
  }
  std::size_t end_before = 0;
  std::string_view path_before;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t end = fixed32_at(bytes, kHeaderBytes + 4 * i);
    if (end < end_before || end > bytes.size() - records) {
      fail_damaged(cat("record ", i, " lies outside"));
    }
    BinaryReader reader(std::string_view(bytes).substr(records + end_before, end - end_before));
    std::string_view path = reader.text();
    Entry entry;
    if (!base::ImagePath::parse(cat("/", path)) || !read_attributes(reader, entry)) {
      fail_damaged(cat("record ", i, " makes no sense"));
    }
    if (i > 0 && !is_before(path_before, path)) {
      fail_damaged(cat("record ", i, " is out of order"));
    }
    path_before = path;
    end_before = end;
  }
  if (end_before != bytes.size() - records) {
    fail_damaged("something follows the last record");
  }
  return LayerIndex(std::make_shared<const std::string>(std::move(bytes)), count);
}

LayerIndex LayerIndex::from_entries(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& left, const Entry& right) { return left.path < right.path; });
  LayerIndexBuilder builder;
  for (const Entry& entry : entries) {
    builder.add(entry);
  }
  return builder.finish();
}

std::string_view LayerIndex::record(std::size_t place) const {
  std::string_view bytes = *bytes_;
  std::size_t begin = place == 0 ? 0 : fixed32_at(bytes, kHeaderBytes + 4 * (place - 1));
  std::size_t end = fixed32_at(bytes, kHeaderBytes + 4 * place);
  return bytes.substr(kHeaderBytes + 4 * count_ + begin, end - begin);
}

Entry LayerIndex::at(std::size_t place) const {
  BinaryReader reader(record(place));
  Entry entry;
  entry.path = base::ImagePath::parse(cat("/", reader.text())).value();
  read_attributes(reader, entry);
  return entry;
}

std::string_view LayerIndex::path_at(std::size_t place) const {
  return BinaryReader(record(place)).text();
}

EntryType LayerIndex::type_at(std::size_t place) const {
  BinaryReader reader(record(place));
  reader.text();
  return static_cast<EntryType>(reader.number32() & kTypeMask);
}

std::size_t LayerIndex::lower_bound(const base::ImagePath& path) const {
  return lower_bound_text(path.relative());
}

std::size_t LayerIndex::lower_bound_text(std::string_view relative) const {
  std::size_t low = 0;
  std::size_t high = count_;
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    if (is_before(path_at(middle), relative)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<std::size_t> LayerIndex::find_place(const base::ImagePath& path) const {
  return find_place(path.relative());
}

std::optional<std::size_t> LayerIndex::find_place(std::string_view relative) const {
  std::size_t place = lower_bound_text(relative);
  if (place < count_ && path_at(place) == relative) {
    return place;
  }
  return std::nullopt;
}

std::optional<Entry> LayerIndex::find(const base::ImagePath& path) const {
  std::optional<std::size_t> place = find_place(path);
  return place ? std::optional(at(*place)) : std::nullopt;
}

LayerIndex::Range LayerIndex::below(const base::ImagePath& path) const {
  std::size_t begin = lower_bound(path);
  if (begin < count_ && path_at(begin) == path.relative()) {
    ++begin;
  }
  return {begin, end_below(begin, path.relative())};
}

// Everything below a directory is one stretch: the first place from `begin` on that is outside.
std::size_t LayerIndex::end_below(std::size_t begin, std::string_view directory) const {
  std::size_t low = begin;
  std::size_t high = count_;
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    if (lies_below(path_at(middle), directory)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::vector<std::string> LayerIndex::child_names(const base::ImagePath& path) const {
  std::vector<std::string> names;
  Range range = below(path);
  std::size_t skip = path.is_root() ? 0 : path.relative().size() + 1;
  for (std::size_t place = range.begin; place < range.end;) {
    std::string_view rest = path_at(place).substr(skip);
    std::string_view name = rest.substr(0, rest.find('/'));
    names.emplace_back(name);
    // To the next name: past the entry itself, then past what is below it.
    bool is_entry = name.size() == rest.size();
    std::string_view child = path_at(place).substr(0, skip + name.size());
    place = end_below(place + (is_entry ? 1 : 0), child);
  }
  return names;
}

std::vector<Entry> LayerIndex::entries() const {
  std::vector<Entry> entries;
  entries.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    entries.push_back(at(i));
  }
  return entries;
}

void LayerIndexBuilder::add(const Entry& entry) {
  if (!ends_.empty() && !is_before(last_path_, entry.path.relative())) {
    base::fail(ErrorKind::kInternal,
               cat("layer entries out of order: /", last_path_, ", then ", entry.path.text()));
  }
  last_path_ = entry.path.relative();
  append_record(records_, entry);
  if (records_.size() > std::numeric_limits<std::uint32_t>::max()) {
    base::fail(ErrorKind::kInput,
               "the layer has too many entries: its index would be larger than 4 GiB");
  }
  ends_.push_back(static_cast<std::uint32_t>(records_.size()));
}

LayerIndex LayerIndexBuilder::finish() {
  std::string bytes = header_of(ends_.size());
  bytes.reserve(bytes.size() + 4 * ends_.size() + records_.size());
  for (std::uint32_t end : ends_) {
    append_fixed32(bytes, end);
  }
  bytes += records_;
  std::size_t count = ends_.size();
  *this = LayerIndexBuilder();
  return LayerIndex(std::make_shared<const std::string>(std::move(bytes)), count);
}

}  // namespace slipway::builder
