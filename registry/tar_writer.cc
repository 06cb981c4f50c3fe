#include "registry/tar_writer.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

constexpr std::size_t kBlockBytes = 512;
constexpr std::size_t kNameLengthMax = 100;
// The size field has eleven octal digits.
constexpr std::uint64_t kUstarSizeMax = (1ULL << 33) - 1;

// POSIX.1-2008, pax, "ustar Interchange Format".
struct UstarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char uname[32];
  char gname[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(UstarHeader) == kBlockBytes);

template <std::size_t length>
void put_octal(char (&field)[length], std::uint64_t value) {
  for (std::size_t i = length - 1; i-- > 0;) {
    field[i] = static_cast<char>('0' + (value & 7));
    value >>= 3;
  }
  field[length - 1] = '\0';
}

// "27 size=8589934592\n": the length counts itself.
std::string pax_record(std::string_view name, std::string_view value) {
  std::string rest = base::cat(" ", name, "=", value, "\n");
  std::size_t length = rest.size() + 1;
  while (base::cat(length).size() + rest.size() != length) {
    length = base::cat(length).size() + rest.size();
  }
  return base::cat(length, rest);
}

}  // namespace

void TarWriter::header(const std::string& name, std::uint64_t size, char type) {
  if (name.size() > kNameLengthMax) {
    base::fail(base::ErrorKind::kInternal, base::cat("name too long for this tar: ", name));
  }
  UstarHeader block{};
  std::memcpy(block.name, name.data(), name.size());
  put_octal(block.mode, type == '5' ? 0755 : 0644);
  put_octal(block.uid, 0);
  put_octal(block.gid, 0);
  put_octal(block.size, size > kUstarSizeMax ? 0 : size);
  put_octal(block.mtime, 0);
  block.type = type;
  std::memcpy(block.magic, "ustar", 6);
  std::memcpy(block.version, "00", 2);
  std::memset(block.checksum, ' ', sizeof block.checksum);
  std::array<unsigned char, kBlockBytes> bytes{};
  std::memcpy(bytes.data(), &block, kBlockBytes);
  unsigned sum = 0;
  for (unsigned char byte : bytes) {
    sum += byte;
  }
  // Six digits, a NUL and the space that is there.
  char digits[7];
  put_octal(digits, sum);
  std::memcpy(block.checksum, digits, sizeof digits);
  out_->write({reinterpret_cast<const char*>(&block), kBlockBytes});
}

void TarWriter::pad(std::uint64_t size) {
  static constexpr std::array<char, kBlockBytes> kZeros{};
  std::size_t rest = static_cast<std::size_t>(size % kBlockBytes);
  if (rest != 0) {
    out_->write({kZeros.data(), kBlockBytes - rest});
  }
}

void TarWriter::directory(const std::string& name) {
  header(name, 0, '5');
}

void TarWriter::file(const std::string& name, std::string_view content) {
  base::StringSource source{std::string(content)};
  file(name, content.size(), source, {});
}

void TarWriter::file(const std::string& name, std::uint64_t size, base::Source& content,
                     std::stop_token stop) {
  std::string records;
  if (size > kUstarSizeMax) {
    records += pax_record("size", base::cat(size));
  }
  if (name.size() > kNameLengthMax) {
    records += pax_record("path", name);
  }
  if (!records.empty()) {
    header("pax", records.size(), 'x');
    out_->write(records);
    pad(records.size());
  }
  header(name.substr(0, kNameLengthMax), size, '0');
  std::uint64_t copied = base::copy_stream(content, *out_, std::move(stop));
  if (copied != size) {
    base::fail(base::ErrorKind::kIntegrity, base::cat(name, " has ", copied, " bytes, not ", size));
  }
  pad(size);
}

void TarWriter::finish() {
  static constexpr std::array<char, 2 * kBlockBytes> kZeros{};
  out_->write({kZeros.data(), kZeros.size()});
}

}  // namespace slipway::registry
