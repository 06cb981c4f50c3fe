#pragma once

// SOURCE_DATE_EPOCH (language reference 6.3): seconds, or something that has a time - the main
// context, a named context, or a stage that only fetches one remote source.

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/plan/global_scope.h"
#include "builder/plan/planned.h"
#include "builder/plan/stages.h"

namespace slipway::builder {

// The time that the build arguments and global arguments ask for; nothing where they ask for none,
// or the source has no known time. A source that can't be asked (the network) is a failure.
Planned<std::optional<std::int64_t>> find_source_date_epoch(const StageInputs& inputs,
                                                            ImageResolver& resolver,
                                                            std::stop_token stop);

// Puts the number in place of what asked for it, in build arguments and global arguments; no time
// removes it from both.
void settle_source_date_epoch(std::optional<std::int64_t> epoch,
                              std::map<std::string, std::string>& build_args, GlobalScope& global);

}  // namespace slipway::builder
