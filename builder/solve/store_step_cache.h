#pragma once

#include "builder/solve/step_cache.h"
#include "cache/store.h"

namespace slipway::builder {

// Records in the store. The family of a record is the vertex's name, so that a miss finds what the
// same step was before.
class StoreStepCache : public StepCache {
 public:
  // The store outlives this.
  explicit StoreStepCache(cache::Store& store) : store_(&store) {}

  std::optional<RememberedStep> find(const cache::StepKey& key) override;
  void keep(const cache::StepKey& key, const RememberedStep& step, const std::string& vertex_name,
            cache::Batch rows) override;
  void keep_unrecorded(cache::Batch rows) override;
  bool knows_outline(const cache::StepKey& outline) override;
  std::optional<std::string> find_parts_by_name(const std::string& vertex_name) override;
  std::unique_ptr<Claim> claim(const cache::StepKey& key, std::stop_token stop) override;
  std::unique_ptr<Claim> try_claim(const cache::StepKey& key) override;

 private:
  cache::Store* store_;
};

}  // namespace slipway::builder
