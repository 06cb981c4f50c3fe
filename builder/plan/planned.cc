#include "builder/plan/planned.h"

#include "base/text.h"

namespace slipway::builder {

std::optional<std::string> Budget::problem() const {
  if (spent_ <= limit_) {
    return std::nullopt;
  }
  return base::cat("the dockerfile expands to more than ", limit_ >> 20,
                   " MiB: values that are built from other values, or argument lists, grow with "
                   "every instruction");
}

}  // namespace slipway::builder
