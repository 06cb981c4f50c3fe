#include <iostream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "registry/oci/reference.h"
#include "tests/support/corpora.h"

namespace slipway::registry {
namespace {

using Json = nlohmann::json;

std::string optional_text(const Json& object, const char* name) {
  return object.value(name, std::string());
}

void check_good(const Json& expected, const Reference& reference) {
  EXPECT_EQ(reference.domain(), optional_text(expected, "domain"));
  EXPECT_EQ(reference.path(), optional_text(expected, "path"));
  EXPECT_EQ(reference.tag().value_or(""), optional_text(expected, "tag"));
  EXPECT_EQ(reference.digest() ? reference.digest()->text() : "",
            optional_text(expected, "digest"));
  EXPECT_EQ(reference.canonical(), optional_text(expected, "canonical"));
  EXPECT_EQ(reference.familiar(), optional_text(expected, "familiar"));
  EXPECT_EQ(reference.for_pull().canonical(), optional_text(expected, "pull"));
  if (find_image_id(reference.familiar())) {
    return;  // its shortest form is an ID when typed; Docker shows it nevertheless
  }
  // The shortest form means the same as the longest.
  auto again = Reference::parse(reference.familiar());
  ASSERT_TRUE(again.has_value()) << again.error();
  EXPECT_EQ(*again, reference);
}

TEST(ReferenceCorpus, EveryCaseParsesAsDockerDoes) {
  std::string why;
  auto file = tests::find_corpus_file("references.json", why);
  if (!file) {
    GTEST_SKIP() << why;
  }
  Json corpus = Json::parse(tests::read_text_file(*file));
  for (const Json& expected : corpus["cases"]) {
    std::string input = expected.at("input");
    SCOPED_TRACE("input: " + input);
    auto reference = Reference::parse(input);
    ASSERT_EQ(reference.has_value(), expected.at("ok").get<bool>())
        << (reference ? reference->canonical() : reference.error());
    if (reference) {
      check_good(expected, *reference);
    } else {
      EXPECT_EQ(reference.error(), optional_text(expected, "error"));
    }
    if (expected.contains("image_id")) {
      auto id = find_image_id(input);
      ASSERT_TRUE(id.has_value());
      EXPECT_EQ(id->text(), expected["image_id"]);
    } else {
      EXPECT_FALSE(find_image_id(input).has_value());
    }
  }
  for (const Json& expected : corpus["matches"]) {
    std::string input = expected.at("reference");
    std::string pattern = expected.at("pattern");
    SCOPED_TRACE(pattern + " on " + input);
    auto matched = familiar_match(pattern, Reference::parse(input).value());
    ASSERT_TRUE(matched.has_value()) << matched.error();
    EXPECT_EQ(*matched, expected.at("match").get<bool>());
  }
  std::cout << "references.json: " << corpus["cases"].size() << " names, "
            << corpus["matches"].size() << " patterns\n";
}

}  // namespace
}  // namespace slipway::registry
