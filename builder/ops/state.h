#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/content/ids.h"

namespace slipway::builder {

// One layer of a state. A layer that was made here is named by its content in the keys of later
// steps, so that a step that runs again and makes the same files leaves everything after it cached;
// one that was received is named by its diff ID, which is known without having the bytes.
struct LayerRef {
  cache::DiffId diff_id;
  std::optional<cache::ContentId> content_id;  // present: made here
  friend bool operator==(const LayerRef&, const LayerRef&) = default;
};

// A stack of layers. Each step has one of its own, one layer higher than that of the step before:
// they share what they have in common, so that a thousand steps do not hold half a million layers.
// A value: copies are cheap and independent, and may be used from any thread.
class State {
 public:
  State() = default;                                    // an empty file system
  explicit State(const std::vector<LayerRef>& layers);  // base first

  void push(LayerRef layer);

  bool empty() const { return top_ == nullptr; }
  std::size_t size() const;
  std::vector<LayerRef> layers() const;  // base first
  const LayerRef& top() const;           // precondition: not empty (asserted)

  // What a key holds of an input state: a digest of the names of all its layers, in their order.
  std::string chain() const;

  friend bool operator==(const State& left, const State& right);

 private:
  struct Layer;
  std::shared_ptr<Layer> top_;
};

}  // namespace slipway::builder
