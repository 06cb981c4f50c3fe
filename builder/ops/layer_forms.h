#pragma once

#include <optional>
#include <vector>

#include "base/compress.h"
#include "builder/layer/layer_store.h"
#include "builder/plan/graph.h"

namespace slipway::builder {

// In which form each new layer of a graph is kept (design, section 4): as a tree if a RUN will
// mount it, compressed at once if it goes into an output that wants it so, else as the plain tar,
// which is the cheapest to make.
class LayerForms {
 public:
  // `compress`: how an output wants the targets' layers; nothing: no output compresses. The graph
  // outlives this.
  LayerForms(const Graph& graph, std::optional<base::CompressOptions> compress);
  // Precondition: a vertex of the graph.
  StoreForm of(const Vertex& vertex) const;

 private:
  void mark_stack(std::vector<bool>& marks, std::optional<VertexId> top) const;

  const Graph* graph_;
  std::optional<base::CompressOptions> compress_;
  std::vector<bool> mounted_;
  std::vector<bool> exported_;
};

}  // namespace slipway::builder
