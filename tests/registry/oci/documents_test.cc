#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "registry/oci/image_config.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"

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

ImageConfig small_config() {
  ImageConfig config{.created = base::parse_rfc3339("2026-08-01T10:00:00.5Z"),
                     .platform = {.architecture = "amd64", .os = "linux"}};
  config.config.env = {"PATH=/bin", "A=b"};
  config.config.cmd = {{"sh", "-c", "a && b"}};
  config.config.exposed_ports = {"80/tcp"};
  config.config.labels = {{"b", "2"}, {"a", "1"}};
  config.diff_ids = {cache::DiffId(digest_of_digit('d'))};
  config.history = {{.created = config.created, .created_by = "COPY a /"},
                    {.created_by = "ENV A=b", .empty_layer = true}};
  return config;
}

TEST(ImageConfig, WritesSortedTopLevelAndDockersOrderInside) {
  EXPECT_EQ(serialise(small_config()),
            R"({"architecture":"amd64","config":{"ExposedPorts":{"80/tcp":{}},)"
            R"("Env":["PATH=/bin","A=b"],"Cmd":["sh","-c","a && b"],"Labels":{"a":"1","b":"2"}},)"
            R"("created":"2026-08-01T10:00:00.5Z","history":[{"created":"2026-08-01T10:00:00.5Z",)"
            R"("created_by":"COPY a /"},{"created_by":"ENV A=b","empty_layer":true}],"os":"linux",)"
            R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
                std::string(64, 'd') + R"("]}})");
}

TEST(ImageConfig, ReadsWhatItWrites) {
  ImageConfig config = small_config();
  config.author = "me";
  config.platform.variant = "v2";
  config.platform.os_version = "1";
  config.platform.os_features = {"x"};
  ContainerConfig& inner = config.config;
  inner.user = "1:2";
  inner.entrypoint.emplace();
  inner.volumes = {"/v"};
  inner.working_dir = "/w";
  inner.stop_signal = "SIGINT";
  inner.args_escaped = true;
  inner.healthcheck = Healthcheck{.test = {"CMD", "x"}, .interval_ns = 3, .retries = 2};
  inner.on_build = {"RUN x"};
  inner.shell = {{"/bin/bash", "-c"}};
  EXPECT_EQ(parse_image_config(serialise(config), "c"), config);
}

TEST(ImageConfig, EmptyCommandDiffersFromNone) {
  ImageConfig config = small_config();
  config.config.cmd.emplace();
  EXPECT_THAT(serialise(config), HasSubstr(R"("Cmd":[])"));
  config.config.cmd.reset();
  EXPECT_THAT(serialise(config), testing::Not(HasSubstr("Cmd")));
}

TEST(ImageConfig, TakesWhatDockerTakes) {
  ImageConfig config = parse_image_config(
      R"({"created":"0001-01-01T00:00:00Z","config":{"Cmd":"single","Entrypoint":null,"Env":null,)"
      R"("Volumes":null,"OnBuild":null,"Labels":null,"Unknown":[1]},"container_config":7,)"
      R"("rootfs":{"type":"layers","diff_ids":null},"history":null})",
      "c");
  EXPECT_EQ(config.config.cmd, std::vector<std::string>{"single"});
  EXPECT_FALSE(config.config.entrypoint.has_value());
  EXPECT_EQ(config.platform.text(), host_platform().text());
  ASSERT_TRUE(config.created.has_value());
  EXPECT_LT(config.created->seconds, 0);
}

std::string config_error(std::string_view bytes) {
  return error_of([&] { parse_image_config(bytes, "config of a"); });
}

TEST(ImageConfig, BadOnesAreNamed) {
  EXPECT_EQ(config_error("{"), "config of a is not valid JSON");
  EXPECT_THAT(config_error("{}"), HasSubstr("rootfs is not a JSON object"));
  EXPECT_THAT(config_error(R"({"rootfs":{"type":"tree"}})"), HasSubstr("\"tree\" is not made of"));
  EXPECT_THAT(config_error(R"({"rootfs":{"type":"layers","diff_ids":["x"]}})"),
              HasSubstr("diff ID \"x\": invalid checksum digest format"));
  EXPECT_THAT(config_error(R"({"created":"today","rootfs":{"type":"layers"}})"),
              HasSubstr("no RFC 3339 time: \"today\""));
  EXPECT_THAT(config_error(R"({"config":{"Env":[1]},"rootfs":{"type":"layers"}})"),
              HasSubstr("member \"Env\" is not a list of strings"));
  EXPECT_THAT(config_error(std::string(1000, '[')), HasSubstr("nested deeper than"));
  EXPECT_THAT(config_error(std::string(kConfigBytesMax + 1, ' ')), HasSubstr("more than"));
}

TEST(ImageConfig, InvalidUtf8NeverReachesADocument) {
  ImageConfig config = small_config();
  config.author = "\xff";
  EXPECT_THAT(serialise(config), HasSubstr("\"author\":\"\xef\xbf\xbd\""));
}

}  // namespace
}  // namespace slipway::registry
