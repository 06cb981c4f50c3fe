#include "builder/layer/tar_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>

#include "base/text.h"
#include "builder/layer/tar_format.h"
#include "builder/layer/tar_sparse.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using tar::Extent;
using tar::kBlockBytes;

constexpr std::string_view kXattrKey = "SCHILY.xattr.";
constexpr std::string_view kLibarchiveXattrKey = "LIBARCHIVE.xattr.";

// "%41" to "A" in the names of LIBARCHIVE.xattr records; nothing if damaged.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    std::optional<std::string> byte = base::from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) {
      return std::nullopt;
    }
    out += *byte;
    i += 2;
  }
  return out;
}

// Is it a number that a device or an owner can have?
std::optional<std::uint32_t> narrow(std::optional<std::int64_t> number) {
  if (!number || *number < 0 || *number > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

// One member is read like this: blocks that say something about the next header (pax, GNU long
// names) are collected, then the header itself, then what they say is put over it.
struct TarReader::State {
  State(base::Source& source, std::string name, TarLimits tar_limits)
      : archive(&source), object(std::move(name)), limits(tar_limits), block(kBlockBytes, '\0') {}

  base::Source* archive;  // owned by the caller
  std::string object;
  TarLimits limits;
  std::string block;

  // What applies to the next member: from 'x', 'L' and 'K' headers; and to all that follow: 'g'.
  std::map<std::string, std::string> pax;
  std::map<std::string, std::string> global_pax;
  std::vector<base::Xattr> xattrs;
  std::vector<Extent> pax_extents;  // GNU.sparse 0.0, whose records repeat
  std::optional<std::string> long_name;
  std::optional<std::string> long_link;

  // Of the member that is being read.
  std::string member_name;
  std::uint64_t stored_left = 0;  // bytes in the archive
  std::size_t padding = 0;
  std::uint64_t file_place = 0;  // in the file
  std::uint64_t file_size = 0;
  bool is_sparse = false;
  std::vector<Extent> map;
  std::size_t extent = 0;  // the first that is not finished

  std::uint64_t members = 0;
  std::uint64_t content_bytes = 0;
  bool ended = false;

  [[noreturn]] void fail(std::string_view what) const {
    base::fail(ErrorKind::kInput, cat(object, ": ", what));
  }
  [[noreturn]] void fail_member(std::string_view what) const {
    base::fail(ErrorKind::kInput, cat(object, ": member ", base::quote(member_name), ": ", what));
  }

  // False at the end of the archive.
  bool read_block() {
    std::size_t count = base::read_full(*archive, block);
    if (count != 0 && count != kBlockBytes) {
      fail("the archive ends within a header");
    }
    return count != 0;
  }

  void skip(std::uint64_t size) {
    std::array<char, 64 * 1024> scratch;
    while (size > 0) {
      std::size_t wanted = std::min<std::uint64_t>(size, scratch.size());
      std::size_t count = archive->read({scratch.data(), wanted});
      if (count == 0) {
        fail_member("the archive ends within its content");
      }
      size -= count;
    }
  }

  void drain() {
    std::array<char, 64 * 1024> scratch;
    while (archive->read(scratch) != 0) {
    }
    ended = true;
  }

  // The content of a header that describes the next one.
  std::string read_extension(std::uint64_t size) {
    if (size > limits.extended_header_bytes) {
      fail(cat("an extended header of ", size, " bytes; the limit is ",
               limits.extended_header_bytes));
    }
    std::string text(size, '\0');
    if (base::read_full(*archive, text) != size) {
      fail("the archive ends within an extended header");
    }
    skip(tar::padding_of(size));
    return text;
  }

  bool next_header();
  bool read_special(char type);
  void collect_pax(bool global);
  void collect_record(const tar::PaxRecord& record, bool global);
  void collect_xattr(std::string name, std::string value);
  const std::string* find_pax(const std::string& key) const;

  TarMember read_member(char type);
  EntryType type_of(char type, std::string_view name) const;
  std::uint64_t header_number(tar::Field field, std::string_view what) const;
  void read_owner(TarMember& member) const;
  std::string full_name() const;
  std::uint64_t start_content(TarMember& member, char type);
  std::uint64_t start_sparse(char type, std::uint64_t stored);
  void read_old_map();
  void read_inline_map();
  std::uint64_t read_map_number(std::string& line);
  void forget_extensions();

  std::size_t read(std::span<char> bytes);
  std::size_t read_stored(std::span<char> bytes);
};

// To the next header block with content; false at the end of the archive.
bool TarReader::State::next_header() {
  while (read_block()) {
    if (tar::is_zero_block(block)) {
      // Two end an archive. One and the end of the file is what some writers leave.
      if (read_block() && !tar::is_zero_block(block)) {
        fail("something follows a zero block");
      }
      break;
    }
    if (!tar::has_right_checksum(block)) {
      fail(members == 0 ? "this is no tar archive"
                        : cat("damaged header after ", members, " members"));
    }
    if (!read_special(block[tar::kType.offset])) {
      return true;
    }
  }
  drain();
  return false;
}

// Headers that are about other headers; false for a member's own.
bool TarReader::State::read_special(char type) {
  switch (type) {
    case 'x':
    case 'X':
      collect_pax(false);
      return true;
    case 'g':
      collect_pax(true);
      return true;
    case 'L':
    case 'K': {
      std::string text = read_extension(header_number(tar::kSize, "size"));
      text.resize(std::min(text.find('\0'), text.size()));
      (type == 'L' ? long_name : long_link) = std::move(text);
      return true;
    }
    case 'V':  // GNU volume label
      skip(header_number(tar::kSize, "size"));
      return true;
    default:
      return false;
  }
}

void TarReader::State::collect_pax(bool global) {
  std::string text = read_extension(header_number(tar::kSize, "size"));
  std::optional<std::vector<tar::PaxRecord>> records = tar::parse_pax(text);
  if (!records) {
    fail("damaged pax header");
  }
  for (const tar::PaxRecord& record : *records) {
    collect_record(record, global);
  }
}

void TarReader::State::collect_record(const tar::PaxRecord& record, bool global) {
  if (record.key.starts_with(kXattrKey)) {
    collect_xattr(record.key.substr(kXattrKey.size()), record.value);
    return;
  }
  if (record.key.starts_with(kLibarchiveXattrKey)) {
    std::optional<std::string> name =
        percent_decode(std::string_view(record.key).substr(kLibarchiveXattrKey.size()));
    std::optional<std::string> value = base::from_base64(record.value);
    if (!name || !value) {
      fail(cat("damaged pax record ", base::quote(record.key)));
    }
    collect_xattr(std::move(*name), std::move(*value));
    return;
  }
  if (record.key == "GNU.sparse.offset") {
    pax_extents.push_back({base::parse_integer<std::uint64_t>(record.value).value_or(0), 0});
  } else if (record.key == "GNU.sparse.numbytes") {
    if (!pax_extents.empty()) {
      pax_extents.back().size = base::parse_integer<std::uint64_t>(record.value).value_or(0);
    }
  }
  (global ? global_pax : pax)[record.key] = record.value;
}

void TarReader::State::collect_xattr(std::string name, std::string value) {
  std::size_t total = name.size() + value.size();
  for (const base::Xattr& xattr : xattrs) {
    total += xattr.first.size() + xattr.second.size();
  }
  if (total > limits.xattr_bytes) {
    fail(cat("extended attributes of more than ", limits.xattr_bytes, " bytes for one member"));
  }
  if (name.empty() || name.find('\0') != std::string::npos) {
    fail("damaged name of an extended attribute");
  }
  std::erase_if(xattrs, [&](const base::Xattr& other) { return other.first == name; });
  xattrs.emplace_back(std::move(name), std::move(value));
}

// An empty value takes a global record back (POSIX).
const std::string* TarReader::State::find_pax(const std::string& key) const {
  for (const auto* records : {&pax, &global_pax}) {
    if (auto found = records->find(key); found != records->end()) {
      return found->second.empty() ? nullptr : &found->second;
    }
  }
  return nullptr;
}

std::uint64_t TarReader::State::header_number(tar::Field field, std::string_view what) const {
  std::optional<std::int64_t> number =
      tar::number_of(std::string_view(block).substr(field.offset, field.size));
  if (!number || *number < 0) {
    fail(cat("damaged ", what, " in the header after ", members, " members"));
  }
  return static_cast<std::uint64_t>(*number);
}

std::string TarReader::State::full_name() const {
  if (const std::string* name = find_pax("GNU.sparse.name")) {
    return *name;
  }
  if (const std::string* name = find_pax("path")) {
    return *name;
  }
  if (long_name) {
    return *long_name;
  }
  std::string name(tar::text_of(block, tar::kName));
  // Only ustar has a prefix: GNU's old format keeps other things in its place.
  std::string_view prefix = tar::text_of(block, tar::kPrefix);
  bool is_ustar =
      std::string_view(block).substr(tar::kMagic.offset, 6) == std::string_view("ustar\0", 6);
  return is_ustar && !prefix.empty() ? cat(prefix, "/", name) : name;
}

EntryType TarReader::State::type_of(char type, std::string_view name) const {
  switch (type) {
    case '0':
    case '\0':
    case '7':
    case 'S':
      // Before POSIX a slash at the end was what told a directory.
      return name.ends_with('/') && type != 'S' ? EntryType::kDirectory : EntryType::kFile;
    case '1':
      return EntryType::kHardlink;
    case '2':
      return EntryType::kSymlink;
    case '3':
      return EntryType::kCharDevice;
    case '4':
      return EntryType::kBlockDevice;
    case '5':
    case 'D':
      return EntryType::kDirectory;
    case '6':
      return EntryType::kFifo;
    default:
      fail_member(cat("unknown type ", base::quote(std::string_view(&type, 1))));
  }
}

void TarReader::State::read_owner(TarMember& member) const {
  auto pick = [&](const std::string& key, tar::Field field) -> std::uint32_t {
    std::optional<std::int64_t> number;
    if (const std::string* text = find_pax(key)) {
      number = base::parse_integer<std::int64_t>(*text);
    } else {
      number = tar::number_of(std::string_view(block).substr(field.offset, field.size));
    }
    std::optional<std::uint32_t> id = narrow(number);
    if (!id) {
      fail_member(cat("damaged ", key));
    }
    return *id;
  };
  member.uid = pick("uid", tar::kUid);
  member.gid = pick("gid", tar::kGid);
}

TarMember TarReader::State::read_member(char type) {
  TarMember member;
  member_name = full_name();
  if (++members > limits.members) {
    fail(cat("more than ", limits.members, " members"));
  }
  member.type = type_of(type, member_name);
  const std::string* link_path = find_pax("linkpath");
  member.link_name = link_path != nullptr ? *link_path
                     : long_link          ? *long_link
                                          : std::string(tar::text_of(block, tar::kLinkName));
  for (const std::string* name : {&member_name, &member.link_name}) {
    if (name->size() > limits.name_bytes || name->find('\0') != std::string::npos) {
      fail_member(cat("a name of more than ", limits.name_bytes, " bytes, or with a NUL"));
    }
  }
  member.name = member_name;
  member.mode = static_cast<std::uint32_t>(header_number(tar::kMode, "mode") & 07777);
  read_owner(member);
  if (const std::string* text = find_pax("mtime")) {
    std::optional<base::Timestamp> time = tar::parse_pax_time(*text);
    if (!time) {
      fail_member("damaged mtime");
    }
    member.mtime = *time;
  } else {
    member.mtime.seconds =
        tar::number_of(std::string_view(block).substr(tar::kMtime.offset, tar::kMtime.size))
            .value_or(0);
  }
  if (member.type == EntryType::kCharDevice || member.type == EntryType::kBlockDevice) {
    member.device_major = static_cast<std::uint32_t>(header_number(tar::kDeviceMajor, "device"));
    member.device_minor = static_cast<std::uint32_t>(header_number(tar::kDeviceMinor, "device"));
  }
  member.size = start_content(member, type);
  member.xattrs = std::move(xattrs);
  std::sort(member.xattrs.begin(), member.xattrs.end());
  forget_extensions();
  return member;
}

void TarReader::State::forget_extensions() {
  pax.clear();
  xattrs.clear();
  pax_extents.clear();
  long_name.reset();
  long_link.reset();
}

// Sets up the reading of the content; gives the size of the file.
std::uint64_t TarReader::State::start_content(TarMember& member, char type) {
  stored_left = header_number(tar::kSize, "size");
  if (const std::string* text = find_pax("size")) {
    std::optional<std::uint64_t> size = base::parse_integer<std::uint64_t>(*text);
    if (!size || *size > std::uint64_t{1} << 62) {
      fail_member("damaged size");
    }
    stored_left = *size;
  }
  // Only files have content, whatever the size field of others says.
  if (member.type != EntryType::kFile) {
    stored_left = 0;
  }
  padding = tar::padding_of(stored_left);
  file_place = 0;
  extent = 0;
  map.clear();
  is_sparse = false;
  file_size = start_sparse(type, stored_left);
  content_bytes += file_size;
  if (content_bytes > limits.content_bytes || file_size > limits.content_bytes) {
    fail_member(cat("the files of the archive are larger than ", limits.content_bytes, " bytes"));
  }
  return file_size;
}

// Finds the map of a sparse file, if it is one, and reads the parts of it that stand before the
// content.
std::uint64_t TarReader::State::start_sparse(char type, std::uint64_t stored) {
  std::optional<std::uint64_t> real_size;
  for (const char* key : {"GNU.sparse.realsize", "GNU.sparse.size"}) {
    if (const std::string* text = find_pax(key)) {
      real_size = base::parse_integer<std::uint64_t>(*text);
    }
  }
  const std::string* major = find_pax("GNU.sparse.major");
  const std::string* map_text = find_pax("GNU.sparse.map");
  if (type == 'S') {
    real_size = header_number(tar::kRealSize, "size");
    read_old_map();
  } else if (major != nullptr && *major == "1") {
    read_inline_map();
  } else if (map_text != nullptr) {
    std::optional<std::vector<Extent>> parsed =
        tar::parse_map_text(*map_text, limits.sparse_extents);
    if (!parsed) {
      fail_member("damaged map of a sparse file");
    }
    map = std::move(*parsed);
  } else if (!pax_extents.empty()) {
    map = std::move(pax_extents);
  } else {
    return stored;
  }
  is_sparse = true;
  if (!real_size || !tar::is_valid_map(map, *real_size) || tar::stored_size(map) != stored_left) {
    fail_member("damaged map of a sparse file");
  }
  return *real_size;
}

void TarReader::State::read_old_map() {
  std::string_view bytes = std::string_view(block).substr(tar::kSparse.offset, tar::kSparse.size);
  bool more = block[tar::kSparseExtended.offset] != '\0';
  while (true) {
    std::optional<std::vector<Extent>> extents = tar::parse_old_extents(bytes);
    if (!extents || map.size() + extents->size() > limits.sparse_extents) {
      fail_member("damaged map of a sparse file");
    }
    map.insert(map.end(), extents->begin(), extents->end());
    if (!more) {
      return;
    }
    if (!read_block()) {
      fail_member("the archive ends within the map of a sparse file");
    }
    constexpr std::size_t kExtentsBytes = std::size_t{21} * 24;
    bytes = std::string_view(block).substr(0, kExtentsBytes);
    more = block[kExtentsBytes] != '\0';
  }
}

// pax 1.0: the content begins with the number of pieces and the pieces, one decimal number a line,
// filled up to a whole block.
void TarReader::State::read_inline_map() {
  std::string lines;
  std::uint64_t count = read_map_number(lines);
  if (count > limits.sparse_extents) {
    fail_member(cat("a sparse file of more than ", limits.sparse_extents, " pieces"));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t offset = read_map_number(lines);
    std::uint64_t size = read_map_number(lines);
    map.push_back({offset, size});
  }
}

// Takes one line off `lines`, which is filled block by block.
std::uint64_t TarReader::State::read_map_number(std::string& lines) {
  std::size_t end = lines.find('\n');
  while (end == std::string::npos) {
    constexpr std::size_t kLineBytesMax = 32;
    if (lines.size() > kLineBytesMax || stored_left < kBlockBytes || !read_block()) {
      fail_member("damaged map of a sparse file");
    }
    stored_left -= kBlockBytes;
    lines += block;
    end = lines.find('\n');
  }
  std::optional<std::uint64_t> number =
      base::parse_integer<std::uint64_t>(std::string_view(lines).substr(0, end));
  if (!number) {
    fail_member("damaged map of a sparse file");
  }
  lines.erase(0, end + 1);
  return *number;
}

std::size_t TarReader::State::read_stored(std::span<char> bytes) {
  std::size_t count = archive->read(bytes);
  if (count == 0) {
    fail_member("the archive ends within its content");
  }
  stored_left -= count;
  return count;
}

std::size_t TarReader::State::read(std::span<char> bytes) {
  std::size_t wanted = std::min<std::uint64_t>(bytes.size(), file_size - file_place);
  if (wanted == 0) {
    return 0;
  }
  if (is_sparse) {
    while (extent < map.size() && map[extent].offset + map[extent].size <= file_place) {
      ++extent;
    }
    std::uint64_t next = extent < map.size() ? map[extent].offset : file_size;
    if (file_place < next) {
      wanted = std::min<std::uint64_t>(wanted, next - file_place);
      std::memset(bytes.data(), 0, wanted);
      file_place += wanted;
      return wanted;
    }
    wanted = std::min<std::uint64_t>(wanted, map[extent].offset + map[extent].size - file_place);
  }
  std::size_t count = read_stored(bytes.first(wanted));
  file_place += count;
  return count;
}

TarReader::TarReader(base::Source& archive, std::string object, TarLimits limits)
    : state_(std::make_unique<State>(archive, std::move(object), limits)) {}
TarReader::~TarReader() = default;

std::optional<TarMember> TarReader::next() {
  State& state = *state_;
  if (state.ended) {
    return std::nullopt;
  }
  state.skip(state.stored_left);
  state.skip(state.padding);
  state.stored_left = 0;
  state.padding = 0;
  if (!state.next_header()) {
    return std::nullopt;
  }
  return state.read_member(state.block[tar::kType.offset]);
}

std::size_t TarReader::read(std::span<char> bytes) {
  return state_->read(bytes);
}

bool looks_like_tar(std::string_view first_bytes) {
  if (first_bytes.size() < kTarBlockBytes) {
    return false;
  }
  std::string_view block = first_bytes.substr(0, kTarBlockBytes);
  return !tar::is_zero_block(block) && tar::has_right_checksum(block);
}

}  // namespace slipway::builder
