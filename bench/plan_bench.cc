// Parsing and planning: the time per instruction must not grow with the file.

#include <string>

#include <benchmark/benchmark.h>

#include "builder/plan/plan.h"

namespace {

using slipway::builder::ResolvedImage;

// Every image is there and has one layer.
class AnyImage : public slipway::builder::ImageResolver {
 public:
  ResolvedImage resolve(const slipway::registry::Reference& reference,
                        const slipway::registry::Platform& platform, std::stop_token) override {
    ResolvedImage image{.reference = reference,
                        .config_digest = slipway::base::sha256_of(reference.canonical()),
                        .manifest_digest = {},
                        .config = {},
                        .layers = {}};
    image.config.platform = platform;
    image.layers.push_back({.diff_id = image.config_digest, .blob = {}});
    return image;
  }
};

// Stages that continue, copy from and mount each other, twenty instructions each.
std::string stages_text(std::int64_t stages) {
  std::string text;
  for (std::int64_t stage = 0; stage < stages; ++stage) {
    std::string number = std::to_string(stage);
    std::string previous = "s" + std::to_string(stage - 1);
    text += "FROM " + (stage % 10 == 0 ? std::string("debian:12") : previous) + " AS s" + number +
            "\nARG VERSION" + number + "=1.2." + number + "\nENV HOME" + number + "=/opt/$VERSION" +
            number + "\nWORKDIR /work/" + number + "\n";
    for (int step = 0; step < 4; ++step) {
      text += "COPY --chown=1:2 a b c /work/$HOME" + number + "/\nRUN make -j4 && make install " +
              std::to_string(step) + "\nLABEL l" + std::to_string(step) + "=$HOME" + number + "\n";
    }
    if (stage > 0) {
      text += "COPY --from=" + previous + " /out /in\nRUN --mount=from=" + previous +
              ",target=/p --mount=type=cache,target=/root/.cache cmd\n";
    }
    text += "EXPOSE 80\nCMD [\"run\"]\n";
  }
  return text;
}

void plan_file(benchmark::State& state) {
  std::string text = stages_text(state.range(0));
  AnyImage images;
  for (auto _ : state) {
    auto plan = slipway::builder::make_plan(text, {}, images);
    if (!plan) {
      state.SkipWithError(plan.error().message.c_str());
      return;
    }
    benchmark::DoNotOptimize(plan);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * 20);
}
// A thousand, ten thousand and a hundred thousand instructions.
BENCHMARK(plan_file)->Arg(50)->Arg(500)->Arg(5000)->Unit(benchmark::kMillisecond);

}  // namespace
