#include "builder/ops/layer_forms.h"

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

// base <- copy <- run <- last, with another copy that only `run` mounts.
Graph small_graph() {
  Graph graph;
  graph.vertices.push_back({Copy{}, std::nullopt, {}});
  graph.vertices.push_back({Copy{}, VertexId(0), {}});
  graph.vertices.push_back({Copy{}, std::nullopt, {}});
  Exec run;
  run.mounts.push_back({.target = "/m", .from = VertexId(2)});
  graph.vertices.push_back({run, VertexId(1), {}});
  graph.vertices.push_back({Copy{}, VertexId(3), {}});
  Target target;
  target.state = VertexId(4);
  graph.targets.push_back(target);
  return graph;
}

TEST(LayerForms, WhatARunMountsIsATree) {
  Graph graph = small_graph();
  LayerForms forms(graph, std::nullopt);
  for (std::size_t mounted : {0U, 1U, 2U}) {
    EXPECT_EQ(forms.of(graph.vertices[mounted]).form, LayerForm::kTree) << mounted;
  }
}

TEST(LayerForms, WhatNobodyMountsIsKeptInTheCheapestForm) {
  Graph graph = small_graph();
  EXPECT_EQ(LayerForms(graph, std::nullopt).of(graph.vertices[4]).form, LayerForm::kTar);
}

TEST(LayerForms, WhatAnOutputCompressesIsCompressedAtOnce) {
  Graph graph = small_graph();
  LayerForms forms(graph, base::CompressOptions{.compression = base::Compression::kZstd});
  EXPECT_EQ(forms.of(graph.vertices[4]).form, LayerForm::kBlob);
  EXPECT_EQ(forms.of(graph.vertices[4]).compress.compression, base::Compression::kZstd);
  EXPECT_EQ(forms.of(graph.vertices[0]).form, LayerForm::kTree);
}

}  // namespace
}  // namespace slipway::builder
