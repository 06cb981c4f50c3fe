#pragma once

// Steps as people name them.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan/graph.h"

namespace slipway::builder {

struct StepLabel {
  std::string name;                // "[build 2/3] RUN make", as progress shows it
  std::vector<SourceLines> lines;  // in the Dockerfile
};

// The numbers of the steps that `text` can mean, in order; of several kinds of match the first that
// has any:
//   "[build 2/3]", "build 2/3", "2/3"   what stands in the brackets, or their last word
//   "build:2"                           the stage and the number
//   "2"                                 the number, in every stage
//   "Dockerfile:12", ":12"              a line of the step; `file` is what the Dockerfile is called
//   "RUN make", "make"                  part of the name
std::vector<std::size_t> find_steps(const std::vector<StepLabel>& steps, std::string_view text,
                                    std::string_view file);

// The one step that `text` means. kUsage, with the steps that there are (or that it could mean), if
// it is none or several; `flag` is what messages call the text.
std::size_t get_step(const std::vector<StepLabel>& steps, std::string_view text,
                     std::string_view file, std::string_view flag);

}  // namespace slipway::builder
