#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::builder::tests {

// Tars written by hand, also such as no writer would make.
struct RawMember {
  std::string name;
  char type = '0';
  std::string content;
  std::string link;
  std::string mode = "0000644";
  std::string uid = "0000000";
  std::string size;  // "": that of the content
  std::string mtime = "00000001750";
  std::string major;
  std::string minor;
  std::string prefix;
  std::string magic = std::string("ustar\00000", 8);
};

// Header, content, padding.
std::string raw(const RawMember& member);
// A pax header ('x'; 'g' is global) with the records "key=value" given one a line.
std::string pax(std::string_view records, char type = 'x');
// One pax record with its length.
std::string pax_record(std::string_view key, std::string_view value);
// GNU's long name ('L') or long link ('K').
std::string gnu_long(std::string_view text, char type);
inline const std::string kEnd = std::string(1024, '\0');

}  // namespace slipway::builder::tests
