#include "plan_check.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

std::string failure_text(const PlanFailure& failure) {
  std::string text = failure.message;
  for (const SourceLines& lines : failure.lines) {
    text += lines.first == lines.last ? cat(" @", lines.first)
                                      : cat(" @", lines.first, "-", lines.last);
  }
  return text;
}

}  // namespace

PlanCheck::PlanCheck() {
  options.build_platform = {.architecture = "amd64", .os = "linux"};
}

Plan PlanCheck::plan(std::string_view dockerfile) {
  PlanOutcome outcome = make_plan(dockerfile, options, resolver);
  if (!outcome) {
    ADD_FAILURE() << "no plan: " << failure_text(outcome.error());
    return {};
  }
  return *std::move(outcome);
}

std::string PlanCheck::text(std::string_view dockerfile) {
  PlanOutcome outcome = make_plan(dockerfile, options, resolver);
  return outcome ? graph_text(outcome->graph) : cat("error: ", failure_text(outcome.error()), "\n");
}

std::string PlanCheck::lines(std::string_view dockerfile, std::string_view words) {
  std::string whole = text(dockerfile);
  std::vector<std::string_view> wanted = base::split(words, ' ');
  std::string kept;
  for (std::string_view line : base::split(whole, '\n')) {
    std::string_view trimmed = base::trim(line);
    std::string_view word = trimmed.substr(0, trimmed.find(' '));
    if (std::find(wanted.begin(), wanted.end(), word) != wanted.end()) {
      kept += cat(trimmed, "\n");
    }
  }
  return kept;
}

std::string PlanCheck::steps(std::string_view dockerfile) {
  std::string names;
  for (const Vertex& vertex : plan(dockerfile).graph.vertices) {
    names += cat(vertex.meta.name, "\n");
  }
  return names;
}

std::string PlanCheck::error(std::string_view dockerfile) {
  PlanOutcome outcome = make_plan(dockerfile, options, resolver);
  if (outcome) {
    ADD_FAILURE() << "a plan where an error was expected:\n" << graph_text(outcome->graph);
    return {};
  }
  return failure_text(outcome.error());
}

}  // namespace slipway::builder
