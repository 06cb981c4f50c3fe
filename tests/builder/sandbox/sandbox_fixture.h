#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "builder/sandbox/sandbox.h"

namespace slipway::tests {

// Real steps in real namespaces, on a root of busybox and the probe (probe.c). The test binary is
// its own helper, and moves into a user namespace first if it isn't started as root (main in
// sandbox_main.cc): every test here runs both ways.
class SandboxTest : public testing::Test {
 protected:
  SandboxTest();

  struct Ran {
    builder::StepResult result;
    std::string out;  // stdout and stderr
  };

  // A new step that runs `sh -c script` on the shared base layer and a fresh upper directory.
  builder::SandboxSpec spec_of(const std::string& script);
  builder::OverlayRoot& overlay_of(builder::SandboxSpec& spec) {
    return std::get<builder::OverlayRoot>(spec.root);
  }
  Ran run(const builder::SandboxSpec& spec, std::stop_token stop = {});
  // What the script prints; a test failure unless it succeeds.
  std::string output_of(const std::string& script) { return output_of(spec_of(script)); }
  std::string output_of(const builder::SandboxSpec& spec);
  // The message of the Error that running it gives.
  std::string error_of(const builder::SandboxSpec& spec);

  // Names in the last spec_of's upper directory, one a line, sorted, with all below.
  std::string upper_entries() const;
  // A new directory in this test's temporary one.
  std::string make_directory(const std::string& name, mode_t mode = 0755);
  void write_file(const std::string& path, std::string_view content, mode_t mode = 0644);

  // With SLIPWAY_TEST_SPARES in the environment, one that has a spare process for the next step
  // wherever such can be had, so that the tests see what steps in those do.
  builder::Sandbox& sandbox();
  const std::string& base_layer() const;
  bool is_rootless() const;
  bool has_many_ids() const;

  base::TempDir scratch_;
  builder::SandboxOptions options_;

 private:
  void warm_up();
  std::optional<builder::Sandbox> sandbox_;
  int steps_ = 0;
};

// Processes of the machine whose command line, its words with a space between them, contains the
// text.
std::vector<pid_t> processes_with(std::string_view text);

// 0 if there is no such process.
pid_t parent_of(pid_t pid);

// The process that waits for the next step, once the sandbox of this process has one and no step
// runs; nothing if none appears for a while.
std::optional<pid_t> wait_for_spare();

}  // namespace slipway::tests
