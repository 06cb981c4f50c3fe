#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::builder {

// The parts of our binary formats: numbers of seven bits a byte, low ones first (the high bit says
// that more follow), and texts preceded by their length.
void append_number(std::string& out, std::uint64_t number);
void append_signed(std::string& out, std::int64_t number);  // zigzag: small negatives stay short
void append_text(std::string& out, std::string_view text);
void append_fixed32(std::string& out, std::uint32_t number);  // four bytes, low ones first
void append_fixed64(std::string& out, std::uint64_t number);
// Precondition: `place` + 4 (8) bytes are there (asserted).
std::uint32_t fixed32_at(std::string_view bytes, std::size_t place);
std::uint64_t fixed64_at(std::string_view bytes, std::size_t place);

// Reads the same. A read beyond the end, or a number that is too long, makes it bad: from then on
// everything read is zero or empty, and good() is false. Whoever reads asks once at the end.
class BinaryReader {
 public:
  explicit BinaryReader(std::string_view bytes) : left_(bytes) {}
  std::uint64_t number();
  std::int64_t signed_number();
  std::uint32_t number32();
  std::string_view text();
  std::string_view raw(std::size_t size);
  bool good() const { return good_; }
  bool at_end() const { return left_.empty(); }
  std::size_t left() const { return left_.size(); }

 private:
  void set_bad();
  std::string_view left_;
  bool good_ = true;
};

}  // namespace slipway::builder
