#include "builder/layer/binary.h"

#include <cassert>
#include <limits>

namespace slipway::builder {

void append_number(std::string& out, std::uint64_t number) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  out += static_cast<char>(number);
}

void append_signed(std::string& out, std::int64_t number) {
  auto bits = static_cast<std::uint64_t>(number);
  append_number(out, (bits << 1) ^ (number < 0 ? ~std::uint64_t{0} : 0));
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out += text;
}

void append_fixed32(std::string& out, std::uint32_t number) {
  for (int i = 0; i < 4; ++i) {
    out += static_cast<char>((number >> (8 * i)) & 0xff);
  }
}

void append_fixed64(std::string& out, std::uint64_t number) {
  append_fixed32(out, static_cast<std::uint32_t>(number));
  append_fixed32(out, static_cast<std::uint32_t>(number >> 32));
}

std::uint32_t fixed32_at(std::string_view bytes, std::size_t place) {
  assert(place + 4 <= bytes.size());
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    number |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[place + i])) << (8 * i);
  }
  return number;
}

std::uint64_t fixed64_at(std::string_view bytes, std::size_t place) {
  return fixed32_at(bytes, place) |
         (static_cast<std::uint64_t>(fixed32_at(bytes, place + 4)) << 32);
}

void BinaryReader::set_bad() {
  good_ = false;
  left_ = {};
}

std::uint64_t BinaryReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (left_.empty()) {
      break;
    }
    auto byte = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    if (shift == 63 && byte > 1) {
      break;  // more than 64 bits
    }
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  set_bad();
  return 0;
}

std::int64_t BinaryReader::signed_number() {
  std::uint64_t bits = number();
  return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

std::uint32_t BinaryReader::number32() {
  std::uint64_t value = number();
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    set_bad();
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

std::string_view BinaryReader::text() {
  return raw(number());
}

std::string_view BinaryReader::raw(std::size_t size) {
  if (size > left_.size()) {
    set_bad();
    return {};
  }
  std::string_view text = left_.substr(0, size);
  left_.remove_prefix(size);
  return text;
}

}  // namespace slipway::builder
