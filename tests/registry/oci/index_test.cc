#include "registry/oci/index.h"

#include <gtest/gtest.h>

#include "registry/oci/media_types.h"

namespace slipway::registry {
namespace {

base::Digest digest_of_digit(char digit) {
  return base::Digest::from_sha256_hex(std::string(64, digit));
}

TEST(Index, MembersTellTheTypeWhereNothingElseDoes) {
  EXPECT_EQ(document_media_type(R"({"manifests":[]})", "", "d"), media_types::kOciIndex);
  EXPECT_EQ(document_media_type(R"({"config":{}})", "", "d"), media_types::kOciManifest);
  EXPECT_EQ(document_media_type("{}", media_types::kDockerList, "d"), media_types::kDockerList);
}

TEST(Index, ReadsWhatItWrites) {
  Index index{.media_type = std::string(media_types::kOciIndex),
              .manifests = {{.media_type = std::string(media_types::kOciManifest),
                             .digest = digest_of_digit('c'),
                             .size = 5,
                             .platform = host_platform()}}};
  EXPECT_EQ(parse_index(serialise(index), "", "i"), index);
  EXPECT_EQ(parse_index(serialise(Index{.media_type = index.media_type}), "", "i").manifests.size(),
            0U);
}

Descriptor entry(std::string_view platform, char digit) {
  return {.media_type = std::string(media_types::kOciManifest),
          .digest = base::Digest::from_sha256_hex(std::string(64, digit)),
          .size = 1,
          .platform = parse_platform(platform).value()};
}

char chosen(const Index& index, std::string_view platform) {
  const Descriptor* found = find_platform(index, parse_platform(platform).value());
  return found == nullptr ? '-' : found->digest.hex().front();
}

TEST(FindPlatform, ExactBeatsFallbackAndFirstBeatsLater) {
  Index index{.manifests = {entry("linux/386", '1'), entry("linux/amd64", '2'),
                            entry("linux/amd64", '3'), entry("linux/arm/v6", '4')}};
  EXPECT_EQ(chosen(index, "linux/amd64"), '2');
  EXPECT_EQ(chosen(index, "linux/386"), '1');
  EXPECT_EQ(chosen(index, "linux/arm/v7"), '4');
  EXPECT_EQ(chosen(index, "linux/s390x"), '-');
}

TEST(FindPlatform, AttestationsAreNoImages) {
  Descriptor attestation = entry("linux/amd64", '1');
  attestation.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  Descriptor unknown = entry("unknown/unknown", '2');
  Descriptor image = entry("linux/amd64", '3');
  EXPECT_EQ(chosen({.manifests = {attestation, unknown, image}}, "linux/amd64"), '3');
  EXPECT_EQ(chosen({.manifests = {attestation, unknown}}, "linux/amd64"), '-');
}

TEST(FindPlatform, OnlyImageWithoutAPlatformDoesForAny) {
  Descriptor plain = entry("linux/amd64", '1');
  plain.platform.reset();
  EXPECT_EQ(chosen({.manifests = {plain}}, "linux/s390x"), '1');
  EXPECT_EQ(chosen({.manifests = {plain, plain}}, "linux/s390x"), '-');
}

}  // namespace
}  // namespace slipway::registry
