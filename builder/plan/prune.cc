#include "builder/plan/prune.h"

#include <utility>

namespace slipway::builder {

namespace {

// Inputs come first, so one pass from the end reaches everything.
std::vector<bool> needed_vertices(const Graph& graph) {
  std::vector<bool> needed(graph.vertices.size(), false);
  for (const Target& target : graph.targets) {
    if (target.state) {
      needed[index_of(*target.state)] = true;
    }
    for (const PlannedHistory& entry : target.history) {
      if (entry.layer) {
        needed[index_of(*entry.layer)] = true;
      }
    }
  }
  for (std::size_t i = graph.vertices.size(); i-- > 0;) {
    if (needed[i]) {
      for (VertexId input : inputs_of(graph.vertices[i])) {
        needed[index_of(input)] = true;
      }
    }
  }
  return needed;
}

class Renumbering {
 public:
  explicit Renumbering(const std::vector<bool>& needed) : places_(needed.size()) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < needed.size(); ++i) {
      places_[i] = static_cast<VertexId>(next);
      next += needed[i] ? 1 : 0;
    }
  }

  void apply(std::optional<VertexId>& id) const {
    if (id) {
      id = places_[index_of(*id)];
    }
  }

  void apply(Vertex& vertex) const {
    apply(vertex.base);
    if (auto* exec = std::get_if<Exec>(&vertex.op)) {
      for (ExecMount& mount : exec->mounts) {
        apply(mount.from);
      }
    } else if (auto* copy = std::get_if<Copy>(&vertex.op)) {
      for (CopySource& source : copy->sources) {
        apply(source.from);
      }
    }
  }

 private:
  std::vector<VertexId> places_;
};

}  // namespace

void prune(Graph& graph) {
  std::vector<bool> needed = needed_vertices(graph);
  Renumbering renumbering(needed);
  std::vector<Vertex> kept;
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) {
      renumbering.apply(graph.vertices[i]);
      kept.push_back(std::move(graph.vertices[i]));
    }
  }
  graph.vertices = std::move(kept);
  for (Target& target : graph.targets) {
    renumbering.apply(target.state);
    for (PlannedHistory& entry : target.history) {
      renumbering.apply(entry.layer);
    }
  }
}

}  // namespace slipway::builder
