#include "builder/ops/exec_output.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/compress.h"
#include "base/fs.h"
#include "cache/store.h"

namespace slipway::builder {
namespace {

TEST(Mask, ReplacesSecretsAndKeepsBackWhatMayBecomeOne) {
  std::vector<std::string> secrets = {"hunter2"};
  EXPECT_EQ(mask("the hunter2 is hunter2", secrets).text, "the *** is ***");
  MaskedText cut = mask("say hunt", secrets);
  EXPECT_EQ(cut.text, "say ");
  EXPECT_EQ(cut.keep, 4U);
  EXPECT_EQ(mask("nothing here", secrets).keep, 0U);
}

struct Collected {
  std::string seen;
  std::string logged;
};

// Writes the pieces as a step would and gives what was shown and what was kept.
Collected collect(const std::vector<std::string>& pieces, const std::vector<std::string>& secrets) {
  base::TempDir folder("/tmp", "slipway-test-");
  cache::Store store(folder.path() + "/store");
  Collected result;
  ExecOutput output(store, [&](std::string_view bytes) { result.seen += bytes; }, secrets);
  for (const std::string& piece : pieces) {
    EXPECT_EQ(::write(output.descriptor(), piece.data(), piece.size()),
              static_cast<ssize_t>(piece.size()));
  }
  std::optional<base::Digest> log = output.finish();
  if (log) {
    base::DetectedSource plain = base::open_decompressed(store.blobs().open(*log), "log");
    result.logged = base::read_all(*plain.plain, 1 << 20, "log");
  }
  return result;
}

TEST(ExecOutput, KeepsTheWholeLogAndShowsItAsItComes) {
  Collected result = collect({"one\n", "two\n"}, {});
  EXPECT_EQ(result.seen, "one\ntwo\n");
  EXPECT_EQ(result.logged, result.seen);
}

TEST(ExecOutput, AStepThatPrintsNothingHasNoLog) {
  EXPECT_EQ(collect({}, {}).logged, "");
}

TEST(ExecOutput, SecretsReachNeitherScreenNorLog) {
  Collected result = collect({"token=hun", "ter2 and a hunter", "\n"}, {"hunter2"});
  EXPECT_EQ(result.seen, "token=*** and a hunter\n");
  EXPECT_EQ(result.logged, result.seen);
}

}  // namespace
}  // namespace slipway::builder
