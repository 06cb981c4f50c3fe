// Dockerfile lines and ignore decisions per second.

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "parser/ignore.h"
#include "parser/parser.h"

namespace {

void parse_file(benchmark::State& state) {
  std::string text = "FROM debian:12 AS build\n";
  for (int count = 0; count < state.range(0); ++count) {
    text += "RUN --mount=type=cache,target=/root/.cache make -j4 target" + std::to_string(count) +
            " && \\\n    make install # not a comment\nCOPY --chown=1:2 a b c /work/\n";
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(slipway::parser::parse(text));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_file)->Arg(1)->Arg(100)->Arg(1000);

void match_ignored(benchmark::State& state) {
  std::vector<std::string> patterns = {
      "**/node_modules", "*.log", "build/",      "!build/keep.txt",   "**/*.[oa]",
      "docs/**/*.md",    ".git",  "src/*/gen_*", "!src/main/gen_keep"};
  auto matcher = slipway::parser::PatternMatcher::compile(patterns);
  std::vector<std::string> paths;
  for (int count = 0; count < 100; ++count) {
    paths.push_back("src/part" + std::to_string(count) + "/deep/er/file" + std::to_string(count) +
                    ".cc");
  }
  for (auto _ : state) {
    for (const std::string& path : paths) {
      benchmark::DoNotOptimize(matcher->match(path));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(paths.size()));
}
BENCHMARK(match_ignored);

}  // namespace
