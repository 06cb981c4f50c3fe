#include "builder/layer/tar_format.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace slipway::builder::tar {

namespace {

using base::cat;
using base::ErrorKind;

constexpr std::uint64_t kOctal7Max = 07777777;       // seven digits
constexpr std::uint64_t kOctal11Max = 077777777777;  // eleven digits

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void put_text(std::string& block, Field field, std::string_view text) {
  assert(text.size() <= field.size);
  std::memcpy(block.data() + field.offset, text.data(), text.size());
}

void put_octal(std::string& block, Field field, std::uint64_t number) {
  for (std::size_t i = field.size - 1; i-- > 0;) {
    block[field.offset + i] = static_cast<char>('0' + (number & 7));
    number >>= 3;
  }
}

std::uint64_t sum_of(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    bool in_checksum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += in_checksum ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

void put_checksum(std::string& block) {
  // Six digits, NUL, space: the one field that ends otherwise.
  put_octal(block, {kChecksum.offset, 7}, sum_of(block));
  block[kChecksum.offset + 7] = ' ';
}

struct SplitName {
  std::string_view prefix;
  std::string_view name;
};

// The name in the two fields of ustar; nothing if it does not fit.
std::optional<SplitName> split_name(std::string_view name) {
  if (!is_ascii(name)) {
    return std::nullopt;
  }
  if (name.size() <= kName.size) {
    return SplitName{"", name};
  }
  // The longest prefix that leaves something after its slash.
  std::size_t slash = name.substr(0, std::min(kPrefix.size + 1, name.size() - 1)).rfind('/');
  if (slash == std::string_view::npos || slash == 0 || name.size() - slash - 1 > kName.size) {
    return std::nullopt;
  }
  return SplitName{name.substr(0, slash), name.substr(slash + 1)};
}

// What stands in a field whose value is in the pax header: for readers that know no pax.
std::string shortened(std::string_view text, std::size_t size) {
  std::string out;
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && out.size() < size) {
      out += c;
    }
  }
  return out;
}

// "<length> <key>=<value>\n", where the length counts itself.
void append_pax_record(std::string& out, std::string_view key, std::string_view value) {
  std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + cat(rest).size();
  length = rest + cat(length).size();
  out += cat(length, " ", key, "=", value, "\n");
}

struct Member {
  const Entry* entry;
  std::string name;
  char type;
  std::uint64_t size;
  std::string_view link;
};

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::kFile:
    case EntryType::kWhiteout:
      return '0';
    case EntryType::kHardlink:
      return '1';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kFifo:
      return '6';
  }
  return '0';
}

bool fits_octal(std::int64_t number) {
  return number >= 0 && static_cast<std::uint64_t>(number) <= kOctal11Max;
}

// Records sorted by key, only those that the ustar header can't say.
std::string pax_records(const Member& member) {
  std::string out;
  const Entry& entry = *member.entry;
  for (const base::Xattr& xattr : entry.xattrs) {
    append_pax_record(out, cat("SCHILY.xattr.", xattr.first), xattr.second);
  }
  if (entry.gid > kOctal7Max) {
    append_pax_record(out, "gid", cat(entry.gid));
  }
  if (member.link.size() > kLinkName.size || !is_ascii(member.link)) {
    append_pax_record(out, "linkpath", member.link);
  }
  if (!fits_octal(entry.mtime.seconds)) {
    append_pax_record(out, "mtime", cat(entry.mtime.seconds));
  }
  if (!split_name(member.name)) {
    append_pax_record(out, "path", member.name);
  }
  if (member.size > kOctal11Max) {
    append_pax_record(out, "size", cat(member.size));
  }
  if (entry.uid > kOctal7Max) {
    append_pax_record(out, "uid", cat(entry.uid));
  }
  return out;
}

void append_pax_header(std::string& out, const Member& member, std::string_view records) {
  std::string block(kBlockBytes, '\0');
  std::string_view base_name = std::string_view(member.name);
  base_name = base_name.substr(0, base_name.find_last_not_of('/') + 1);
  base_name = base_name.substr(base_name.rfind('/') + 1);
  put_text(block, kName, shortened(cat("PaxHeaders.0/", base_name), kName.size));
  put_octal(block, kMode, 0644);
  put_octal(block, kUid, 0);
  put_octal(block, kGid, 0);
  put_octal(block, kSize, records.size());
  put_octal(block, kMtime, 0);
  block[kType.offset] = 'x';
  put_text(block, kMagic, kUstarMagic);
  put_octal(block, kDeviceMajor, 0);
  put_octal(block, kDeviceMinor, 0);
  put_checksum(block);
  out += block;
  out += records;
  out.append(padding_of(records.size()), '\0');
}

void append_member(std::string& out, const Member& member) {
  const Entry& entry = *member.entry;
  if (std::string records = pax_records(member); !records.empty()) {
    append_pax_header(out, member, records);
  }
  std::string block(kBlockBytes, '\0');
  std::optional<SplitName> split = split_name(member.name);
  put_text(block, kName, split ? std::string(split->name) : shortened(member.name, kName.size));
  put_text(block, kPrefix, split ? split->prefix : "");
  put_octal(block, kMode, entry.mode);
  put_octal(block, kUid, entry.uid > kOctal7Max ? 0 : entry.uid);
  put_octal(block, kGid, entry.gid > kOctal7Max ? 0 : entry.gid);
  put_octal(block, kSize, member.size > kOctal11Max ? 0 : member.size);
  std::int64_t seconds = entry.mtime.seconds;
  put_octal(block, kMtime, fits_octal(seconds) ? static_cast<std::uint64_t>(seconds) : 0);
  block[kType.offset] = member.type;
  put_text(block, kLinkName, shortened(member.link, kLinkName.size));
  put_text(block, kMagic, kUstarMagic);
  if (entry.device_major > kOctal7Max || entry.device_minor > kOctal7Max) {
    base::fail(ErrorKind::kInput,
               cat("device number of ", entry.path.text(), " (", entry.device_major, ",",
                   entry.device_minor, ") does not fit in a tar"));
  }
  put_octal(block, kDeviceMajor, entry.device_major);
  put_octal(block, kDeviceMinor, entry.device_minor);
  put_checksum(block);
  out += block;
}

}  // namespace

std::string member_name(const Entry& entry) {
  std::string_view base_name = entry.path.base_name();
  if (base_name.starts_with(kWhiteoutPrefix)) {
    base::fail(ErrorKind::kInput, cat("a layer can't hold ", base::quote(entry.path.text()),
                                      ": names that begin with \".wh.\" mean deletions"));
  }
  if (entry.path.is_root()) {
    return "./";
  }
  if (entry.type == EntryType::kWhiteout) {
    std::string_view parent = entry.path.relative();
    parent.remove_suffix(base_name.size());
    return cat(parent, kWhiteoutPrefix, base_name);
  }
  return cat(entry.path.relative(), entry.is_directory() ? "/" : "");
}

void append_headers(std::string& out, const Entry& entry) {
  std::string_view link = entry.link_target;
  if (entry.type == EntryType::kHardlink) {
    link.remove_prefix(1);  // the text of an ImagePath; names in tars are relative
  }
  append_member(out, {.entry = &entry,
                      .name = member_name(entry),
                      .type = type_flag(entry.type),
                      .size = entry.type == EntryType::kFile ? entry.size : 0,
                      .link = link});
  if (entry.opaque) {
    Entry marker{.path = entry.path, .type = EntryType::kFile};
    std::string directory = entry.path.is_root() ? "" : cat(entry.path.relative(), "/");
    append_member(out, {.entry = &marker,
                        .name = cat(directory, kOpaqueMarker),
                        .type = '0',
                        .size = 0,
                        .link = ""});
  }
}

std::uint64_t size_in_tar(const Entry& entry, std::string& headers) {
  headers.clear();
  append_headers(headers, entry);
  std::uint64_t content = entry.type == EntryType::kFile ? entry.size : 0;
  return headers.size() + content + padding_of(content);
}

std::string_view text_of(std::string_view block, Field field) {
  std::string_view text = block.substr(field.offset, field.size);
  return text.substr(0, text.find('\0'));
}

std::optional<std::int64_t> number_of(std::string_view field) {
  auto first = static_cast<unsigned char>(field.empty() ? 0 : field.front());
  if ((first & 0x80) != 0) {
    // GNU: big-endian two's complement, the highest bit only says so; 0xff fills negative ones.
    bool negative = (first & 0x40) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
      auto byte = static_cast<unsigned char>(field[i]);
      if (i == 0) {
        byte = negative ? byte : byte & 0x7f;
      }
      if ((value >> 55) != (negative ? 0x1ffU : 0U)) {
        return std::nullopt;  // the next byte would push significant bits out
      }
      value = (value << 8) | byte;
    }
    return static_cast<std::int64_t>(value);
  }
  constexpr std::string_view kBlanks(" \0", 2);
  std::size_t begin = std::min(field.find_first_not_of(kBlanks), field.size());
  field.remove_prefix(begin);
  field = field.substr(0, field.find_first_of(kBlanks));
  if (field.empty()) {
    return 0;
  }
  return base::parse_integer<std::int64_t>(field, 8);
}

bool has_right_checksum(std::string_view block) {
  std::optional<std::int64_t> stated = number_of(block.substr(kChecksum.offset, kChecksum.size));
  if (!stated) {
    return false;
  }
  // Some old writers summed signed bytes.
  std::int64_t as_signed = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    bool in_checksum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    as_signed += in_checksum ? ' ' : static_cast<signed char>(block[i]);
  }
  return *stated == static_cast<std::int64_t>(sum_of(block)) || *stated == as_signed;
}

bool is_zero_block(std::string_view block) {
  return block.find_first_not_of('\0') == std::string_view::npos;
}

std::optional<std::vector<PaxRecord>> parse_pax(std::string_view text) {
  std::vector<PaxRecord> records;
  while (!text.empty()) {
    std::size_t space = text.find(' ');
    std::optional<std::size_t> length =
        base::parse_integer<std::size_t>(text.substr(0, std::min(space, text.size())));
    if (space == std::string_view::npos || !length || *length < space + 3 ||
        *length > text.size() || text[*length - 1] != '\n') {
      return std::nullopt;
    }
    std::string_view record = text.substr(space + 1, *length - space - 2);
    std::optional<base::TextPair> pair = base::split_once(record, '=');
    if (!pair || pair->before.empty()) {
      return std::nullopt;
    }
    records.push_back({std::string(pair->before), std::string(pair->after)});
    text.remove_prefix(*length);
  }
  return records;
}

std::optional<base::Timestamp> parse_pax_time(std::string_view text) {
  bool negative = text.starts_with('-');
  std::string_view whole = text.substr(0, text.find('.'));
  std::string_view fraction = whole.size() < text.size() ? text.substr(whole.size() + 1) : "";
  std::optional<std::int64_t> seconds = base::parse_integer<std::int64_t>(whole);
  if (!seconds || fraction.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string digits(fraction.substr(0, 9));
  digits.append(9 - digits.size(), '0');
  auto nanoseconds = base::parse_integer<std::int32_t>(digits).value_or(0);
  if (negative && nanoseconds > 0) {
    // "-3.25" is 3.25 s before: -4 s and 0.75 s.
    return base::Timestamp{*seconds - 1, 1'000'000'000 - nanoseconds};
  }
  return base::Timestamp{*seconds, nanoseconds};
}

}  // namespace slipway::builder::tar
