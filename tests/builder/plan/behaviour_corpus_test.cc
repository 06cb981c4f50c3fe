// The end-to-end cases of the corpus as far as a plan decides them: config, history and number of
// layers of every image, and the errors that come before anything is carried out. Base images have
// configs only.

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "base/text.h"
#include "plan_check.h"
#include "registry/oci/image_config.h"
#include "tests/support/corpora.h"

namespace slipway::builder {
namespace {

using base::cat;
using nlohmann::json;

constexpr std::string_view kPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

// Places that only a run of the case knows.
std::string filled(std::string text) {
  text = replaced(std::move(text), "{{HTTP}}", "http://files.test");
  text = replaced(std::move(text), "{{REGISTRY}}", "registry.test");
  constexpr std::string_view kCommit = "{{COMMIT:";
  for (std::size_t at = text.find(kCommit); at != std::string::npos; at = text.find(kCommit)) {
    text.replace(at, text.find("}}", at) + 2 - at, std::string(40, 'c'));
  }
  return text;
}

registry::ImageConfig base_config(const std::string& name) {
  registry::ImageConfig config;
  config.config.env = {std::string(kPath)};
  bool is_debian = name.find("debian") != std::string::npos || name.find("centos") != name.npos;
  bool is_busybox = name.find("busybox") != std::string::npos;
  config.config.cmd = {{is_debian ? "bash" : is_busybox ? "sh" : "/bin/sh"}};
  registry::History entry;
  entry.created_by = "base image of the test harness";
  config.history = {std::move(entry)};
  return config;
}

// The config of the image that a target becomes.
registry::ImageConfig image_of(const Target& target) {
  registry::ImageConfig config = target.config;
  config.history = target.base_history;
  for (const PlannedHistory& entry : target.history) {
    config.history.push_back(entry.entry);
  }
  return config;
}

std::size_t layers_of(const Graph& graph, const Target& target) {
  std::size_t layers = 0;
  for (std::optional<VertexId> id = target.state; id; id = graph.vertex(*id).base) {
    const auto* image = std::get_if<SourceImage>(&graph.vertex(*id).op);
    layers += image != nullptr ? image->image->layers.size() : 1;
  }
  return layers;
}

void take_options(const json& options, PlanCheck& check) {
  json build_args = options.value("build_args", json::object());
  for (const auto& [name, value] : build_args.items()) {
    check.options.build_args[name] = filled(value.get<std::string>());
  }
  json labels = options.value("labels", json::object());
  for (const auto& [name, value] : labels.items()) {
    check.options.labels[name] = value.get<std::string>();
  }
  check.options.target = options.value("target", "");
  for (const json& platform : options.value("platform", json::array())) {
    check.options.platforms.push_back(*registry::parse_platform(platform.get<std::string>()));
  }
  json contexts = options.value("contexts", json::object());
  for (const auto& [name, value] : contexts.items()) {
    if (value.is_string()) {
      check.options.contexts[name] = parse_build_context(filled(value.get<std::string>()));
    } else if (value.contains("local")) {
      check.options.contexts[name] = {BuildContext::Kind::kLocal, "folder"};
    } else {
      check.options.contexts[name] = {BuildContext::Kind::kOciLayout,
                                      cat("setup-", value.at("oci_layout_of").get<int>())};
    }
  }
}

void prepare(const json& test, PlanCheck& check) {
  for (const json& name : test.value("bases", json::array())) {
    if (registry::Reference::parse(name.get<std::string>())) {
      check.resolver.add(name.get<std::string>(), base_config(name.get<std::string>()));
    }
  }
  check.resolver.add("busybox", base_config("busybox"));
  check.resolver.add("alpine", base_config("alpine"));
  check.resolver.set_source_time(1673364896);
  int index = 0;
  for (const json& setup : test.value("setup", json::array())) {
    PlanOptions options = std::exchange(check.options, PlanCheck().options);
    take_options(setup.value("opts", json::object()), check);
    Plan plan = check.plan(filled(setup.at("dockerfile").get<std::string>()));
    check.options = std::move(options);
    if (!plan.graph.targets.empty()) {
      const Target& target = plan.graph.targets[0];
      std::size_t layers = layers_of(plan.graph, target);
      check.resolver.add(filled(setup.at("tag").get<std::string>()), image_of(target), layers);
      check.resolver.add_layout(cat("setup-", index), image_of(target));
    }
    ++index;
  }
  take_options(test.value("opts", json::object()), check);
}

// What behaviour-control.json has of an image.
json described(const Graph& graph, const Target& target) {
  registry::ImageConfig image = image_of(target);
  json config = json::parse(registry::serialise(image)).value("config", json::object());
  for (auto member = config.begin(); member != config.end();) {
    member = member->is_null() || member->empty() ? config.erase(member) : std::next(member);
  }
  json history = json::array();
  for (const registry::History& entry : image.history) {
    history.push_back(json::array({entry.created_by, entry.empty_layer}));
  }
  return {{"config", config}, {"history", history}, {"layers", layers_of(graph, target)}};
}

void expect_images(const json& images, const Plan& plan, const std::string& name) {
  EXPECT_EQ(images.size(), plan.graph.targets.size()) << name;
  for (const Target& target : plan.graph.targets) {
    std::string platform = target.platform.text();
    ASSERT_TRUE(images.contains(platform)) << name << " has no " << platform;
    std::string text = filled(images[platform].dump());
    static const RE2 kCommit("\\b[0-9a-f]{40}\\b");
    RE2::GlobalReplace(&text, kCommit, std::string(40, 'c'));
    json expected = json::parse(text);
    EXPECT_EQ(described(plan.graph, target).dump(1), expected.dump(1)) << name;
  }
}

// A failing case fails here, with its error, or is left to those who carry plans out.
bool expect_error(const json& expect, const PlanOutcome& outcome, const std::string& name) {
  if (outcome) {
    return false;
  }
  for (const json& part : expect.value("error", json::array())) {
    EXPECT_NE(outcome.error().message.find(filled(part.get<std::string>())), std::string::npos)
        << name << ": " << outcome.error().message;
  }
  if (expect.contains("error_lines")) {
    json lines = json::array();
    for (const SourceLines& span : outcome.error().lines) {
      for (int line = span.first; line <= span.last; ++line) {
        lines.push_back(line);
      }
    }
    EXPECT_EQ(lines, expect["error_lines"]) << name;
  }
  return true;
}

struct Counts {
  int images = 0;
  int errors = 0;
  int errors_left = 0;
  int plans = 0;
};

void run_case(const json& test, const json& control, Counts& counts) {
  std::string name = test.at("name").get<std::string>();
  PlanCheck check;
  prepare(test, check);
  PlanOutcome outcome =
      make_plan(filled(test.at("dockerfile").get<std::string>()), check.options, check.resolver);
  const json& expect = test.at("expect");
  if (!expect.value("success", true)) {
    ++(expect_error(expect, outcome, name) ? counts.errors : counts.errors_left);
    return;
  }
  ASSERT_TRUE(outcome.has_value()) << name << ": " << outcome.error().message;
  ++counts.plans;
  for (const json& step : expect.value("steps", json::array())) {
    EXPECT_TRUE(std::any_of(outcome->graph.vertices.begin(), outcome->graph.vertices.end(),
                            [&](const Vertex& vertex) { return vertex.meta.name == step; }))
        << name << ": " << step;
  }
  if (control.contains(name)) {
    expect_images(control[name].at("images"), *outcome, name);
    ++counts.images;
  }
}

TEST(PlanBehaviourCorpus, EveryCase) {
  std::string why;
  auto file = tests::find_corpus_file("behaviour.json", why);
  auto control_file = tests::find_corpus_file("behaviour-control.json", why);
  if (!file) {
    GTEST_SKIP() << why;
  }
  json cases = json::parse(tests::read_text_file(*file));
  json control = control_file ? json::parse(tests::read_text_file(*control_file)) : json::object();
  Counts counts;
  for (const json& test : cases) {
    if (test.value("kind", "") != "sequence" && !test.contains("call")) {
      run_case(test, control, counts);
    }
  }
  std::cout << "planned: " << counts.plans << ", images compared: " << counts.images
            << ", errors compared: " << counts.errors
            << ", errors of carrying out: " << counts.errors_left << "\n";
}

json outline_json_of(const parser::Outline& outline, const json& wanted_members) {
  json arguments = json::array();
  for (std::size_t i = 0; i < outline.arguments.size(); ++i) {
    const parser::Outline::Argument& argument = outline.arguments[i];
    json whole = {{"name", argument.name},
                  {"value", argument.value.value_or("")},
                  {"description", argument.description},
                  {"line", argument.lines.first}};
    json one;
    for (const auto& [member, value] :
         wanted_members.at(std::min(i, wanted_members.size() - 1)).items()) {
      one[member] = whole.at(member);
    }
    arguments.push_back(std::move(one));
  }
  return arguments;
}

TEST(PlanBehaviourCorpus, Outlines) {
  std::string why;
  auto file = tests::find_corpus_file("behaviour.json", why);
  if (!file) {
    GTEST_SKIP() << why;
  }
  json cases = json::parse(tests::read_text_file(*file));
  int count = 0;
  for (const json& test : cases) {
    if (test.value("call", "") != "outline") {
      continue;
    }
    ++count;
    PlanCheck check;
    prepare(test, check);
    parser::Outline outline = check.plan(test.at("dockerfile").get<std::string>()).outline;
    const json& expected = test.at("expect").at("outline");
    EXPECT_EQ(outline.name, expected.value("name", ""));
    EXPECT_EQ(outline.description, expected.value("description", ""));
    json arguments = expected.value("args", json::array());
    if (expected.contains("args_sorted_by_name")) {
      arguments = expected["args_sorted_by_name"];
      std::sort(outline.arguments.begin(), outline.arguments.end(),
                [](const auto& left, const auto& right) { return left.name < right.name; });
    }
    EXPECT_EQ(outline_json_of(outline, arguments), arguments);
  }
  std::cout << "outlines: " << count << "\n";
}

}  // namespace
}  // namespace slipway::builder
