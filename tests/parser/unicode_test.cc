#include "parser/unicode.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

TEST(Unicode, DecodesOneToFourBytes) {
  EXPECT_EQ(decode_utf8("a", 0).character, U'a');
  EXPECT_EQ(decode_utf8("\xC3\xA9", 0).character, U'\u00E9');
  EXPECT_EQ(decode_utf8("\xE2\x82\xAC", 0).character, U'\u20AC');
  EXPECT_EQ(decode_utf8("\xF0\x9F\x98\x80", 0).character, U'\U0001F600');
  EXPECT_EQ(decode_utf8("a", 1).size, 0U);
}

TEST(Unicode, TakesBadBytesOneByOne) {
  // A lone continuation byte, a cut sequence, an overlong one, a surrogate, beyond the last one.
  for (std::string_view bad :
       {"\x80", "\xE2\x82", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    EXPECT_EQ(decode_utf8(bad, 0).character, kReplacementCharacter);
    EXPECT_EQ(decode_utf8(bad, 0).size, 1U);
  }
  EXPECT_EQ(to_valid_utf8("a\xFF"
                          "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Unicode, RoundTripsEveryKind) {
  for (char32_t character :
       {U'\u007F', U'\u0080', U'\u07FF', U'\u0800', U'\uFFFF', U'\U00010000'}) {
    std::string text;
    append_utf8(text, character);
    EXPECT_EQ(decode_utf8(text, 0).character, character);
    EXPECT_EQ(decode_utf8(text, 0).size, text.size());
  }
}

TEST(Unicode, KnowsSpacesLettersAndDigits) {
  EXPECT_TRUE(is_unicode_space(U'\u00A0'));
  EXPECT_TRUE(is_unicode_space(U'\u3000'));
  EXPECT_FALSE(is_unicode_space(U'\u200B'));
  EXPECT_TRUE(is_unicode_letter(U'\uD55C'));
  EXPECT_FALSE(is_unicode_letter(U'\u0661'));
  EXPECT_TRUE(is_unicode_digit(U'\u0661'));
  EXPECT_FALSE(is_unicode_printable(U'\u200B'));
}

TEST(Unicode, TrimsUnicodeSpacesAtBothEnds) {
  EXPECT_EQ(trim_spaces("\xC2\xA0 a b\xE3\x80\x80\n"), "a b");
  EXPECT_EQ(trim_spaces(" \t\n"), "");
  EXPECT_EQ(trim_spaces("a\x80"), "a\x80");
  EXPECT_EQ(trim_leading_spaces(" a "), "a ");
}

}  // namespace
}  // namespace slipway::parser
