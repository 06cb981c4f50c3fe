#pragma once

// The tar format as bytes: what the writer and the reader share. POSIX.1-2017, "pax Interchange
// Format" and "ustar Interchange Format"; GNU extensions as GNU tar's manual has them.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/layer/entry.h"

namespace slipway::builder::tar {

inline constexpr std::size_t kBlockBytes = 512;

struct Field {
  std::size_t offset;
  std::size_t size;
};
inline constexpr Field kName{0, 100};
inline constexpr Field kMode{100, 8};
inline constexpr Field kUid{108, 8};
inline constexpr Field kGid{116, 8};
inline constexpr Field kSize{124, 12};
inline constexpr Field kMtime{136, 12};
inline constexpr Field kChecksum{148, 8};
inline constexpr Field kType{156, 1};
inline constexpr Field kLinkName{157, 100};
inline constexpr Field kMagic{257, 8};  // with the version
inline constexpr Field kDeviceMajor{329, 8};
inline constexpr Field kDeviceMinor{337, 8};
inline constexpr Field kPrefix{345, 155};
// GNU's old sparse files: four pieces here, then the mark that more follow, then the real size.
inline constexpr Field kSparse{386, 96};
inline constexpr Field kSparseExtended{482, 1};
inline constexpr Field kRealSize{483, 12};

inline constexpr std::string_view kUstarMagic{"ustar\00000", 8};

inline std::size_t padding_of(std::uint64_t size) {
  return static_cast<std::size_t>((kBlockBytes - size % kBlockBytes) % kBlockBytes);
}

// The name an entry has in a layer's tar: "usr/bin/", "etc/.wh.passwd", "./" for the root. kInput
// for a name that begins with ".wh.", which would mean something else.
std::string member_name(const Entry& entry);

// Header blocks of the entry in our canonical form: a pax header with its records if one is needed,
// then the ustar header. For an opaque directory its marker follows.
void append_headers(std::string& out, const Entry& entry);

// How many bytes of a canonical tar the entry takes. `headers` is used for its memory.
std::uint64_t size_in_tar(const Entry& entry, std::string& headers);

// The reading side -----------------------------------------------------------------------------

// The text of a field up to the first NUL.
std::string_view text_of(std::string_view block, Field field);
// Octal digits with spaces or NULs around them, or GNU's base-256; nothing if it is neither or does
// not fit.
std::optional<std::int64_t> number_of(std::string_view field);
bool has_right_checksum(std::string_view block);
bool is_zero_block(std::string_view block);

// The records of a pax header, in the order they stand; nothing if they can't be told apart.
struct PaxRecord {
  std::string key;
  std::string value;
};
std::optional<std::vector<PaxRecord>> parse_pax(std::string_view text);
// "1700000000.25", "-3"; nothing if it is no such number.
std::optional<base::Timestamp> parse_pax_time(std::string_view text);

// Whiteouts as they stand in tars.
inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
inline constexpr std::string_view kReservedPrefix = ".wh..wh.";

}  // namespace slipway::builder::tar
