#include "builder/image/assemble.h"

#include <algorithm>

namespace slipway::builder {

namespace {

base::Timestamp clamped(base::Timestamp time, const std::optional<std::int64_t>& epoch) {
  return epoch ? std::min(time, base::Timestamp{*epoch, 0}) : time;
}

registry::History history_entry(const PlannedHistory& planned, const Target& target,
                                const SolveResults& results) {
  registry::History entry = planned.entry;
  if (target.source_date_epoch) {
    entry.created = base::Timestamp{*target.source_date_epoch, 0};
  } else if (planned.layer) {
    entry.created = results[index_of(*planned.layer)]->created;
  }
  return entry;
}

std::optional<base::Timestamp> last_time(const std::vector<registry::History>& history) {
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    if (entry->created) {
      return entry->created;
    }
  }
  return std::nullopt;
}

// Of the image that the target's chain of stages begins with.
std::size_t base_layers(const Graph& graph, const Target& target) {
  std::optional<VertexId> id = target.state;
  while (id && graph.vertex(*id).base) {
    id = graph.vertex(*id).base;
  }
  const auto* image = id ? std::get_if<SourceImage>(&graph.vertex(*id).op) : nullptr;
  return image == nullptr ? 0 : image->image->layers.size();
}

}  // namespace

void set_history_times(std::vector<registry::History>& history, std::size_t first_new) {
  auto begin = history.begin() + static_cast<std::ptrdiff_t>(first_new);
  auto first_known = std::find_if(begin, history.end(),
                                  [](const auto& entry) { return entry.created.has_value(); });
  std::optional<base::Timestamp> time =
      first_known != history.end() ? first_known->created : last_time(history);
  for (auto entry = begin; entry != history.end(); ++entry) {
    if (entry->created) {
      time = entry->created;
    }
    entry->created = time;
  }
}

AssembledImage assemble(const Graph& graph, const Target& target, const SolveResults& results) {
  registry::ImageConfig config = target.config;
  config.history = target.base_history;
  for (const PlannedHistory& planned : target.history) {
    config.history.push_back(history_entry(planned, target, results));
  }
  set_history_times(config.history, target.base_history.size());
  if (std::optional<base::Timestamp> created = last_time(config.history)) {
    config.created = clamped(*created, target.source_date_epoch);
  }
  std::vector<cache::DiffId> layers;
  if (target.state) {
    for (const LayerRef& layer : results[index_of(*target.state)]->state.layers()) {
      layers.push_back(layer.diff_id);
    }
  }
  config.diff_ids = layers;
  std::string bytes = registry::serialise(config);
  base::Digest id = base::sha256_of(bytes);
  return {std::move(bytes),           std::move(id),
          std::move(config),          std::move(layers),
          base_layers(graph, target), target.base_history.size(),
          target.source_date_epoch};
}

}  // namespace slipway::builder
