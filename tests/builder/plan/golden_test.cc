// testdata/plan/<case>: Dockerfile and the plan it must give. Lines "#! target=x", "#! arg=A=b",
// "#! platform=linux/arm64" and "#! context=name=value" at its top are options.

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "plan_check.h"
#include "tests/support/corpora.h"

namespace slipway::builder {
namespace {

void take_option(PlanOptions& options, std::string_view option) {
  auto pair = base::split_once(option, '=');
  ASSERT_TRUE(pair) << option;
  auto value = base::split_once(pair->after, '=');
  if (pair->before == "target") {
    options.target = pair->after;
  } else if (pair->before == "arg" && value) {
    options.build_args[std::string(value->before)] = value->after;
  } else if (pair->before == "label" && value) {
    options.labels[std::string(value->before)] = value->after;
  } else if (pair->before == "context" && value) {
    options.contexts[std::string(value->before)] = parse_build_context(value->after);
  } else if (pair->before == "platform") {
    options.platforms.push_back(*registry::parse_platform(pair->after));
  } else {
    FAIL() << "unknown option " << option;
  }
}

TEST(PlanGolden, EveryCaseGivesTheExpectedPlan) {
  std::vector<std::string> folders = tests::golden_cases("plan");
  EXPECT_FALSE(folders.empty());
  for (const std::string& folder : folders) {
    std::string dockerfile = tests::read_text_file(folder + "/Dockerfile");
    PlanCheck check;
    check.resolver.add_with_triggers(
        "onbuild-base", {"RUN echo triggered", "COPY --from=alpine /etc/passwd /p", "ENV T=1"});
    for (std::string_view line : base::split(dockerfile, '\n')) {
      if (!line.starts_with("#! ")) {
        break;
      }
      take_option(check.options, line.substr(3));
    }
    tests::expect_golden(folder + "/plan.txt", check.text(dockerfile));
  }
}

}  // namespace
}  // namespace slipway::builder
