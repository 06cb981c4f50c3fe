#include "cmd/progress/raw_json.h"

#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/text.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::cmd {
namespace {

using builder::StepEnded;
using builder::StepPrinted;
using builder::StepStarted;
using builder::StepVerdict;
using builder::VertexId;
using nlohmann::json;

constexpr VertexId kFirst{0};
constexpr VertexId kSecond{1};

// The objects that a renderer writes for some events, one a line.
template <typename... Events>
std::vector<json> shown(const std::vector<parser::LintWarning>& warnings, const Events&... events) {
  base::Pipe pipe = base::make_pipe();
  tests::SteppedClock clock;
  RawJsonProgress progress(pipe.write_end.get(), clock);
  (progress.show(builder::Event(events)), ...);
  progress.finish(warnings);
  pipe.write_end.reset();
  std::vector<json> objects;
  std::string text = base::read_to_end(pipe.read_end, 1 << 20, "pipe");
  for (std::string_view line : base::split(text, '\n')) {
    if (!line.empty()) {
      objects.push_back(json::parse(line));
    }
  }
  return objects;
}

TEST(RawJson, AStepIsAVertexWithItsLogs) {
  auto objects = shown({}, StepStarted{kFirst, "[1/1] RUN x"}, StepPrinted{kFirst, "hi\n"},
                       StepEnded{kFirst, "", StepVerdict::kDone, 5});
  ASSERT_EQ(objects.size(), 3U);
  const json& started = objects[0].at("vertexes").at(0);
  EXPECT_EQ(started.at("name"), "[1/1] RUN x");
  EXPECT_EQ(started.at("started"), "2023-11-14T22:13:20Z");
  EXPECT_FALSE(started.contains("completed"));
  EXPECT_EQ(objects[1].at("logs").at(0).at("vertex"), started.at("digest"));
  EXPECT_EQ(objects[1].at("logs").at(0).at("data"), base::to_base64("hi\n"));
  const json& ended = objects[2].at("vertexes").at(0);
  EXPECT_EQ(ended.at("digest"), started.at("digest"));
  EXPECT_EQ(ended.at("completed"), "2023-11-14T22:13:20Z");
  EXPECT_FALSE(ended.contains("cached"));
  EXPECT_FALSE(ended.contains("error"));
}

TEST(RawJson, CachedAndFailedStepsSaySo) {
  auto objects = shown({}, StepStarted{kFirst, "a"}, StepStarted{kSecond, "b"},
                       StepEnded{kFirst, "", StepVerdict::kCached},
                       StepEnded{kSecond, "", StepVerdict::kFailed});
  ASSERT_EQ(objects.size(), 4U);
  EXPECT_NE(objects[0]["vertexes"][0]["digest"], objects[1]["vertexes"][0]["digest"]);
  EXPECT_EQ(objects[2].at("vertexes").at(0).at("cached"), true);
  EXPECT_EQ(objects[3].at("vertexes").at(0).at("error"), "failed");
}

TEST(RawJson, NamesOfAnyBytesStayJson) {
  auto objects = shown({}, StepStarted{kFirst, "RUN \xFF\x01"});
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0]["vertexes"][0]["name"], "RUN \xEF\xBF\xBD\x01");
}

TEST(RawJson, WarningsOfChecksComeAtTheEnd) {
  auto objects = shown({{parser::LintRule::kStageNameCasing, "Stage name 'A' ...", {3, 3}}},
                       builder::Transferred{"8c5a", 5, 9, false}, builder::Warned{"beware"});
  ASSERT_EQ(objects.size(), 3U);
  EXPECT_EQ(objects[0].at("statuses").at(0).at("current"), 5);
  EXPECT_EQ(objects[1].at("warnings").at(0).at("short"), base::to_base64("beware"));
  const json& warning = objects[2].at("warnings").at(0);
  EXPECT_EQ(warning.at("short"), base::to_base64("StageNameCasing: Stage name 'A' ... (line 3)"));
  EXPECT_EQ(warning.at("url"), "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/");
  EXPECT_EQ(warning.at("range").at(0).at("start").at("line"), 3);
}

}  // namespace
}  // namespace slipway::cmd
