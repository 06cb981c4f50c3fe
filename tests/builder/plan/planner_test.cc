// Whole plans of small Dockerfiles: stages, arguments, names, errors.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_check.h"

namespace slipway::builder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string history_of(std::string_view dockerfile) {
  PlanCheck check;
  std::string texts;
  Plan plan = check.plan(dockerfile);
  for (const PlannedHistory& entry : plan.graph.targets.at(0).history) {
    texts += entry.entry.created_by + "\n";
  }
  return texts;
}

std::string error_of(std::string_view dockerfile) {
  return PlanCheck().error(dockerfile);
}

TEST(Plan, ResolvesOnlyImagesThatTheTargetNeeds) {
  PlanCheck check;
  check.plan("FROM missing AS unused\nRUN x\nFROM busybox AS a\nFROM alpine\nCOPY --from=a / /\n");
  EXPECT_THAT(check.resolver.asked(), ElementsAre("docker.io/library/alpine:latest linux/amd64",
                                                  "docker.io/library/busybox:latest linux/amd64"));
}

TEST(Plan, AsksForAnImageOnceHoweverOftenItIsNamed) {
  PlanCheck check;
  check.plan(
      "FROM busybox AS a\nFROM busybox:latest\nCOPY --from=busybox / /\nCOPY --from=a / /\n");
  EXPECT_EQ(check.resolver.asked().size(), 1U);
}

TEST(Plan, TellsWhichStagesAreSkipped) {
  PlanCheck check;
  Plan plan = check.plan("FROM busybox AS a\nFROM alpine\nFROM a\n");
  ASSERT_EQ(plan.stages.size(), 3U);
  EXPECT_TRUE(plan.stages[0].needed);
  EXPECT_FALSE(plan.stages[1].needed);
  EXPECT_EQ(plan.stages[1].name, "stage-1");
  EXPECT_TRUE(plan.stages[2].needed);
  EXPECT_THAT(plan_text(plan), HasSubstr("stage-1  FROM alpine (line 2) - skipped"));
}

TEST(Plan, FindsTheTargetInAnyCaseAndPrefersTheLastOfAName) {
  PlanCheck check;
  check.options.target = "TWICE";
  EXPECT_EQ(
      check.lines("FROM scratch AS twice\nENV A=1\nFROM scratch AS Twice\nENV A=2\nFROM scratch\n",
                  "Env"),
      "Env \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n"
      "Env \"A=2\"\n");
}

TEST(Plan, FromSeesTheNearestStageAboveAndCopyTheLastOne) {
  PlanCheck check;
  std::string text = check.lines(
      "FROM busybox AS x\nRUN first\nFROM x AS y\nRUN on first\nFROM alpine AS x\nRUN second\n"
      "FROM y\nCOPY --from=x /a /a\n",
      "history");
  EXPECT_EQ(text,
            "history #2 \"RUN /bin/sh -c first # buildkit\"\n"
            "history #3 \"RUN /bin/sh -c on first # buildkit\"\n"
            "history #5 \"COPY /a /a # buildkit\"\n");
}

TEST(Plan, AStageNeverSeesItsOwnNameInFrom) {
  PlanCheck check;
  check.plan("FROM busybox AS busybox\nRUN x\n");
  EXPECT_EQ(check.resolver.asked().size(), 1U);
}

TEST(Plan, EqualStepsOfTwoStagesAreOne) {
  PlanCheck check;
  EXPECT_EQ(check.steps("FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\nFROM scratch\n"
                        "COPY --from=a /1 /\nCOPY --from=b /2 /\n"),
            "[a 1/2] FROM docker.io/library/busybox:latest\n[a 2/2] RUN x\n"
            "[stage-2 1/2] COPY --from=a /1 /\n[stage-2 2/2] COPY --from=b /2 /\n");
}

TEST(Plan, StepsWithOtherArgumentsAreNotOne) {
  PlanCheck check;
  Plan plan = check.plan(
      "FROM busybox AS a\nARG V=1\nRUN x\nFROM busybox AS b\nARG V=2\nRUN x\n"
      "FROM scratch\nCOPY --from=a /1 /\nCOPY --from=b /2 /\n");
  EXPECT_EQ(plan.graph.vertices.size(), 5U);
}

TEST(Plan, SwappedMountsAreNotOneStep) {
  PlanCheck check;
  Plan plan = check.plan(
      "FROM busybox AS a\nRUN a\nFROM busybox AS b\nRUN b\n"
      "FROM a AS c\nRUN --mount=from=a,target=/x --mount=from=b,target=/y z\n"
      "FROM a AS d\nRUN --mount=from=b,target=/x --mount=from=a,target=/y z\n"
      "FROM scratch\nCOPY --from=c / /c\nCOPY --from=d / /d\n");
  EXPECT_EQ(plan.graph.vertices.size(), 7U);
}

TEST(Plan, IgnoringTheCacheOfAStageKeepsItsStepsApart) {
  PlanCheck check;
  check.options.no_cache_filter = {"B"};
  EXPECT_EQ(check.lines("FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\nFROM scratch\n"
                        "COPY --from=a /1 /\nCOPY --from=b /2 /\n",
                        "cache #1 #2 #3"),
            "#1 [a 2/2] RUN x\n#2 [b 2/2] RUN x\ncache ignored\n"
            "#3 [stage-2 1/2] COPY --from=a /1 /\n");
}

TEST(Plan, PathIsSetWhereTheImageHasNone) {
  PlanCheck check;
  registry::ImageConfig config;
  config.config.env = {"A=1"};
  check.resolver.add("bare", config);
  EXPECT_EQ(check.lines("FROM bare\nRUN x\n", "env"),
            "env \"A=1\"\n"
            "env \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n");
}

TEST(Plan, AnImageWithoutLayersIsAsEmptyAsScratchButKeepsItsConfig) {
  PlanCheck check;
  registry::ImageConfig config;
  config.config.user = "me";
  check.resolver.add("configonly", config, 0);
  EXPECT_EQ(check.text("FROM configonly\nCOPY a /\n").find("  image "), std::string::npos);
  EXPECT_EQ(check.lines("FROM configonly\nCOPY a /\n", "on User"), "on empty\nUser me\n");
}

TEST(Plan, PlatformArgumentsAreThereForThoseWhoAsk) {
  PlanCheck check;
  check.options.platforms = {*registry::parse_platform("linux/arm/v7")};
  EXPECT_EQ(check.lines("FROM busybox\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT BUILDPLATFORM "
                        "TARGETSTAGE\nRUN x\n",
                        "env"),
            "env \"PATH=/bin:/usr/bin\"\nenv \"TARGETPLATFORM=linux/arm/v7\"\n"
            "env \"TARGETARCH=arm\"\nenv \"TARGETVARIANT=v7\"\nenv \"BUILDPLATFORM=linux/amd64\"\n"
            "env \"TARGETSTAGE=default\"\n");
}

TEST(Plan, RunHistoryListsEachArgumentOnceWithItsPresentValue) {
  EXPECT_EQ(history_of("FROM busybox\nARG a=1\nARG b=2 a=3\nENV b=4\nARG c\nRUN x\n"),
            "ARG a=1\nARG b=2 a=3\nENV b=4\nARG c\n"
            "RUN |3 a=3 b=4 c= /bin/sh -c x # buildkit\n");
}

TEST(Plan, EntrypointDropsAnInheritedCmdOnly) {
  PlanCheck check;
  EXPECT_EQ(check.lines("FROM busybox\nENTRYPOINT [\"a\"]\n", "Cmd"), "");
  EXPECT_EQ(check.lines("FROM busybox\nCMD [\"b\"]\nENTRYPOINT [\"a\"]\n", "Cmd"), "Cmd [\"b\"]\n");
  EXPECT_EQ(check.lines("FROM scratch AS x\nCMD [\"b\"]\nFROM x\nENTRYPOINT [\"a\"]\n", "Cmd"), "");
  EXPECT_EQ(check.lines("FROM busybox\nCMD []\n", "Cmd"), "");
}

TEST(Plan, CommandLineLabelsComeLastAndHaveNoHistory) {
  PlanCheck check;
  check.options.labels = {{"a", "cli"}, {"z", "9"}};
  EXPECT_EQ(check.lines("FROM scratch\nLABEL a=file b=1\n", "Labels history"),
            "Labels a=cli\nLabels b=1\nLabels z=9\nhistory - \"LABEL a=file b=1\"\n");
}

TEST(Plan, NamesBuildArgumentsThatNothingDeclares) {
  PlanCheck check;
  check.options.build_args = {{"USED", "1"},       {"GLOBAL", "1"},
                              {"TYPO", "1"},       {"https_PROXY", "x"},
                              {"TARGETARCH", "x"}, {"BUILDKIT_SYNTAX", "dockerfile.v0"}};
  EXPECT_THAT(check.plan("ARG GLOBAL\nFROM scratch\nARG USED\n").unused_build_args,
              ElementsAre("TYPO"));
}

TEST(Plan, TriggersMayBringFurtherImagesWithTriggersOfTheirStages) {
  PlanCheck check;
  check.resolver.add_with_triggers("one", {"COPY --from=two /x /x"});
  check.resolver.add_with_triggers("two", {"RUN never: only copied from"});
  EXPECT_EQ(check.lines("FROM one\n", "history"), "history #2 \"COPY /x /x # buildkit\"\n");
}

TEST(Plan, AMissingPlatformFallsBackToAnEmulatedOne) {
  PlanCheck check;
  check.options.emulated_platforms = {*registry::parse_platform("linux/arm64")};
  registry::ImageConfig config;
  config.platform = *registry::parse_platform("linux/arm64");
  check.resolver.add("armonly", config);
  EXPECT_EQ(check.lines("FROM armonly\nRUN x\n", "platform"), "platform linux/arm64\n");
}

TEST(Plan, SourceDateEpochMayNameARemoteSource) {
  PlanCheck check;
  check.resolver.set_source_time(1234);
  check.options.build_args = {{"SOURCE_DATE_EPOCH", "src"}};
  EXPECT_EQ(check.lines("FROM scratch AS src\nARG V=1\nADD https://example.com/$V.tar /\n"
                        "FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY a /\n",
                        "epoch history"),
            "epoch 1234\nhistory - \"ARG SOURCE_DATE_EPOCH=1234\"\n"
            "history #1 \"COPY a / # buildkit\"\nepoch 1234\n");
}

TEST(Plan, LayoutContextsTakeThePlaceOfImages) {
  PlanCheck check;
  registry::ImageConfig config;
  config.config.user = "from layout";
  check.resolver.add_layout("dir:tag", config);
  check.options.contexts = {
      {"docker.io/library/busybox:latest", parse_build_context("oci-layout://dir:tag")}};
  EXPECT_EQ(check.lines("FROM busybox\n", "User"), "User from layout\n");
}

TEST(Plan, KeepsPlanningInALimitOfExpandedBytes) {
  std::string text = "FROM scratch\nENV a=0123456789abcdef\n";
  for (int i = 0; i < 18; ++i) {
    text += "ENV a=$a$a\n";
  }
  for (int i = 0; i < 40; ++i) {
    text += "LABEL l" + std::to_string(i) + "=$a\n";
  }
  EXPECT_THAT(error_of(text), HasSubstr("the dockerfile expands to more than 128 MiB"));
}

TEST(Plan, RefusesAHistoryThatNoClientWouldRead) {
  std::string text = "FROM busybox\n";
  for (int i = 0; i < 1200; ++i) {
    text += "ARG argument_number_" + std::to_string(i) + "\nRUN x\n";
  }
  EXPECT_THAT(error_of(text), HasSubstr("the image's history has more than 8 MiB"));
}

TEST(PlanErrors, OfTheWholeFile) {
  EXPECT_EQ(error_of(""), "the Dockerfile cannot be empty");
  EXPECT_EQ(error_of("# nothing\n"), "file with no instructions @1");
  EXPECT_EQ(error_of("ARG A=1\n"), "dockerfile contains no stages to build");
  EXPECT_EQ(error_of("FROM scratch\nRUN --mont=x y\n"),
            "dockerfile parse error on line 2: unknown flag: --mont (did you mean mount?) @2");
  EXPECT_EQ(error_of("# check=bad\nFROM scratch\n"),
            "failed to parse check options: invalid check option \"bad\"");
}

TEST(PlanErrors, OfFrontEndsThatAreNotBuiltIn) {
  PlanCheck check;
  check.plan("# syntax=docker/dockerfile:1.20-labs\nFROM scratch\n");
  check.plan("#syntax=mirror.example.com/docker/dockerfile-upstream:master a b\nFROM scratch\n");
  EXPECT_EQ(check.error("# escape=`\n# syntax=some/frontend\nFROM scratch\n"),
            "the dockerfile asks for the front end \"some/frontend\", but only that of "
            "docker/dockerfile images is built in @2");
  check.options.build_args = {{"BUILDKIT_SYNTAX", "dockerfile.v0"}};
  check.plan("# syntax=some/frontend\nFROM scratch\n");
  check.options.build_args = {{"BUILDKIT_SYNTAX", "other/frontend:1"}};
  EXPECT_THAT(check.error("# syntax=docker/dockerfile\nFROM scratch\n"),
              HasSubstr("other/frontend:1"));
}

TEST(PlanErrors, OfFrom) {
  EXPECT_EQ(error_of("FROM scratch\nFROM $NOTHING\n"),
            "base name ($NOTHING) should not be blank @2");
  EXPECT_EQ(error_of("FROM scratch AS a\nFROM A\n"),
            "failed to parse stage name \"A\": invalid reference format: repository name "
            "(library/A) must be lowercase @2");
  EXPECT_EQ(error_of("FROM --platform=$P scratch\n"), "empty platform value from expression $P @1");
  EXPECT_EQ(error_of("FROM --platform=$BUILDPLATFROM scratch\n"),
            "empty platform value from expression $BUILDPLATFROM (did you mean BUILDPLATFORM?) @1");
  EXPECT_EQ(error_of("FROM --platform=a/b/c/d scratch\n"),
            "failed to parse platform a/b/c/d: \"a/b/c/d\": cannot parse platform specifier: "
            "invalid argument @1");
  EXPECT_EQ(error_of("FROM scratch\nFROM busibox\n"),
            "busibox: failed to resolve source metadata for docker.io/library/busibox:latest: "
            "not found (did you mean busybox?) @2");
  EXPECT_EQ(error_of("ARG A=${B:?needed}\nFROM scratch\n"),
            "failed to process \"${B:?needed}\": B: needed @1");
}

TEST(PlanErrors, OfStages) {
  EXPECT_EQ(
      error_of("FROM busybox AS t\nCOPY --from=build / /o\nFROM alpine AS build\nFROM t\n"),
      "cannot copy from stage \"build\", it needs to be defined before current stage \"t\" @2");
  EXPECT_EQ(
      error_of("FROM busybox AS t\nRUN --mount=from=b,target=/m x\nFROM alpine AS b\nFROM t\n"),
      "cannot mount from stage \"b\" to \"/m\", stage needs to be defined before current "
      "command @2");
  EXPECT_EQ(error_of("FROM busybox AS s\nCOPY --from=s f /\n"),
            "circular dependency detected on stage: s @2");
  EXPECT_EQ(error_of("FROM busybox AS a\nCOPY --from=c f /\nFROM busybox AS b\nCOPY --from=a f /\n"
                     "FROM busybox AS c\nCOPY --from=b f /\n"),
            "circular dependency detected on stage: a @4");
  EXPECT_EQ(error_of("FROM scratch\nCOPY --from=7 a /\n"), "invalid stage index 7 @2");
  EXPECT_EQ(error_of("FROM scratch\nCOPY --from=$X a /\n"),
            "variable expansion is not supported for --from, define a new stage with FROM using "
            "ARG from global scope as a workaround @2");
  PlanCheck check;
  check.options.target = "biuld";
  EXPECT_EQ(check.error("FROM scratch AS build\n"),
            "target stage \"biuld\" could not be found (did you mean build?)");
}

TEST(PlanErrors, OfStagesThatAreNotNeededAreFoundOnlyIfTheyAreOfTheText) {
  PlanCheck check;
  check.plan(
      "FROM scratch AS unused\nSTOPSIGNAL nonsense\nRUN --mount=type=nonsense x\nFROM scratch\n");
  EXPECT_EQ(error_of("FROM scratch AS unused\nCOPY --from=9 a /\nFROM scratch\n"),
            "invalid stage index 9 @2");
  check.options.all_stages = true;
  EXPECT_EQ(check.error("FROM scratch AS unused\nSTOPSIGNAL nonsense\nFROM scratch\n"),
            "invalid signal: nonsense @2");
}

TEST(PlanErrors, OfInstructions) {
  EXPECT_EQ(error_of("FROM scratch\nENV A=${B:=c}\n"),
            "failed to process \"${B:=c}\": unsupported modifier (:=) in substitution @2");
  EXPECT_EQ(error_of("FROM busybox\nRUN []\n"), "arguments are required @2");
  EXPECT_EQ(error_of("FROM scratch\nCOPY --chmod=64a a /\n"),
            "invalid chmod parameter: '64a'. it should be octal string and between 0 and 07777 @2");
  EXPECT_EQ(error_of("FROM scratch\nCOPY http://a/b /\n"), "source can't be a URL for COPY @2");
  EXPECT_EQ(error_of("FROM scratch\nCOPY https://a/b.git /\n"),
            "source can't be a git ref for COPY @2");
  EXPECT_EQ(error_of("FROM scratch\nADD --checksum=sha256:1 a b /\n"),
            "checksum can't be specified for multiple sources @2");
  EXPECT_EQ(error_of("FROM scratch\nADD --checksum=sha256:1 a /\n"),
            "checksum requires HTTP(S) or Git sources @2");
  EXPECT_EQ(error_of("FROM scratch\nADD --checksum=md5:1 http://a/b /\n"),
            "unsupported digest algorithm @2");
  EXPECT_EQ(error_of("FROM scratch\nADD --keep-git-dir=false https://a/b.git?keep-git-dir=1 /\n"),
            "inconsistent keep-git-dir configuration @2");
  EXPECT_EQ(error_of("FROM busybox\nRUN --mount=target=/ \\\n  x\n"),
            "invalid mount target \"/\" @2-3");
  EXPECT_EQ(error_of("FROM busybox\nRUN --mount=type=ssh,source=/x y\n"),
            "ssh does not support source @2");
  EXPECT_EQ(error_of("FROM busybox\nRUN --mount=type=tmp,target=/x y\n"),
            "unsupported mount type \"tmp\" (did you mean tmpfs?) @2");
  EXPECT_EQ(error_of("FROM scratch\nEXPOSE localhost:1:1\n"), "invalid IP address: localhost @2");
  EXPECT_EQ(error_of("FROM busybox\nRUN <<../x\n#!/bin/sh\n../x\n"),
            "the heredoc name \"../x\" can't be the name of a script: use a plain file name @2-4");
}

TEST(PlanErrors, OfTriggersPointToFrom) {
  PlanCheck check;
  check.resolver.add_with_triggers("bad", {"COPY --from=9 a /"});
  EXPECT_EQ(check.error("FROM scratch\n\nFROM bad\n"), "invalid stage index 9 @3");
  check.resolver.add_with_triggers("worse", {"NONSENSE"});
  EXPECT_EQ(check.error("FROM scratch\n\nFROM worse\n"), "unknown instruction: NONSENSE @3");
}

TEST(PlanErrors, OfSourceDateEpoch) {
  PlanCheck check;
  check.options.build_args = {{"SOURCE_DATE_EPOCH", "yesterday"}};
  EXPECT_EQ(check.error("FROM scratch\n"), "invalid SOURCE_DATE_EPOCH: yesterday");
  check.options.build_args = {{"SOURCE_DATE_EPOCH", "s"}};
  EXPECT_EQ(check.error("FROM busybox AS s\nADD http://a/b /\n"),
            "SOURCE_DATE_EPOCH stage must use FROM scratch @1");
  EXPECT_EQ(check.error("FROM scratch AS s\nRUN x\n"),
            "SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported run "
            "instruction @1");
  EXPECT_EQ(check.error("FROM scratch AS s\nADD local /\n"),
            "SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD @1");
}

TEST(PlanErrors, ComeWithTheWarningsBeforeThem) {
  PlanCheck check;
  PlanOutcome outcome =
      make_plan("FROM scratch AS Big\nCOPY --from=3 a /\n", check.options, check.resolver);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().file, "Dockerfile");
  ASSERT_EQ(outcome.error().warnings.size(), 1U);
  EXPECT_EQ(outcome.error().warnings[0].rule, parser::LintRule::kStageNameCasing);
}

class Cancelled : public FakeResolver {
 public:
  ResolvedImage resolve(const registry::Reference&, const registry::Platform&,
                        std::stop_token) override {
    base::fail(base::ErrorKind::kCancelled, "cancelled");
  }
};

TEST(PlanErrors, CancellingIsThrown) {
  Cancelled resolver;
  EXPECT_THROW(static_cast<void>(make_plan("FROM busybox\n", {}, resolver)), base::Error);
}

TEST(PlanDescriptions, AreWellFormed) {
  PlanCheck check;
  Plan plan =
      check.plan("FROM busybox AS a\nRUN echo \"quoted\"\nFROM scratch\nCOPY --from=a / /\n");
  EXPECT_THAT(plan_dot(plan), HasSubstr("label=\"[a 2/2] RUN echo \\\"quoted\\\"\""));
  EXPECT_THAT(plan_json(plan), HasSubstr("\"round\": 3"));
}

}  // namespace
}  // namespace slipway::builder
