#include "builder/ops/services.h"

#include "base/error.h"

namespace slipway::builder {

std::vector<cache::DiffId> diff_ids_of(const State& state) {
  std::vector<cache::DiffId> ids;
  for (const LayerRef& layer : state.layers) {
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
    std::unique_ptr<Op> operator()(const SourceGit&) {
      base::fail(base::ErrorKind::kInput, "git sources are not supported by this version",
                 "clone the repository and copy from the build context");
    }
    std::unique_ptr<Op> operator()(const SourceHttp&) {
      base::fail(base::ErrorKind::kInput, "remote URLs are not supported by this version",
                 "download the file and copy it from the build context");
    }
  };
  return std::visit(Maker{services_}, vertex.op);
}

}  // namespace slipway::builder
