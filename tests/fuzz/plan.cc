#include "builder/plan/plan.h"

#include "builder/plan/describe.h"
#include "tests/builder/plan/fake_resolver.h"
#include "tests/fuzz/fuzz.h"

// From bytes to a plan and its outputs. The first line is options: words of the form name=value are
// build arguments, `!` plans all stages, `+` plans for two platforms, another word is the target.
// What follows is the Dockerfile. Images that it may find: busybox, alpine, and trigger, which has
// ONBUILD instructions.

namespace slipway::builder {
namespace {

using tests::require;
using tests::take_part;

PlanOptions options_of(std::string_view line) {
  PlanOptions options;
  options.build_platform = {.architecture = "amd64", .os = "linux"};
  while (!line.empty()) {
    std::string_view word = take_part(line, ' ');
    std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      options.build_args[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    } else if (word == "!") {
      options.all_stages = true;
    } else if (word == "+") {
      options.platforms = {{.architecture = "amd64", .os = "linux"},
                           {.architecture = "arm64", .os = "linux"}};
    } else {
      options.target = word;
    }
  }
  return options;
}

void use_graph(const Graph& graph) {
  for (std::size_t index = 0; index < graph.vertices.size(); ++index) {
    for (VertexId input : inputs_of(graph.vertices[index])) {
      require(index_of(input) < index);
    }
  }
  for (const Target& target : graph.targets) {
    require(!target.state || index_of(*target.state) < graph.vertices.size());
  }
}

void use(std::string_view text) {
  PlanOptions options = options_of(take_part(text));
  FakeResolver resolver;
  resolver.add_with_triggers("trigger", {"RUN echo $A", "COPY --from=s a /b", "ENV x=$PATH"});
  PlanOutcome plan = make_plan(text, options, resolver);
  if (!plan) {
    require(!plan.error().message.empty());
    return;
  }
  use_graph(plan->graph);
  if (text.size() % 8 == 0) {
    (void)graph_text(plan->graph);
    (void)plan_text(*plan);
    (void)plan_dot(*plan);
    (void)plan_json(*plan);
  }
}

}  // namespace
}  // namespace slipway::builder

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  slipway::builder::use(slipway::tests::input_text(data, size));
  return 0;
}
