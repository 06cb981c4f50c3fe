#include "parser/ast/expand_instruction.h"

#include <gtest/gtest.h>

#include "parser/parser.h"

namespace slipway::parser {
namespace {

const VariableList kVariables({"a=1", "two=x y"});

std::expected<ExpandedInstruction, std::string> expanded(std::string_view line) {
  ParseResult result = parse("FROM base\n" + std::string(line) + "\n");
  return expand_instruction(result.dockerfile.stages.at(0).instructions.at(0), kVariables, '\\');
}

TEST(ExpandInstruction, CopyExpandsPathsOwnersAndUnquotedHeredocs) {
  auto result = expanded(
      "COPY --chown=$a --chmod=$a --from=$a --exclude=$a $two <<A <<'B' /$a/\n$a\nA\n$a\nB");
  const Copy& copy = std::get<Copy>(result->instruction);
  EXPECT_EQ(copy.copy.chown, "1");
  EXPECT_EQ(copy.copy.chmod, "1");
  EXPECT_EQ(copy.copy.sources, (std::vector<std::string>{"x y"}));
  EXPECT_EQ(copy.copy.destination, "/1/");
  EXPECT_EQ(copy.copy.files[0].content, "1\n");
  EXPECT_EQ(copy.copy.files[1].content, "$a\n");
  EXPECT_EQ(copy.from, "$a");
  EXPECT_EQ(copy.copy.exclude, (std::vector<std::string>{"$a"}));
}

TEST(ExpandInstruction, AllValuesSeeTheSameEnvironment) {
  auto result = expanded("ENV a=2 b=$a $two=c");
  EXPECT_EQ(std::get<Env>(result->instruction).variables,
            (std::vector<KeyValue>{{"a", "2"}, {"b", "1"}, {"x y", "c"}}));
}

TEST(ExpandInstruction, ExposeSplitsIntoWords) {
  auto result = expanded("EXPOSE $two $none 80");
  EXPECT_EQ(std::get<Expose>(result->instruction).ports,
            (std::vector<std::string>{"x", "y", "80"}));
  EXPECT_EQ(result->unmatched, (std::vector<std::string>{"none"}));
}

TEST(ExpandInstruction, CommandsStayAsTheyAre) {
  for (std::string_view line :
       {"RUN $a", "CMD $a", "ENTRYPOINT [\"$a\"]", "SHELL [\"$a\"]", "HEALTHCHECK CMD $a",
        "MAINTAINER $a", "ONBUILD RUN $a", "ARG x=$a"}) {
    auto result = expanded(line);
    ParseResult written = parse("FROM base\n" + std::string(line) + "\n");
    EXPECT_EQ(result->instruction, written.dockerfile.stages[0].instructions[0]) << line;
  }
}

TEST(ExpandInstruction, TheOthersAreExpanded) {
  EXPECT_EQ(std::get<Workdir>(expanded("WORKDIR /$a")->instruction).path, "/1");
  EXPECT_EQ(std::get<User>(expanded("USER $a")->instruction).user, "1");
  EXPECT_EQ(std::get<Volume>(expanded("VOLUME /$a /b")->instruction).volumes[0], "/1");
  EXPECT_EQ(std::get<Stopsignal>(expanded("STOPSIGNAL $a")->instruction).signal, "1");
  EXPECT_EQ(std::get<Label>(expanded("LABEL $a=$a")->instruction).labels[0], (KeyValue{"1", "1"}));
  EXPECT_EQ(std::get<Add>(expanded("ADD --checksum=$a a b")->instruction).checksum, "1");
}

TEST(ExpandInstruction, TheFirstErrorIsTold) {
  EXPECT_EQ(expanded("COPY ${x:?one} ${y:?two} /").error(),
            "failed to process \"${x:?one}\": x: one");
}

TEST(History, HealthcheckIsWrittenInFull) {
  ParseResult result = parse("FROM a\nHEALTHCHECK --interval=5s --retries=3 CMD curl -f x\n");
  EXPECT_EQ(healthcheck_text(std::get<Healthcheck>(result.dockerfile.stages[0].instructions[0])),
            "{Test:[CMD-SHELL curl -f x] Interval:5s Timeout:0s StartPeriod:0s StartInterval:0s "
            "Retries:3}");
}

}  // namespace
}  // namespace slipway::parser
