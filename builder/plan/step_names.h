#pragma once

// What steps are called in progress and messages (language reference 7.5).

#include <cstddef>
#include <string>
#include <string_view>

#include "builder/plan/environment.h"
#include "registry/oci/platform.h"

namespace slipway::builder {

// Numbers the steps of one stage: "[build 2/3] RUN make".
class StepNames {
 public:
  // `total` is the n of "k/n"; 0: steps have no prefix.
  StepNames(std::string label, std::size_t total) : label_(std::move(label)), total_(total) {}

  // With a platform in front. `variables` say what is built for, if that is another one.
  void show_platform(const registry::Platform& platform) { platform_ = &platform; }

  // The name of the next step. `text` begins with the instruction word.
  std::string next(std::string_view text, const Environment& variables, bool is_trigger);

 private:
  std::string label_;
  std::size_t total_;
  std::size_t index_ = 0;
  const registry::Platform* platform_ = nullptr;  // owned by the caller
};

// The text of an instruction with its first word in upper case and known variables put in. Where
// expanding fails the text stays as it is.
enum class NameStyle {
  kCommand,  // RUN: quotes and unknown variables stay
  kWords,    // others: quotes are removed, unknown variables are empty
};
std::string step_text(std::string_view text, const parser::Variables& variables, char escape,
                      NameStyle style);

// " (first line...)": what a heredoc adds to the name of its RUN.
std::string heredoc_summary(std::string_view body);

}  // namespace slipway::builder
