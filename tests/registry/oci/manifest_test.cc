#include "registry/oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::registry {
namespace {

using testing::HasSubstr;

base::Digest digest_of_digit(char digit) {
  return base::Digest::from_sha256_hex(std::string(64, digit));
}

template <typename Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInput);
    return error.message();
  }
  return "";
}

Manifest small_manifest() {
  return {.media_type = std::string(media_types::kOciManifest),
          .config = {.media_type = std::string(media_types::kOciConfig),
                     .digest = digest_of_digit('a'),
                     .size = 12},
          .layers = {{.media_type = std::string(media_types::kOciLayerGzip),
                      .digest = digest_of_digit('b'),
                      .size = 34}},
          .annotations = {{"z", "1"}, {"a", "2"}}};
}

TEST(Manifest, WritesTheOrderOfDockersTools) {
  std::string hex_a(64, 'a');
  std::string hex_b(64, 'b');
  EXPECT_EQ(serialise(small_manifest()), R"({
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "sha256:)" + hex_a + R"(",
    "size": 12
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "sha256:)" + hex_b + R"(",
      "size": 34
    }
  ],
  "annotations": {
    "a": "2",
    "z": "1"
  }
})");
}

TEST(Manifest, ReadsWhatItWrites) {
  Manifest manifest = small_manifest();
  manifest.artifact_type = "application/x";
  manifest.subject = manifest.config;
  manifest.layers[0].urls = {"https://example.com/a"};
  manifest.layers[0].data = std::string("a\0b", 3);
  manifest.layers[0].platform =
      Platform{.architecture = "arm", .os = "linux", .os_features = {"f"}, .variant = "v7"};
  EXPECT_EQ(parse_manifest(serialise(manifest), "", "m"), manifest);
}

std::string manifest_error(std::string_view bytes, std::string_view media_type = "") {
  return error_of([&] { parse_manifest(bytes, media_type, "manifest of a"); });
}

TEST(Manifest, BadOnesAreNamed) {
  EXPECT_EQ(manifest_error("<html>"), "manifest of a is not valid JSON");
  EXPECT_EQ(manifest_error("[]"), "manifest of a is not a JSON object");
  EXPECT_EQ(manifest_error("{}"), "manifest of a has no config");
  EXPECT_EQ(manifest_error(R"({"config":{"digest":"sha256:12","size":1}})"),
            "manifest of a: digest \"sha256:12\" of a descriptor: invalid checksum digest length");
  std::string digest = digest_of_digit('a').text();
  EXPECT_THAT(manifest_error(R"({"config":{"digest":")" + digest + R"(","size":-5}})"),
              HasSubstr("has no valid size"));
  EXPECT_THAT(manifest_error(R"({"config":{"digest":")" + digest + R"("}})"),
              HasSubstr("has no valid size"));
  EXPECT_THAT(manifest_error(R"({"schemaVersion":1,"fsLayers":[]})"), HasSubstr("schema 1"));
  EXPECT_THAT(manifest_error(R"({"mediaType":"application/x"})"),
              HasSubstr("\"application/x\" is no image manifest or index"));
  EXPECT_THAT(manifest_error(std::string(kManifestBytesMax + 1, ' ')), HasSubstr("more than"));
}

TEST(Manifest, ContentConfusionIsRefused) {
  EXPECT_THAT(manifest_error(R"({"layers":[],"manifests":[]})"), HasSubstr("both an index and"));
  EXPECT_THAT(manifest_error(serialise(small_manifest()), media_types::kDockerManifest),
              HasSubstr("was served as"));
  EXPECT_THAT(manifest_error(serialise(small_manifest()), media_types::kOciIndex),
              HasSubstr("was served as"));
  EXPECT_THAT(
      manifest_error(R"({"mediaType":"application/vnd.oci.image.index.v1+json","layers":[]})"),
      HasSubstr("is no image manifest or index"));
}

TEST(Manifest, TooManyLayersAreRefused) {
  std::string bytes =
      R"({"config":{"digest":")" + digest_of_digit('a').text() + R"(","size":1},"layers":[)";
  for (std::size_t i = 0; i < kManifestEntriesMax; ++i) {
    bytes += "0,";
  }
  EXPECT_THAT(manifest_error(bytes + "0]}"), HasSubstr("10001 layers, more than the 10000"));
}

TEST(Manifest, StaticServersContentTypeSaysNothing) {
  EXPECT_EQ(parse_manifest(serialise(small_manifest()), "text/plain", "m"), small_manifest());
}

}  // namespace
}  // namespace slipway::registry
