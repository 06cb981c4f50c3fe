#include "base/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace slipway::base {
namespace {

std::string nested(std::size_t depth) {
  return cat(std::string(depth, '['), std::string(depth, ']'));
}

TEST(ParseJson, DepthHasALimit) {
  EXPECT_TRUE(parse_json(nested(64), "it").is_array());
  for (std::size_t depth : {65U, 1'000'000U}) {
    EXPECT_THROW(parse_json(nested(depth), "it"), Error) << depth;
  }
}

TEST(ParseJson, BracketsInTextsAreNoDepth) {
  std::string text = cat("[\"", std::string(100, '['), "\\\"", std::string(100, '{'), "\"]");
  EXPECT_EQ(parse_json(text, "it")[0].get<std::string>().size(), 201U);
}

TEST(ParseJson, WhatIsNoJsonIsSaid) {
  for (const char* text : {"", "[", "]", "{\"a\"}", "\"\\", "[1,]"}) {
    EXPECT_THROW(parse_json(text, "it"), Error) << text;
  }
}

// In a time that grows with the text: a list of 200,000 took minutes once.
TEST(ParseJson, ALongListIsNoMatter) {
  std::string text = "[{}";
  for (int i = 1; i < 200'000; ++i) {
    text += ",{}";
  }
  EXPECT_EQ(parse_json(text + "]", "it").size(), 200'000U);
}

}  // namespace
}  // namespace slipway::base
