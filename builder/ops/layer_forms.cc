#include "builder/ops/layer_forms.h"

namespace slipway::builder {

LayerForms::LayerForms(const Graph& graph, std::optional<base::CompressOptions> compress)
    : graph_(&graph),
      compress_(std::move(compress)),
      mounted_(graph.vertices.size(), false),
      exported_(graph.vertices.size(), false) {
  for (const Vertex& vertex : graph.vertices) {
    if (const auto* exec = std::get_if<Exec>(&vertex.op)) {
      mark_stack(mounted_, vertex.base);
      for (const ExecMount& mount : exec->mounts) {
        mark_stack(mounted_, mount.from);
      }
    }
  }
  for (const Target& target : graph.targets) {
    mark_stack(exported_, target.state);
  }
}

// The vertex and all that it builds on. A marked one has its whole stack marked already, which
// keeps this linear.
void LayerForms::mark_stack(std::vector<bool>& marks, std::optional<VertexId> top) const {
  for (std::optional<VertexId> id = top; id && !marks[index_of(*id)];
       id = graph_->vertex(*id).base) {
    marks[index_of(*id)] = true;
  }
}

StoreForm LayerForms::of(const Vertex& vertex) const {
  std::size_t index = static_cast<std::size_t>(&vertex - graph_->vertices.data());
  if (mounted_[index]) {
    return {LayerForm::kTree, {}};
  }
  if (compress_ && exported_[index]) {
    return {LayerForm::kBlob, *compress_};
  }
  return {LayerForm::kTar, {}};
}

}  // namespace slipway::builder
