#include "builder/ops/services.h"

namespace slipway::builder {

std::vector<cache::DiffId> diff_ids_of(const State& state) {
  std::vector<cache::DiffId> ids;
  for (const LayerRef& layer : state.layers()) {
    ids.push_back(layer.diff_id);
  }
  return ids;
}

std::shared_ptr<const TreeView> files_of(const VertexResult& result, const OpServices& services,
                                         std::stop_token stop) {
  if (result.files != nullptr) {
    return result.files;
  }
  return services.layers->view(diff_ids_of(result.state), std::move(stop));
}

std::unique_ptr<Op> StandardOps::make(const Vertex& vertex) {
  struct Maker {
    const OpServices& services;
    std::unique_ptr<Op> operator()(const SourceImage& source) {
      return make_image_op(source, services);
    }
    std::unique_ptr<Op> operator()(const SourceContext& source) {
      return make_context_op(source, services);
    }
    std::unique_ptr<Op> operator()(const Exec& exec) { return make_exec_op(exec, services); }
    std::unique_ptr<Op> operator()(const Copy& copy) { return make_copy_op(copy, services); }
    std::unique_ptr<Op> operator()(const MakeDir& make_dir) {
      return make_directory_op(make_dir, services);
    }
    std::unique_ptr<Op> operator()(const SourceGit& source) {
      return make_git_op(source, services);
    }
    std::unique_ptr<Op> operator()(const SourceHttp& source) {
      return make_http_op(source, services);
    }
  };
  return std::visit(Maker{services_}, vertex.op);
}

}  // namespace slipway::builder
