#include "builder/devices/yaml.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

std::string error_of(std::string_view text) {
  try {
    parse_yaml(text, "file");
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInput);
    return error.message();
  }
  return "none";
}

void check(std::string_view yaml, std::string_view json) {
  EXPECT_EQ(parse_yaml(yaml, "file"), nlohmann::json::parse(json)) << yaml;
}

TEST(Yaml, PlainWordsHaveTheTypesThatTheyLookLike) {
  check("a: 1\nb: 0666\nc: 0o17\nd: 0x10\ne: -3\n", R"({"a":1,"b":438,"c":15,"d":16,"e":-3})");
  check("a: true\nb: False\nc: ~\nd:\n", R"({"a":true,"b":false,"c":null,"d":null})");
  check("a: 1.0.0\nb: 08\nc: --1\nd: 99999999999999999999\ne: yes\n",
        R"({"a":"1.0.0","b":"08","c":"--1","d":"99999999999999999999","e":"yes"})");
}

TEST(Yaml, QuotedWordsAreText) {
  check("a: \"0\"\nb: 'true'\nc: |\n  x\n", R"({"a":"0","b":"true","c":"x\n"})");
}

TEST(Yaml, CollectionsNest) {
  check("a:\n- b: [1, {c: d}]\n- []\n- {}\n", R"({"a":[{"b":[1,{"c":"d"}]},[],{}]})");
  check("", "null");
  check("# nothing\n---\nx\n", R"("x")");
}

TEST(Yaml, WhatIsWrongIsToldWithItsLine) {
  EXPECT_EQ(error_of("a: 1\nb: [1\n").substr(0, 29), "file is not valid YAML: line ");
  EXPECT_EQ(error_of("a: &x 1\nb: *x\n"),
            "file is not valid YAML: line 2: aliases are not understood");
  EXPECT_EQ(error_of("a: !!binary aGk=\n"),
            "file is not valid YAML: line 1: tags are not understood");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"),
            "file is not valid YAML: line 2: there is a second document");
  EXPECT_EQ(error_of("? [a]\n: 1\n"), "file is not valid YAML: line 1: a key is no plain word");
  EXPECT_NE(error_of("a: \xff\xfe\n"), "none");
}

TEST(Yaml, DepthAndSizeHaveLimits) {
  EXPECT_EQ(error_of(std::string(100'000, '[')),
            "file is not valid YAML: line 1: it is nested deeper than 64");
  std::string many = "[";
  for (int i = 0; i < 200'001; ++i) {
    many += "1,";
  }
  EXPECT_EQ(error_of(base::cat(many, "1]")),
            "file is not valid YAML: line 1: there are more than 200000 values");
}

}  // namespace

}  // namespace slipway::builder
