#include "builder/plan/step_choice.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {
namespace {

const std::vector<StepLabel> kSteps = {
    {"[build 1/3] FROM busybox", {{1, 1}}},
    {"[build 2/3] RUN make", {{2, 4}}},
    {"[build 3/3] COPY . .", {{5, 5}}},
    {"[stage-1 2/2] RUN make install", {{7, 7}}},
};
const std::vector<StepLabel> kPlatforms = {
    {"[linux/amd64 build 2/3] RUN make", {{2, 2}}},
    {"[linux/arm64 build 2/3] RUN make", {{2, 2}}},
};
const std::vector<StepLabel> kUnnamed = {
    {"[ 1/12] FROM busybox", {{1, 1}}}, {"[ 2/12] RUN a", {{2, 2}}}, {"[12/12] RUN b", {{3, 3}}}};

std::string found_in(const std::vector<StepLabel>& steps, std::string_view text) {
  std::vector<std::string> numbers;
  for (std::size_t number : find_steps(steps, text, "some/Dockerfile")) {
    numbers.push_back(base::cat(number));
  }
  return base::join(numbers, " ");
}

std::string error_of(std::string_view text) {
  try {
    get_step(kSteps, text, "Dockerfile", "--at");
  } catch (const base::Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(FindSteps, ByWhatStandsInTheBrackets) {
  EXPECT_EQ(found_in(kSteps, "[build 2/3]"), "1");
  EXPECT_EQ(found_in(kSteps, "build 2/3"), "1");
  EXPECT_EQ(found_in(kSteps, "[build 2/3] RUN make"), "1");
  EXPECT_EQ(found_in(kSteps, "2/3"), "1");
  EXPECT_EQ(found_in(kUnnamed, "2/12"), "1");
}

TEST(FindSteps, ByStageAndNumber) {
  EXPECT_EQ(found_in(kSteps, "build:3"), "2");
  EXPECT_EQ(found_in(kSteps, "stage-1:2"), "3");
  EXPECT_EQ(found_in(kSteps, "2"), "1 3");
  EXPECT_EQ(found_in(kUnnamed, "12"), "2");
  EXPECT_EQ(found_in(kPlatforms, "build:2"), "0 1");
  EXPECT_EQ(found_in(kPlatforms, "linux/arm64 build 2/3"), "1");
}

TEST(FindSteps, ByALineOfTheFile) {
  EXPECT_EQ(found_in(kSteps, "Dockerfile:3"), "1");
  EXPECT_EQ(found_in(kSteps, "some/Dockerfile:5"), "2");
  EXPECT_EQ(found_in(kSteps, ":7"), "3");
  EXPECT_EQ(found_in(kSteps, "other:7"), "");
  EXPECT_EQ(found_in(kSteps, ":6"), "");
}

TEST(FindSteps, ByAPartOfTheName) {
  EXPECT_EQ(found_in(kSteps, "RUN make"), "1 3");
  EXPECT_EQ(found_in(kSteps, "make install"), "3");
  EXPECT_EQ(found_in(kSteps, ""), "");
}

TEST(GetStep, SaysWhichStepsThereAre) {
  EXPECT_EQ(get_step(kSteps, "build:2", "Dockerfile", "--at"), 1U);
  EXPECT_NE(error_of("9/9").find("no such step"), std::string::npos);
  EXPECT_NE(error_of("9/9").find("[build 3/3] COPY . .  (line 5)"), std::string::npos);
  EXPECT_NE(error_of("2").find("several"), std::string::npos);
  EXPECT_EQ(error_of("2").find("COPY"), std::string::npos);
}

}  // namespace
}  // namespace slipway::builder
