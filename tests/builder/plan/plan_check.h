#pragma once

#include <string>
#include <string_view>

#include "builder/plan/describe.h"
#include "builder/plan/plan.h"
#include "fake_resolver.h"

namespace slipway::builder {

// One plan of a test: change what it needs, then ask for text. The platform is always linux/amd64.
struct PlanCheck {
  PlanOptions options;
  FakeResolver resolver;

  PlanCheck();

  // The plan; a failure of the test where there is none.
  Plan plan(std::string_view dockerfile);
  // graph_text of it, or "error: <message> (line 3)" and so on.
  std::string text(std::string_view dockerfile);
  // Only its lines that begin (after the indentation) with one of the space-separated words.
  std::string lines(std::string_view dockerfile, std::string_view words);
  // The names of the vertices, one a line.
  std::string steps(std::string_view dockerfile);
  // The message and the marked lines: "message @2-3".
  std::string error(std::string_view dockerfile);
};

}  // namespace slipway::builder
