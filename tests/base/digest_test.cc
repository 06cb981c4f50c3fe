#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/digester.h"

namespace slipway::base {
namespace {

constexpr std::string_view kOfAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
// FIPS 180-2, appendix C.1.
constexpr std::string_view kSha512OfAbc =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

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
  for (std::string_view digest : {kOfAbc, kSha512OfAbc}) {
    EXPECT_EQ(read_verified("abc", 3, digest), "abc");
    EXPECT_EQ(read_verified("abc", -1, digest), "abc");
    for (auto [content, size] :
         {std::pair("abd", 3), std::pair("ab", 3), std::pair("abcd", 3), std::pair("", -1)}) {
      try {
        read_verified(content, size, digest);
        ADD_FAILURE() << content;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kIntegrity);
      }
    }
  }
}

TEST(Digester, HashesAsADigestAsks) {
  EXPECT_EQ(digest_like(*Digest::parse(kOfAbc), "abc").text(), kOfAbc);
  EXPECT_EQ(digest_like(*Digest::parse(kSha512OfAbc), "abc").text(), kSha512OfAbc);
  Digester digester("sha384");
  digester.update("ab");
  digester.update("c");
  EXPECT_EQ(digester.finish().text(),
            "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
}

TEST(Streams, LimitsAreErrorsAndNotTruncations) {
  StringSource source("12345");
  EXPECT_EQ(read_all(source, 5, "text"), "12345");
  StringSource longer("123456");
  EXPECT_THROW(read_all(longer, 5, "text"), Error);
}

}  // namespace
}  // namespace slipway::base
