#pragma once

// From a target of the graph and the results of its steps to the image's config: layers in order,
// history with its times.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "builder/plan/graph.h"
#include "builder/solve/solver.h"
#include "registry/oci/image_config.h"

namespace slipway::builder {

// An image that was built: its config as bytes (whose digest is the image ID) and the diff IDs of
// its layers, base first.
struct AssembledImage {
  std::string config_bytes;
  base::Digest id;
  registry::ImageConfig config;
  std::vector<cache::DiffId> layers;
  // So many layers and history entries, the first ones, are the base image's.
  std::size_t base_layers = 0;
  std::size_t base_history = 0;
  std::optional<std::int64_t> source_date_epoch;
};

// Pure: the same target and results give the same bytes. Precondition: `results` has the results of
// the state of the target, which is one of the graph's, and of every vertex that its history names.
AssembledImage assemble(const Graph& graph, const Target& target, const SolveResults& results);

// The times of history entries (language reference, 10.3): an entry with a layer has its layer's
// time, others that of the nearest layer made before them in this build, those before the first one
// that of the first; where no layer is new, the last known time. `first_new` is where this build's
// entries begin; the base's keep what they have.
void set_history_times(std::vector<registry::History>& history, std::size_t first_new);

}  // namespace slipway::builder
