#include "builder/solve/store_step_cache.h"

#include <span>

namespace slipway::builder {

std::optional<RememberedStep> StoreStepCache::find(const cache::StepKey& key) {
  std::optional<cache::StepRecord> record = store_->records().find(key);
  if (!record || !record->diff_id) {
    return std::nullopt;
  }
  // Held before it is used: a prune that runs now must not take it away.
  if (!store_->layers().hold(std::span(&*record->diff_id, 1)).empty()) {
    return std::nullopt;
  }
  std::optional<cache::LayerRow> layer = store_->layers().find(*record->diff_id);
  return RememberedStep{{*record->diff_id, record->content_id},
                        record->created,
                        record->duration_ns,
                        layer ? layer->tar_size : 0,
                        record->log_blob,
                        record->parts};
}

void StoreStepCache::keep(const cache::StepKey& key, const RememberedStep& step,
                          const std::string& vertex_name, cache::Batch rows) {
  rows.records.push_back({key, step.layer.diff_id, step.layer.content_id, step.created,
                          step.duration_ns, step.log, vertex_name, step.parts});
  store_->commit_soon(rows);
}

void StoreStepCache::keep_unrecorded(cache::Batch rows) {
  store_->commit_soon(rows);
}

bool StoreStepCache::knows_outline(const cache::StepKey& outline) {
  return store_->records().knows_outline(outline);
}

std::optional<std::string> StoreStepCache::find_parts_by_name(const std::string& vertex_name) {
  std::optional<cache::StepRecord> record = store_->records().find_latest(vertex_name);
  return record ? std::optional(record->parts) : std::nullopt;
}

namespace {

struct Held : StepCache::Claim {
  explicit Held(cache::StepLock held) : lock(std::move(held)) {}
  cache::StepLock lock;
};

}  // namespace

std::unique_ptr<StepCache::Claim> StoreStepCache::claim(const cache::StepKey& key,
                                                        std::stop_token stop) {
  return std::make_unique<Held>(store_->records().lock(key, std::move(stop)));
}

std::unique_ptr<StepCache::Claim> StoreStepCache::try_claim(const cache::StepKey& key) {
  std::optional<cache::StepLock> lock = store_->records().try_lock(key);
  return lock ? std::make_unique<Held>(*std::move(lock)) : nullptr;
}

}  // namespace slipway::builder
