// Vertices that bring something in: base images and local contexts.
#include "base/error.h"
#include "base/text.h"
#include "builder/ops/services.h"
#include "cache/store.h"

namespace slipway::builder {

namespace {

class ImageOp : public Op {
 public:
  ImageOp(const SourceImage& source, const OpServices& services)
      : source_(&source), services_(&services) {}
  bool is_step() const override { return false; }

  // Names only: no layer is fetched or unpacked before a step wants its files.
  VertexResult open(const OpInputs&, std::stop_token) override {
    VertexResult result;
    for (const ImageLayer& layer : source_->image->layers) {
      result.state.push(layer_ref(cache::DiffId(layer.diff_id)));
    }
    std::vector<cache::DiffId> ids = diff_ids_of(result.state);
    services_->store->layers().hold(ids);
    return result;
  }

 private:
  // A layer that was made in this store keeps the name by which the steps after it know it.
  LayerRef layer_ref(cache::DiffId diff_id) const {
    std::optional<cache::LayerRow> row = services_->store->layers().find(diff_id);
    bool made_here = row && row->canonical && row->content_id;
    return {std::move(diff_id), made_here ? row->content_id : std::nullopt};
  }

  const SourceImage* source_;  // owned by the graph
  const OpServices* services_;
};

class ContextOp : public Op {
 public:
  ContextOp(const SourceContext& source, const OpServices& services)
      : source_(&source), services_(&services) {}
  bool is_step() const override { return false; }

  VertexResult open(const OpInputs&, std::stop_token) override {
    auto found = services_->contexts.find(source_->name);
    if (found == services_->contexts.end()) {
      base::fail(base::ErrorKind::kInput,
                 base::cat("there is no build context ", base::quote(source_->name)),
                 "give the folder with the files as the last argument of 'slipway build'");
    }
    VertexResult result;
    result.files = found->second;
    return result;
  }

 private:
  const SourceContext* source_;  // owned by the graph
  const OpServices* services_;
};

}  // namespace

std::unique_ptr<Op> make_image_op(const SourceImage& source, const OpServices& services) {
  return std::make_unique<ImageOp>(source, services);
}

std::unique_ptr<Op> make_context_op(const SourceContext& source, const OpServices& services) {
  return std::make_unique<ContextOp>(source, services);
}

}  // namespace slipway::builder
