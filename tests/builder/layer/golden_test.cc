// testdata/layer/<case>: the files of a layer, a line each as tests::entries_of has them, and the
// layer that they must give. Digests are what builds of other days and machines know a layer by:
// if one of these moves, so do all of theirs.

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"
#include "tests/support/corpora.h"

namespace slipway::builder {
namespace {

TEST(LayerGolden, EveryCaseGivesTheExpectedLayer) {
  std::vector<std::string> folders = slipway::tests::golden_cases("layer");
  EXPECT_FALSE(folders.empty());
  for (const std::string& folder : folders) {
    std::string files = slipway::tests::read_text_file(folder + "/files.txt");
    WrittenLayer layer = tests::layer_of(files);
    slipway::tests::expect_golden(
        folder + "/layer.txt", base::cat("diff ID    ", layer.diff_id.text(), "\ncontent ID ",
                                         layer.content_id.text(), "\ntar        ", layer.tar_size,
                                         " bytes\nindex      ", layer.index.bytes().size(),
                                         " bytes, ", base::sha256_of(layer.index.bytes()).text(),
                                         "\n\n", tests::listing(layer.index)));
  }
}

}  // namespace
}  // namespace slipway::builder
