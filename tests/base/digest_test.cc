#include "base/digest.h"

#include <gtest/gtest.h>

namespace slipway::base {
namespace {

constexpr std::string_view kOfAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, ParseNamesWhatIsWrong) {
  EXPECT_EQ(Digest::parse(kOfAbc)->text(), kOfAbc);
  EXPECT_EQ(Digest::parse("sha256:abc").error(), "invalid checksum digest length");
  EXPECT_EQ(Digest::parse("md5:abc").error(), "unsupported digest algorithm");
  EXPECT_EQ(Digest::parse("abc").error(), "invalid checksum digest format");
  EXPECT_EQ(Digest::parse("sha256:" + std::string(64, 'A')).error(),
            "invalid checksum digest format");
}

TEST(Sha256, FinishLeavesItReadyForTheNextMessage) {
  Sha256 hash;
  hash.update("a");
  hash.update("bc");
  EXPECT_EQ(hash.finish().text(), kOfAbc);
  hash.update("abc");
  EXPECT_EQ(hash.finish().text(), kOfAbc);
}

TEST(HashingSink, HashesAndCountsWhatPasses) {
  StringSink next;
  HashingSink sink(&next);
  sink.write("ab");
  sink.write("c");
  sink.finish();
  EXPECT_EQ(sink.digest().text(), kOfAbc);
  EXPECT_EQ(sink.size(), 3U);
  EXPECT_EQ(next.text(), "abc");
}

std::string read_verified(std::string content, std::int64_t size, std::string_view digest) {
  VerifyingSource source(std::make_unique<StringSource>(std::move(content)), *Digest::parse(digest),
                         size, "blob");
  return read_all(source, 1000, "blob");
}

TEST(VerifyingSource, PassesGoodContentAndRefusesTheRest) {
  EXPECT_EQ(read_verified("abc", 3, kOfAbc), "abc");
  EXPECT_EQ(read_verified("abc", -1, kOfAbc), "abc");
  for (auto [content, size] :
       {std::pair("abd", 3), std::pair("ab", 3), std::pair("abcd", 3), std::pair("", -1)}) {
    try {
      read_verified(content, size, kOfAbc);
      ADD_FAILURE() << content;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kIntegrity);
    }
  }
}

TEST(Streams, LimitsAreErrorsAndNotTruncations) {
  StringSource source("12345");
  EXPECT_EQ(read_all(source, 5, "text"), "12345");
  StringSource longer("123456");
  EXPECT_THROW(read_all(longer, 5, "text"), Error);
}

}  // namespace
}  // namespace slipway::base
