#include "base/piece_checks.h"

#include <string>

#include <gtest/gtest.h>

namespace slipway::base {
namespace {

constexpr std::size_t kPiece = PieceChecks::kPieceBytes;

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

std::vector<std::uint64_t> checks_of(std::string_view bytes, std::size_t step) {
  PieceChecks checks;
  for (std::size_t place = 0; place < bytes.size(); place += step) {
    checks.update(bytes.substr(place, step));
  }
  return checks.finish();
}

// The check value that catalogues of CRCs give for CRC-64/XZ.
TEST(CheckOf, IsTheCrc64OfXz) {
  EXPECT_EQ(check_of("123456789"), 0x995dc9bbdf1939faU);
  EXPECT_EQ(check_of("6789", check_of("12345")), check_of("123456789"));
  EXPECT_EQ(check_of(""), 0U);
}

TEST(PieceChecks, DoNotDependOnHowBytesCome) {
  std::string bytes = noise(2 * kPiece + 4321);
  std::vector<std::uint64_t> whole = checks_of(bytes, bytes.size());
  EXPECT_EQ(whole.size(), 3U);
  EXPECT_EQ(checks_of(bytes, 65'537), whole);
  EXPECT_EQ(checks_of(bytes, kPiece), whole);
  EXPECT_EQ(whole[1], check_of(std::string_view(bytes).substr(kPiece, kPiece)));
}

TEST(PieceChecks, TellWhichPieceChanged) {
  std::string bytes = noise(3 * kPiece);
  std::vector<std::uint64_t> before = checks_of(bytes, kPiece);
  EXPECT_EQ(before.size(), 3U);
  bytes[kPiece + 7] = static_cast<char>(bytes[kPiece + 7] ^ 1);
  std::vector<std::uint64_t> after = checks_of(bytes, kPiece);
  EXPECT_EQ(after[0], before[0]);
  EXPECT_NE(after[1], before[1]);
  EXPECT_EQ(after[2], before[2]);
}

TEST(PieceChecks, NothingHasNone) {
  EXPECT_TRUE(PieceChecks().finish().empty());
}

}  // namespace
}  // namespace slipway::base
