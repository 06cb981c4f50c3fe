#include "cmd/image_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::cmd {
namespace {

cache::ImageId id_of(char digit) {
  return cache::ImageId(base::Digest::from_sha256_hex(std::string(64, digit)));
}

builder::StoredImage stored() {
  builder::StoredImage image{.row = {.id = id_of('a'),
                                     .platform = "linux/arm/v7",
                                     .created = {},
                                     .added = {},
                                     .size = 42,
                                     .layers = {},
                                     .received = std::nullopt,
                                     .other_blobs = {}},
                             .config_bytes = "",
                             .config = {}};
  image.config.platform = {"arm", "linux", "", {}, "v7"};
  image.config.created = base::Timestamp{1'767'323'045, 0};
  image.config.config.env = {"A=1"};
  image.config.config.exposed_ports = {"80/tcp"};
  image.config.config.cmd = std::vector<std::string>{"sh"};
  image.config.history.push_back({.comment = "by hand"});
  return image;
}

nlohmann::ordered_json json() {
  builder::StoredImage image = stored();
  cache::ImageTable::Listed listed{
      .image = image.row,
      .names = {{"docker.io/library/two:1", image.row.id, {100, 0}},
                {"docker.io/library/one:1", image.row.id, {200, 0}}},
      .digests = {{image.row.id, "docker.io/library/one", id_of('b').digest()}},
      .last_use = {}};
  return image_json(listed, image);
}

TEST(ImageJson, NamesAreFamiliarAndSorted) {
  EXPECT_EQ(json()["RepoTags"].dump(), R"(["one:1","two:1"])");
  EXPECT_EQ(json()["RepoDigests"][0], "one@" + id_of('b').text());
  EXPECT_EQ(json()["Metadata"]["LastTagTime"], "1970-01-01T00:03:20Z");
}

TEST(ImageJson, MembersStandInDockersOrder) {
  std::string order;
  nlohmann::ordered_json image = json();
  for (const auto& [name, value] : image.items()) {
    order += name + " ";
  }
  EXPECT_EQ(order,
            "Id RepoTags RepoDigests Parent Comment Created DockerVersion Author Config "
            "Architecture Variant Os Size GraphDriver RootFS Metadata ");
}

TEST(ImageJson, WhatTheConfigDoesNotHaveIsNullOrLeftOut) {
  nlohmann::ordered_json config = json()["Config"];
  EXPECT_EQ(config["Entrypoint"], nullptr);
  EXPECT_EQ(config["Cmd"].dump(), R"(["sh"])");
  EXPECT_EQ(config["ExposedPorts"].dump(), R"({"80/tcp":{}})");
  EXPECT_EQ(config["Volumes"], nullptr);
  EXPECT_FALSE(config.contains("Healthcheck"));
  EXPECT_EQ(json()["Comment"], "by hand");
  EXPECT_EQ(json()["Created"], "2026-01-02T03:04:05Z");
}

}  // namespace
}  // namespace slipway::cmd
