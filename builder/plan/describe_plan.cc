// A plan as `slipway graph` shows it: as text, for Graphviz, as JSON.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "builder/plan/describe.h"
#include "parser/unicode.h"

namespace slipway::builder {

namespace {

using base::cat;
using Json = nlohmann::ordered_json;

// The round in which each vertex can start at the earliest, from 1: all of one round can run side
// by side.
std::vector<std::size_t> rounds_of(const Graph& graph) {
  std::vector<std::size_t> rounds;
  rounds.reserve(graph.vertices.size());
  for (const Vertex& vertex : graph.vertices) {
    std::size_t round = 1;
    for (VertexId input : inputs_of(vertex)) {
      round = std::max(round, rounds[index_of(input)] + 1);
    }
    rounds.push_back(round);
  }
  return rounds;
}

std::vector<std::vector<std::size_t>> by_round(const Graph& graph) {
  std::vector<std::size_t> rounds = rounds_of(graph);
  std::size_t last = rounds.empty() ? 0 : *std::max_element(rounds.begin(), rounds.end());
  std::vector<std::vector<std::size_t>> result(last);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    result[rounds[i] - 1].push_back(i);
  }
  return result;
}

std::string lines_text(const SourceLines& lines) {
  return lines.first == lines.last ? cat("line ", lines.first)
                                   : cat("lines ", lines.first, "-", lines.last);
}

std::string target_name(const Target& target) {
  return target.stage.empty() ? "(default)" : target.stage;
}

std::string_view kind_of(const VertexOp& op) {
  struct Kinds {
    std::string_view operator()(const SourceImage&) const { return "image"; }
    std::string_view operator()(const SourceContext&) const { return "context"; }
    std::string_view operator()(const SourceGit&) const { return "git"; }
    std::string_view operator()(const SourceHttp&) const { return "http"; }
    std::string_view operator()(const Exec&) const { return "exec"; }
    std::string_view operator()(const Copy& copy) const { return copy.is_add ? "add" : "copy"; }
    std::string_view operator()(const MakeDir&) const { return "mkdir"; }
  };
  return std::visit(Kinds{}, op);
}

void write_stages(const Plan& plan, std::string& out) {
  out += "stages:\n";
  std::size_t width = 0;
  for (const PlannedStage& stage : plan.stages) {
    width = std::max(width, stage.name.size());
  }
  for (const PlannedStage& stage : plan.stages) {
    out += cat("  ", stage.name, std::string(width - stage.name.size() + 2, ' '), "FROM ",
               stage.base, " (", lines_text(stage.lines), ")",
               stage.needed ? "\n" : " - skipped: the target does not need it\n");
  }
}

void write_target(const Target& target, std::string& out) {
  std::size_t layers = 0;
  for (const PlannedHistory& entry : target.history) {
    layers += entry.layer ? 1 : 0;
  }
  out += cat("\ntarget ", target_name(target), " for ", target.platform.text(), ": ",
             target.state ? cat("#", index_of(*target.state)) : "an empty file system", ", ",
             layers, layers == 1 ? " layer" : " layers", " made here\n");
  for (const PlannedHistory& entry : target.history) {
    std::string_view text = entry.entry.created_by;
    std::size_t end = text.find('\n');
    out += cat("  ", entry.layer ? cat("#", index_of(*entry.layer)) : "-", "  ",
               text.substr(0, end), end == std::string_view::npos ? "" : "...", "\n");
  }
}

// A step's name as a box holds it: one line, digests at a glance, no longer than a hand is wide.
// The whole of it is the box's tooltip.
std::string box_text(std::string_view name) {
  constexpr std::size_t kCharactersMax = 56;
  constexpr std::string_view kDigest = "@sha256:";
  constexpr std::size_t kDigitsShown = 12;
  std::string text;
  std::size_t characters = 0;
  bool after_space = false;
  for (std::size_t at = 0; at < name.size();) {
    if (name.substr(at).starts_with(kDigest)) {
      std::size_t end = name.find_first_not_of("0123456789abcdef", at + kDigest.size());
      text += name.substr(at, kDigest.size() + kDigitsShown);
      characters += kDigest.size() + kDigitsShown;
      at = std::min(end, name.size());
      continue;
    }
    if (characters >= kCharactersMax) {
      return text + "…";
    }
    parser::Decoded next = parser::decode_utf8(name, at);
    bool is_space = next.character <= U' ';
    if (!is_space || !after_space) {
      text += is_space ? std::string_view(" ") : name.substr(at, next.size);
      ++characters;
    }
    after_space = is_space;
    at += next.size;
  }
  return text;
}

// In double quotes as Graphviz reads them.
std::string dot_text(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

class DotWriter {
 public:
  explicit DotWriter(const Plan& plan) : plan_(plan), graph_(plan.graph) {}

  std::string write() {
    out_ =
        "digraph plan {\n  rankdir=TB;\n  newrank=true;\n  fontname=\"sans\";\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans\", "
        "fontsize=11];\n"
        "  edge [color=\"#555555\"];\n";
    write_stages();
    for (std::size_t i = 0; i < graph_.vertices.size(); ++i) {
      if (clustered_.count(i) == 0) {
        write_vertex(i, "  ");
      }
    }
    write_edges();
    write_rounds();
    return out_ + "}\n";
  }

 private:
  void write_stages() {
    std::map<std::string_view, std::vector<std::size_t>> steps;
    for (std::size_t i = 0; i < graph_.vertices.size(); ++i) {
      const std::string& stage = graph_.vertices[i].meta.stage;
      if (!stage.empty()) {
        steps[stage].push_back(i);
        clustered_.emplace(i, true);
      }
    }
    for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
      const PlannedStage& stage = plan_.stages[i];
      out_ += cat("  subgraph cluster_", i, " {\n    label=", dot_text(stage.name),
                  ";\n    style=\"rounded,filled\";\n    color=\"#b8c4d0\";\n    "
                  "fillcolor=\"#eef3f8\";\n");
      if (!stage.needed) {
        out_ += cat("    style=\"rounded,dashed\";\n    skipped_", i,
                    " [label=", dot_text(cat("FROM ", stage.base, "\nskipped")),
                    ", style=\"rounded,dashed\", fontcolor=\"#777777\"];\n");
      } else {
        // Two stages of one name share a cluster: the steps are in the first.
        for (std::size_t step : std::exchange(steps[stage.name], {})) {
          write_vertex(step, "    ");
        }
      }
      out_ += "  }\n";
    }
    for (const auto& [name, rest] : steps) {
      for (std::size_t step : rest) {
        write_vertex(step, "  ");
      }
    }
  }

  void write_vertex(std::size_t index, std::string_view indentation) {
    const Vertex& vertex = graph_.vertices[index];
    out_ +=
        cat(indentation, "v", index, " [label=", dot_text(box_text(vertex.meta.name)),
            ", tooltip=", dot_text(vertex.meta.name),
            makes_state(vertex.op) ? "" : ", shape=folder, style=filled",
            std::holds_alternative<SourceImage>(vertex.op) ? ", shape=cylinder, style=filled" : "",
            "];\n");
  }

  void write_edges() {
    for (std::size_t i = 0; i < graph_.vertices.size(); ++i) {
      for (VertexId input : inputs_of(graph_.vertices[i])) {
        bool is_base = graph_.vertices[i].base == input;
        out_ += cat("  v", index_of(input), " -> v", i, is_base ? "" : " [style=dotted]", ";\n");
      }
    }
    for (std::size_t i = 0; i < graph_.targets.size(); ++i) {
      const Target& target = graph_.targets[i];
      out_ += cat("  target_", i, " [shape=doubleoctagon, label=",
                  dot_text(cat(target_name(target), "\n", target.platform.text())), "];\n");
      if (target.state) {
        out_ += cat("  v", index_of(*target.state), " -> target_", i, ";\n");
      }
    }
  }

  void write_rounds() {
    for (const std::vector<std::size_t>& round : by_round(graph_)) {
      out_ += "  { rank=same;";
      for (std::size_t vertex : round) {
        out_ += cat(" v", vertex, ";");
      }
      out_ += " }\n";
    }
  }

  const Plan& plan_;
  const Graph& graph_;
  std::string out_;
  std::map<std::size_t, bool> clustered_;
};

Json lines_json(const SourceLines& lines) {
  return {{"first", lines.first}, {"last", lines.last}};
}

Json vertices_json(const Graph& graph) {
  std::vector<std::size_t> rounds = rounds_of(graph);
  Json vertices = Json::array();
  for (std::size_t i = 0; i < graph.vertices.size(); ++i) {
    const Vertex& vertex = graph.vertices[i];
    Json one = {{"id", i}, {"kind", kind_of(vertex.op)}, {"name", vertex.meta.name}};
    if (!vertex.meta.stage.empty()) {
      one["stage"] = vertex.meta.stage;
    }
    one["round"] = rounds[i];
    one["inputs"] = Json::array();
    for (VertexId input : inputs_of(vertex)) {
      one["inputs"].push_back(index_of(input));
    }
    if (vertex.base) {
      one["base"] = index_of(*vertex.base);
    }
    for (const SourceLines& lines : vertex.meta.lines) {
      one["lines"].push_back(lines_json(lines));
    }
    vertices.push_back(std::move(one));
  }
  return vertices;
}

Json targets_json(const Graph& graph) {
  Json targets = Json::array();
  for (const Target& target : graph.targets) {
    Json one = {{"stage", target.stage}, {"platform", target.platform.text()}};
    if (target.state) {
      one["vertex"] = index_of(*target.state);
    }
    one["history"] = Json::array();
    for (const PlannedHistory& entry : target.history) {
      Json step = {{"createdBy", entry.entry.created_by}};
      if (entry.layer) {
        step["vertex"] = index_of(*entry.layer);
      }
      one["history"].push_back(std::move(step));
    }
    targets.push_back(std::move(one));
  }
  return targets;
}

}  // namespace

std::string plan_text(const Plan& plan) {
  std::string out;
  write_stages(plan, out);
  std::size_t number = 0;
  for (const std::vector<std::size_t>& round : by_round(plan.graph)) {
    ++number;
    out += cat("\nround ", number,
               round.size() == 1 ? ":\n" : cat(" (", round.size(), " side by side):\n"));
    for (std::size_t index : round) {
      const Vertex& vertex = plan.graph.vertices[index];
      out += cat("  #", index, "  ", vertex.meta.name);
      std::string after;
      for (VertexId input : inputs_of(vertex)) {
        after += cat(after.empty() ? "" : ", ", "#", index_of(input));
      }
      out += after.empty() ? "\n" : cat("  (after ", after, ")\n");
    }
  }
  for (const Target& target : plan.graph.targets) {
    write_target(target, out);
  }
  return out;
}

std::string plan_dot(const Plan& plan) {
  return DotWriter(plan).write();
}

std::string plan_json(const Plan& plan) {
  Json document;
  document["stages"] = Json::array();
  for (const PlannedStage& stage : plan.stages) {
    document["stages"].push_back({{"name", stage.name},
                                  {"named", stage.named},
                                  {"base", stage.base},
                                  {"lines", lines_json(stage.lines)},
                                  {"needed", stage.needed}});
  }
  document["vertices"] = vertices_json(plan.graph);
  document["targets"] = targets_json(plan.graph);
  document["unusedBuildArgs"] = plan.unused_build_args;
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace slipway::builder
