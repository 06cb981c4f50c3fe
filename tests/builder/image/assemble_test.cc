#include "builder/image/assemble.h"

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

registry::History made_at(std::int64_t seconds) {
  return {.created = base::Timestamp{seconds, 0}};
}

std::vector<std::int64_t> times(const std::vector<registry::History>& history) {
  std::vector<std::int64_t> out;
  for (const registry::History& entry : history) {
    out.push_back(entry.created ? entry.created->seconds : -1);
  }
  return out;
}

TEST(SetHistoryTimes, EntriesWithoutLayerTakeTheTimeOfTheLayerBeforeThem) {
  std::vector<registry::History> history = {made_at(10), {}, made_at(20), {}, {}, made_at(30), {}};
  set_history_times(history, 1);
  EXPECT_EQ(times(history), (std::vector<std::int64_t>{10, 20, 20, 20, 20, 30, 30}));
}

TEST(SetHistoryTimes, WithoutNewLayersTheLastKnownTimeStands) {
  std::vector<registry::History> history = {made_at(10), {}, {}};
  set_history_times(history, 1);
  EXPECT_EQ(times(history), (std::vector<std::int64_t>{10, 10, 10}));
}

TEST(SetHistoryTimes, NothingIsKnownOfAnEmptyImage) {
  std::vector<registry::History> history = {{}, {}};
  set_history_times(history, 0);
  EXPECT_EQ(times(history), (std::vector<std::int64_t>{-1, -1}));
}

VertexResult result_with(const std::string& layer, std::int64_t seconds) {
  VertexResult result;
  result.state.push({cache::DiffId(base::sha256_of(layer)), std::nullopt});
  result.created = base::Timestamp{seconds, 5};
  return result;
}

Graph graph_of_one_step() {
  Graph graph;
  graph.vertices.push_back({Copy{}, std::nullopt, {}});
  return graph;
}

TEST(Assemble, KnowsWhatIsTheBases) {
  ResolvedImage image_below{.reference = *registry::Reference::parse("below"),
                            .config_digest = base::sha256_of("config")};
  image_below.layers.resize(3, {base::sha256_of("layer"), std::nullopt});
  Graph graph;
  graph.vertices.push_back(
      {SourceImage{std::make_shared<ResolvedImage>(image_below)}, std::nullopt, {}});
  graph.vertices.push_back({Copy{}, VertexId(0), {}});
  Target target;
  target.config.platform = registry::host_platform();
  target.state = VertexId(1);
  target.base_history = {made_at(10), made_at(20)};
  SolveResults results(2);
  results[1] = result_with("one", 100);
  AssembledImage image = assemble(graph, target, results);
  EXPECT_EQ(image.base_layers, 3U);
  EXPECT_EQ(image.base_history, 2U);
}

TEST(Assemble, PutsLayersAndTimesIntoTheConfig) {
  Target target;
  target.platform = registry::host_platform();
  target.config.platform = target.platform;
  target.state = VertexId(0);
  target.history = {{{.created_by = "RUN x"}, VertexId(0)},
                    {{.created_by = "CMD y", .empty_layer = true}, std::nullopt}};
  SolveResults results;
  results.push_back(result_with("one", 100));
  AssembledImage image = assemble(graph_of_one_step(), target, results);
  EXPECT_EQ(image.layers.size(), 1U);
  EXPECT_EQ(image.config.created, (base::Timestamp{100, 5}));
  EXPECT_EQ(image.config.history[1].created, (base::Timestamp{100, 5}));
  EXPECT_EQ(image.id, base::sha256_of(image.config_bytes));
  registry::ImageConfig read = registry::parse_image_config(image.config_bytes, "config");
  EXPECT_EQ(read.diff_ids, image.layers);
}

TEST(Assemble, SourceDateEpochIsTheTimeOfAllNewEntries) {
  Target target;
  target.config.platform = registry::host_platform();
  target.state = VertexId(0);
  target.source_date_epoch = 42;
  target.base_history = {made_at(10)};
  target.history = {{{.created_by = "RUN x"}, VertexId(0)}};
  SolveResults results;
  results.push_back(result_with("one", 100));
  AssembledImage image = assemble(graph_of_one_step(), target, results);
  EXPECT_EQ(times(image.config.history), (std::vector<std::int64_t>{10, 42}));
  EXPECT_EQ(image.config.created, (base::Timestamp{42, 0}));
}

}  // namespace
}  // namespace slipway::builder
