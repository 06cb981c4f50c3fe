#include "parser/chmod.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

using Kind = ChmodValue::Kind;

std::uint32_t apply(std::string_view text, std::uint32_t mode, Kind kind = Kind::kFile) {
  return parse_chmod(text).value().apply(mode, kind);
}

TEST(Chmod, OctalReplacesTheMode) {
  EXPECT_TRUE(parse_chmod("0755")->is_octal());
  EXPECT_EQ(parse_chmod("7777")->octal_mode(), 07777U);
  EXPECT_EQ(apply("0", 0777), 0U);
}

TEST(Chmod, ClausesChangeTheMode) {
  EXPECT_EQ(apply("go-w", 0666), 0644U);
  EXPECT_EQ(apply("u=rw,g=r,o=r", 0777), 0644U);
  EXPECT_EQ(apply("a+X", 0024), 0024U);
  EXPECT_EQ(apply("a+X", 0024, Kind::kFolder), 0135U);
  EXPECT_EQ(apply("a+X", 0124), 0135U);
  EXPECT_EQ(apply("u+rw,g+r,o-x,o+w", 0325, Kind::kFolder), 0766U);
  EXPECT_EQ(apply("+x", 0644), 0755U);
  EXPECT_EQ(apply("=", 0777), 0U);
  EXPECT_EQ(apply("u=rwx,go=u", 0000), 0777U);
  EXPECT_EQ(apply("g=o", 0705), 0755U);
  EXPECT_EQ(apply("u+r-w+x", 0200), 0500U);
}

TEST(Chmod, SpecialBitsBelongToTheirClasses) {
  EXPECT_EQ(apply("u+s", 0755), 04755U);
  EXPECT_EQ(apply("g+s", 0755), 02755U);
  EXPECT_EQ(apply("o+s", 0755), 0755U);
  EXPECT_EQ(apply("+t", 0755), 01755U);
  EXPECT_EQ(apply("a-st", 07755), 0755U);
  EXPECT_EQ(apply("u=rwx", 04755), 0755U);
}

TEST(Chmod, SaysWhatIsWrong) {
  for (std::string_view bad : {"64a", "10000", "8", "99999999999999"}) {
    EXPECT_EQ(parse_chmod(bad).error(), "invalid chmod parameter: '" + std::string(bad) +
                                            "'. it should be octal string and between 0 and 07777");
  }
  for (std::string_view bad : {"", "u", "rwx", "u+q", "u+r,", ",u+r", "u+r;", "z+r", "-1x"}) {
    EXPECT_EQ(parse_chmod(bad).error(), "invalid syntax") << bad;
  }
}

}  // namespace
}  // namespace slipway::parser
