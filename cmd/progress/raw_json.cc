#include "cmd/progress/raw_json.h"

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/text.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Json = nlohmann::ordered_json;

// Output of steps is base64, but names may hold any bytes of a Dockerfile.
std::string line_of(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string line_of(const char* member, Json object) {
  return line_of(Json{{member, Json::array({std::move(object)})}});
}

Json json_of(const parser::LintWarning& warning) {
  const parser::LintRuleInfo& rule = parser::lint_rule_info(warning.rule);
  auto position = [](int line) { return Json{{"line", line}, {"character", 0}}; };
  return {{"level", 1},
          {"short", base::to_base64(parser::short_text(warning))},
          {"detail", Json::array({base::to_base64(rule.description)})},
          {"url", rule.url()},
          {"range", Json::array({Json{{"start", position(warning.lines.first)},
                                      {"end", position(warning.lines.last)}}})}};
}

}  // namespace

// Who reads this wants one name for one step; which, does not matter.
RawJsonProgress::Vertex& RawJsonProgress::vertex_of(Vertexes& vertexes,
                                                    builder::VertexId id) const {
  Vertex& vertex = vertexes[id];
  if (vertex.digest.empty()) {
    vertex.digest = base::sha256_of(cat("step ", builder::index_of(id))).text();
  }
  return vertex;
}

void RawJsonProgress::show(const builder::Event& event) {
  auto vertexes = vertexes_.lock();
  std::string now = base::format_rfc3339(clock_->now());
  if (const auto* started = std::get_if<builder::StepStarted>(&event)) {
    Vertex& vertex = vertex_of(*vertexes, started->vertex);
    vertex.name = started->name;
    vertex.started = now;
    write_progress(descriptor_, line_of("vertexes", {{"digest", vertex.digest},
                                                     {"name", vertex.name},
                                                     {"started", vertex.started}}));
  } else if (const auto* printed = std::get_if<builder::StepPrinted>(&event)) {
    write_progress(descriptor_,
                   line_of("logs", {{"vertex", vertex_of(*vertexes, printed->vertex).digest},
                                    {"stream", 1},
                                    {"data", base::to_base64(printed->bytes)},
                                    {"timestamp", now}}));
  } else if (const auto* ended = std::get_if<builder::StepEnded>(&event)) {
    const Vertex& vertex = vertex_of(*vertexes, ended->vertex);
    Json object = {{"digest", vertex.digest},
                   {"name", vertex.name},
                   {"started", vertex.started},
                   {"completed", now}};
    if (ended->end == builder::StepVerdict::kCached) {
      object["cached"] = true;
    } else if (ended->end != builder::StepVerdict::kDone) {
      object["error"] = ended->end == builder::StepVerdict::kFailed ? "failed" : "canceled";
    }
    write_progress(descriptor_, line_of("vertexes", std::move(object)));
  } else if (const auto* transferred = std::get_if<builder::Transferred>(&event)) {
    Json object = {{"id", cat("transferring ", transferred->what)},
                   {"current", transferred->bytes},
                   {"total", transferred->total},
                   {"timestamp", now}};
    if (transferred->done) {
      object["completed"] = now;
    }
    write_progress(descriptor_, line_of("statuses", std::move(object)));
  } else if (const auto* warned = std::get_if<builder::Warned>(&event)) {
    write_progress(descriptor_,
                   line_of("warnings", {{"level", 1}, {"short", base::to_base64(warned->text)}}));
  }
}

void RawJsonProgress::finish(const std::vector<parser::LintWarning>& warnings) {
  auto vertexes = vertexes_.lock();  // lines of two threads must not mix
  for (const parser::LintWarning& warning : warnings) {
    write_progress(descriptor_, line_of("warnings", json_of(warning)));
  }
}

}  // namespace slipway::cmd
