#include "registry/oci/image_config.h"

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
