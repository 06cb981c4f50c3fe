#include "parser/outline.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

const Outline kOutline{
    .name = "app",
    .description = "is it",
    .arguments = {{"LATER", "", std::nullopt, {9, 9}}, {"VERSION", "to build", "1.2", {2, 2}}},
    .secrets = {{"token", true, {4, 4}}, {"optional", false, {5, 5}}},
    .ssh = {{"default", false, {6, 6}}}};

TEST(Outline, TextIsTables) {
  EXPECT_EQ(outline_text(kOutline),
            "TARGET:        app\n"
            "DESCRIPTION:   is it\n"
            "\n"
            "BUILD ARG   VALUE   DESCRIPTION\n"
            "VERSION     1.2     to build\n"
            "LATER               \n"
            "\n"
            "SECRET     REQUIRED\n"
            "token      true\n"
            "optional   \n"
            "\n"
            "SSH       REQUIRED\n"
            "default   \n"
            "\n");
  EXPECT_EQ(outline_text({}), "");
}

TEST(Outline, JsonHasPlacesAndSources) {
  std::string json = outline_json(kOutline, "FROM a\n");
  EXPECT_TRUE(json.contains("\"name\": \"app\"")) << json;
  EXPECT_TRUE(json.contains("\"line\": 2")) << json;
  EXPECT_TRUE(json.contains("RlJPTSBhCg==")) << json;
  EXPECT_LT(json.find("VERSION"), json.find("LATER"));
}

TEST(Targets, TheLastStageIsTheDefault) {
  ParseResult result =
      parse("# build makes it\nFROM a AS build\nFROM --platform=$x b\nFROM build AS last\n");
  auto targets = list_targets(result.dockerfile);
  EXPECT_EQ(targets_text(targets),
            "TARGET           DESCRIPTION\n"
            "build            makes it\n"
            "                 \n"
            "last (default)   \n");
  std::string json = targets_json(targets, "x");
  EXPECT_TRUE(json.contains("\"platform\": \"$x\"")) << json;
  EXPECT_TRUE(json.contains("\"default\": true")) << json;
}

TEST(Targets, AnUnnamedDefaultSaysSo) {
  EXPECT_EQ(targets_text(list_targets(parse("FROM a\n").dockerfile)),
            "TARGET      DESCRIPTION\n(default)   \n");
}

}  // namespace
}  // namespace slipway::parser
