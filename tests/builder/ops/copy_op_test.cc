// How often COPY reads the files of a context.
#include <atomic>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "builder/context/context_view.h"
#include "builder/ops/services.h"
#include "cache/store.h"

namespace slipway::builder {
namespace {

class CountingView : public ContextView {
 public:
  using ContextView::ContextView;
  std::unique_ptr<base::Source> open(const Entry& file) const override {
    ++opened;
    return ContextView::open(file);
  }
  mutable std::atomic<int> opened = 0;
};

class CopyOpTest : public testing::Test {
 protected:
  CopyOpTest() {
    base::ensure_directory(folder_.path() + "/context", 0755);
    base::Fd context = base::open_directory(folder_.path() + "/context");
    for (const char* name : {"a", "b", "c"}) {
      base::write_file_atomically(context, name, name);
    }
    services_.store = &store_;
    services_.layers = &layers_;
    services_.clock = &clock_;
    services_.form_of = [](const Vertex&) { return StoreForm{}; };
  }

  // COPY . / with nothing known of the files; how often they were opened for the key, and for all.
  struct Opened {
    int for_key = 0;
    int in_all = 0;
    StepOutcome outcome;
  };
  Opened copy() {
    auto view = std::make_shared<CountingView>(ContextOptions{folder_.path() + "/context", {}, {}});
    VertexResult context;
    context.files = view;
    Copy copy{.sources = {{.from = VertexId(0), .pattern = "/"}}, .destination = "/"};
    Vertex vertex{copy, std::nullopt, {.name = "COPY . /"}};
    std::unique_ptr<Op> op = make_copy_op(std::get<Copy>(vertex.op), services_);
    OpInputs inputs{&vertex, {VertexId(0)}, {&context}};
    parts_ = op->source_parts(inputs, Op::Reading::kFirst, {});
    int for_key = view->opened;
    StepOutcome outcome = op->run(inputs, [](std::string_view) {}, {});
    return {for_key, view->opened, std::move(outcome)};
  }

  void keep_record(const StepOutcome& outcome) {
    cache::Batch rows = outcome.rows;
    rows.records.push_back({.key = cache::StepKey(base::sha256_of("key")),
                            .diff_id = outcome.layer.diff_id,
                            .content_id = outcome.layer.content_id,
                            .created = {},
                            .duration_ns = 1,
                            .log_blob = std::nullopt,
                            .family = "COPY . /",
                            .parts = {}});
    store_.commit(rows);
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  cache::Store store_{folder_.path() + "/store"};
  LayerStore layers_{store_, {}};
  base::SystemClock clock_;
  OpServices services_{};
  std::vector<KeyPart> parts_;
};

TEST_F(CopyOpTest, ReadsEachFileOnceWhereTheStepIsNew) {
  EXPECT_EQ(copy().in_all, 3);
}

TEST_F(CopyOpTest, WritesNothingForTheKeyWhereTheStepMayBeKnown) {
  Opened first = copy();
  std::vector<KeyPart> parts = parts_;
  keep_record(first.outcome);
  Opened second = copy();
  EXPECT_EQ(second.for_key, 3);
  EXPECT_EQ(second.in_all, 6);
  EXPECT_EQ(parts_, parts);
  EXPECT_EQ(second.outcome.layer, first.outcome.layer);
}

}  // namespace
}  // namespace slipway::builder
