#include "cmd/output/template.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace slipway::cmd {
namespace {

const nlohmann::ordered_json& image() {
  static const nlohmann::ordered_json value = nlohmann::ordered_json::parse(R"({
    "Id": "sha256:abc", "RepoTags": ["one:1", "two:2"], "Empty": [], "Size": 42, "Nothing": null,
    "Config": {"Env": ["A=1", "B=2"], "User": "", "Labels": {"x": "1", "a.b": "2"}, "Tty": true}
  })");
  return value;
}

void check(const std::string& text, const std::string& expected) {
  EXPECT_EQ(Template(text).text_for(image()), expected) << text;
}

std::string error_of(const std::string& text) {
  try {
    Template(text).text_for(image());
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.message();
  }
  return "no error";
}

TEST(Template, TextWithoutActionsStaysAsItIs) {
  check("plain } { text", "plain } { text");
  check("", "");
}

TEST(Template, FieldsArePrintedAsGoPrintsThem) {
  check("{{.Id}} {{ .Size }}", "sha256:abc 42");
  check("{{.RepoTags}} {{.Config.Labels}} {{.Config.Tty}}", "[one:1 two:2] map[x:1 a.b:2] true");
}

TEST(Template, WhatIsMissingInsideIsNoValue) {
  check("{{.Config.Missing}} {{.Nothing}} {{.Nothing.Deeper}}", "<no value> <no value> <no value>");
}

TEST(Template, JsonIsCompactAndKeepsTheOrder) {
  check("{{json .RepoTags}}", R"(["one:1","two:2"])");
  check("{{.Config.Labels | json}}", R"({"x":"1","a.b":"2"})");
  check("{{json .Nothing}}", "null");
}

TEST(Template, IndexReachesIntoListsAndMaps) {
  check("{{index .RepoTags 1}}", "two:2");
  check(R"({{index .Config.Labels "a.b"}})", "2");
  check(R"({{index .Config.Labels "none"}})", "");
  check(R"({{(index .RepoTags 0)}}!)", "one:1!");
}

TEST(Template, RangeGoesThroughListsAndMaps) {
  check("{{range .RepoTags}}<{{.}}>{{end}}", "<one:1><two:2>");
  check("{{range $i, $tag := .RepoTags}}{{$i}}={{$tag}} {{end}}", "0=one:1 1=two:2 ");
  check("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "x=1;a.b=2;");
  check("{{range .Empty}}x{{else}}none{{end}}", "none");
}

TEST(Template, ConditionsTakeTheirBranch) {
  check("{{if .Config.User}}user{{else}}root{{end}}", "root");
  check("{{if .Empty}}a{{else if .RepoTags}}b{{else}}c{{end}}", "b");
  check(R"({{if and .Id (eq .Size 42)}}yes{{end}})", "yes");
  check(R"({{if or .Nothing (ne .Id "x")}}yes{{end}})", "yes");
  check("{{if not .Nothing}}yes{{end}}", "yes");
  check("{{if gt (len .RepoTags) 1}}many{{end}}", "many");
}

TEST(Template, WithChangesTheDotAndDollarKeepsTheRoot) {
  check("{{with .Config}}{{len .Env}} {{$.Id}}{{end}}", "2 sha256:abc");
  check("{{with $c := .Config}}{{$c.Tty}}{{end}}", "true");
  check("{{with .Nothing}}x{{else}}y{{end}}", "y");
}

TEST(Template, VariablesHoldValues) {
  check("{{$id := .Id}}{{range .RepoTags}}{{$id}}/{{.}} {{end}}",
        "sha256:abc/one:1 sha256:abc/two:2 ");
}

TEST(Template, MinusTrimsWhiteSpaceOnItsSide) {
  check("a  {{- .Size -}}  b", "a42b");
  check("a {{.Size -}}\n\n b", "a 42b");
}

TEST(Template, CommentsAreLeftOut) {
  check("a{{/* nothing */}}b", "ab");
}

TEST(Template, FunctionsOnTexts) {
  check(R"({{join .RepoTags ", "}})", "one:1, two:2");
  check(R"({{upper .Id}} {{lower "ABC"}} {{title "ab cd"}})", "SHA256:ABC abc Ab Cd");
  check(R"({{index (split .Id ":") 1}})", "abc");
  check(R"({{printf "%-5s|%3d|%q" "ab" .Size "x"}})", "ab   | 42|\"x\"");
  check(R"({{truncate .Id 3}}{{pad "x" 1 2}}|)", "sha x  |");
  check(R"({{println .Size "x"}})", "42 x\n");
}

TEST(Template, StringsMayHoldBracesAndEscapes) {
  check(R"({{"}}"}}{{"a\tb"}}{{`\n`}})", "}}a\tb\\n");
}

TEST(Template, AnUnknownFieldIsToldWithTheNearest) {
  EXPECT_EQ(error_of("{{.Ids}}"), "template \"{{.Ids}}\": no field Ids (did you mean Id?)");
}

TEST(Template, AnUnknownFunctionIsToldWithTheNearest) {
  EXPECT_EQ(error_of("{{jsn .}}"),
            "template \"{{jsn .}}\": function \"jsn\" is not defined (did you mean json?)");
}

TEST(Template, BrokenTextIsAUsageError) {
  for (const char* text :
       {"{{.Id", "{{if .Id}}x", "{{end}}", "{{else}}", "{{range .RepoTags}}", "{{.Id .Size}}",
        "{{}}", "{{(.Id}}", "{{\"x}}", "{{.Id | }}", "{{index .RepoTags 9}}", "{{index .Size 1}}",
        "{{$x}}", "{{json}}", "{{.Id | .Size}}", "{{range .Size}}{{end}}", "{{.Size.Deeper}}",
        "{{99999999999999999999}}", "{{if .Id}}{{else}}{{else}}{{end}}"}) {
    EXPECT_NE(error_of(text), "no error") << text;
  }
}

TEST(Template, DeepNestingIsRefusedNotRecursed) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) {
    deep += "{{if .Id}}";
  }
  EXPECT_NE(error_of(deep), "no error");
  EXPECT_NE(error_of("{{" + std::string(10'000, '(') + "}}"), "no error");
}

}  // namespace
}  // namespace slipway::cmd
