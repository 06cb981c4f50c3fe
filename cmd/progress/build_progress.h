#pragma once

#include <string_view>
#include <vector>

#include "builder/solve/events.h"
#include "parser/lint/linter.h"

namespace slipway::cmd {

// How a build is shown while it runs; one renderer for each value of --progress.
class BuildProgress {
 public:
  BuildProgress() = default;
  BuildProgress(const BuildProgress&) = delete;
  BuildProgress& operator=(const BuildProgress&) = delete;
  virtual ~BuildProgress() = default;

  // From any thread.
  virtual void show(const builder::Event& event) = 0;
  // After the last event, from one thread: what is shown stays. `warnings` are those of the
  // Dockerfile's checks, which only a renderer for programs shows: people get them in words.
  virtual void finish(const std::vector<parser::LintWarning>&) {}
};

// Writes all of `text` to `descriptor`. Progress that nobody can read any more (a closed pipe) is
// no reason to fail a build, so errors end it silently.
void write_progress(int descriptor, std::string_view text);

}  // namespace slipway::cmd
