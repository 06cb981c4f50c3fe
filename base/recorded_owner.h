#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::base {

// Where all files belong to one id, whom they should belong to stands in an attribute of theirs:
// "33:33". Regular files and directories only; other kinds can't have such attributes. What the
// attribute says has no meaning for the kernel, so anybody who may write a file may write it.
struct RecordedOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  friend bool operator==(const RecordedOwner&, const RecordedOwner&) = default;
};

inline constexpr const char* kOwnerAttribute = "user.slipway.owner";
// All attributes of ours begin like this.
inline constexpr std::string_view kOwnAttributes = "user.slipway.";

std::string format_owner(const RecordedOwner& owner);
// Nothing for any other text.
std::optional<RecordedOwner> parse_owner(std::string_view text);

void record_owner(const Fd& file, const RecordedOwner& owner, std::string_view object);

}  // namespace slipway::base
