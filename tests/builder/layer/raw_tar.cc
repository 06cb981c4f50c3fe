#include "tests/builder/layer/raw_tar.h"

#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace slipway::builder::tests {

namespace {

void put(std::string& block, std::size_t offset, std::string_view text) {
  std::memcpy(block.data() + offset, text.data(), text.size());
}

std::string octal(std::uint64_t number, std::size_t digits) {
  std::string out(digits, '0');
  for (std::size_t i = digits; i-- > 0; number >>= 3) {
    out[i] = static_cast<char>('0' + (number & 7));
  }
  return out;
}

}  // namespace

std::string raw(const RawMember& member) {
  std::string block(512, '\0');
  put(block, 0, member.name.substr(0, 100));
  put(block, 100, member.mode);
  put(block, 108, member.uid);
  put(block, 116, "0000000");
  put(block, 124, member.size.empty() ? octal(member.content.size(), 11) : member.size);
  put(block, 136, member.mtime);
  put(block, 148, "        ");
  block[156] = member.type;
  put(block, 157, member.link.substr(0, 100));
  put(block, 257, member.magic);
  put(block, 329, member.major);
  put(block, 337, member.minor);
  put(block, 345, member.prefix);
  std::uint64_t sum = 0;
  for (char c : block) {
    sum += static_cast<unsigned char>(c);
  }
  put(block, 148, octal(sum, 6));
  block[154] = '\0';
  block += member.content;
  block.append((512 - member.content.size() % 512) % 512, '\0');
  return block;
}

std::string pax_record(std::string_view key, std::string_view value) {
  std::size_t length = key.size() + value.size() + 3;
  std::size_t digits = base::cat(length).size();
  length = base::cat(length + digits).size() + key.size() + value.size() + 3;
  return base::cat(length, " ", key, "=", value, "\n");
}

std::string pax(std::string_view records, char type) {
  std::string content;
  for (std::string_view line : base::split(records, '\n')) {
    if (auto pair = base::split_once(line, '=')) {
      content += pax_record(pair->before, pair->after);
    }
  }
  return raw({.name = "PaxHeaders/x", .type = type, .content = content});
}

std::string gnu_long(std::string_view text, char type) {
  return raw({.name = "././@LongLink",
              .type = type,
              .content = std::string(text) + std::string(1, '\0'),
              .magic = "ustar  "});
}

}  // namespace slipway::builder::tests
