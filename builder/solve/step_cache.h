#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/time.h"
#include "builder/ops/op.h"
#include "cache/content/ids.h"

namespace slipway::builder {

// What is remembered of a step that was carried out.
struct RememberedStep {
  LayerRef layer;
  base::Timestamp created;
  std::int64_t duration_ns = 0;
  std::uint64_t layer_size_bytes = 0;
  std::optional<base::Digest> log;
  std::string parts;  // describe_parts()
};

// Where results of steps are found and kept. Thread-safe. The real one is the store (cache::Store);
// tests have one in memory.
class StepCache {
 public:
  virtual ~StepCache() = default;

  // Nothing if there is no record or if the layer that it names is not in the store any more.
  virtual std::optional<RememberedStep> find(const cache::StepKey& key) = 0;
  // `rows` are those of the step's layer, and its outline: they appear together with the record.
  virtual void keep(const cache::StepKey& key, const RememberedStep& step,
                    const std::string& vertex_name, cache::Batch rows) = 0;
  // A step's layer without a record: no other build finds it.
  virtual void keep_unrecorded(cache::Batch rows) = 0;
  // Whether a step with this outline was kept; may be true where it is not known.
  virtual bool knows_outline(const cache::StepKey& outline) = 0;
  // The parts of the newest record made under this vertex name; for explaining a miss.
  virtual std::optional<std::string> find_parts_by_name(const std::string& vertex_name) = 0;

  // While held, no other process or thread carries out a step with this key. Waits; kCancelled on a
  // stop.
  class Claim {
   public:
    virtual ~Claim() = default;
  };
  virtual std::unique_ptr<Claim> claim(const cache::StepKey& key, std::stop_token stop) = 0;
  // Null if somebody holds it.
  virtual std::unique_ptr<Claim> try_claim(const cache::StepKey& key) = 0;
};

}  // namespace slipway::builder
