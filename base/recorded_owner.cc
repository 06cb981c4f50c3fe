#include "base/recorded_owner.h"

#include "base/fs.h"
#include "base/text.h"

namespace slipway::base {

std::string format_owner(const RecordedOwner& owner) {
  return cat(owner.uid, ":", owner.gid);
}

std::optional<RecordedOwner> parse_owner(std::string_view text) {
  auto parts = split_once(text, ':');
  if (!parts) {
    return std::nullopt;
  }
  auto uid = parse_integer<std::uint32_t>(parts->before);
  auto gid = parse_integer<std::uint32_t>(parts->after);
  if (!uid || !gid) {
    return std::nullopt;
  }
  return RecordedOwner{*uid, *gid};
}

void record_owner(const Fd& file, const RecordedOwner& owner, std::string_view object) {
  set_xattr(file, kOwnerAttribute, format_owner(owner), object);
}

}  // namespace slipway::base
