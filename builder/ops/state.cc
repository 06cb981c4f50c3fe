#include "builder/ops/state.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/digest.h"
#include "base/text.h"

namespace slipway::builder {

// Never changed once a state has it.
struct State::Layer {
  Layer(LayerRef own, std::shared_ptr<Layer> lower)
      : layer(std::move(own)), below(std::move(lower)), count(below ? below->count + 1 : 1) {
    std::string name = layer.content_id ? base::cat("content ", layer.content_id->text())
                                        : base::cat("diff ", layer.diff_id.text());
    chain = base::sha256_of(base::cat(below ? below->chain.text() : "scratch", "\n", name, "\n"));
  }
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  // One after the other and not each from within the one above: a stack may be higher than a
  // thread's stack is deep. Who holds the last reference is alone with it.
  ~Layer() {
    std::shared_ptr<Layer> next = std::move(below);
    while (next != nullptr && next.use_count() == 1) {
      next = std::exchange(next->below, nullptr);
    }
  }

  LayerRef layer;
  std::shared_ptr<Layer> below;  // null: the base
  std::size_t count;
  base::Digest chain = base::sha256_of("");
};

State::State(const std::vector<LayerRef>& layers) {
  for (const LayerRef& layer : layers) {
    push(layer);
  }
}

void State::push(LayerRef layer) {
  top_ = std::make_shared<Layer>(std::move(layer), std::move(top_));
}

std::size_t State::size() const {
  return top_ ? top_->count : 0;
}

std::vector<LayerRef> State::layers() const {
  std::vector<LayerRef> layers;
  layers.reserve(size());
  for (const Layer* layer = top_.get(); layer != nullptr; layer = layer->below.get()) {
    layers.push_back(layer->layer);
  }
  std::reverse(layers.begin(), layers.end());
  return layers;
}

const LayerRef& State::top() const {
  assert(!empty());
  return top_->layer;
}

std::string State::chain() const {
  return top_ ? top_->chain.text() : "scratch";
}

bool operator==(const State& left, const State& right) {
  return left.top_ == right.top_ || left.layers() == right.layers();
}

}  // namespace slipway::builder
