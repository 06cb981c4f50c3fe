#include "builder/sandbox/isolation.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "builder/sandbox/fuse_overlay.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::array<std::pair<std::string_view, Isolation>, 7> kNames = {{
    {"auto", Isolation::kAuto},
    {"root", Isolation::kRoot},
    {"rootless", Isolation::kRootless},
    {"sub-ids", Isolation::kSubordinateIds},
    {"one-id", Isolation::kOneId},
    {"chroot", Isolation::kChroot},
    {"oci", Isolation::kAuto},
}};

std::string ids_of(const UserNamespace& entered) {
  return entered.has_one_id() ? std::string("one id, owners recorded") : cat(entered.uids, " ids");
}

std::string overlay_name() {
  return !in_user_namespace() || kernel_overlay_works_for_users() ? "overlay of the kernel"
                                                                  : "fuse-overlayfs";
}

std::string rung_of(const UserNamespace& entered) {
  switch (entered.privilege) {
    case Privilege::kRoot:
      return entered.has_one_id() ? cat("as root, ", ids_of(entered)) : std::string("as root");
    case Privilege::kSubordinateIds:
    case Privilege::kSingleId:
      return cat(entered.maps_own_ids ? "root of a user namespace, " : "without root, ",
                 ids_of(entered));
  }
  return {};
}

}  // namespace

std::optional<Isolation> parse_isolation(std::string_view text) {
  for (const auto& [name, isolation] : kNames) {
    if (name == text) {
      return isolation;
    }
  }
  return std::nullopt;
}

std::string describe_isolation(const UserNamespace& entered) {
  if (entered.only_chroot) {
    return cat(
        "as root, chroot only: processes, network, host name and IPC are the container's, "
        "there is no /proc, one step runs at a time",
        entered.reason.empty() ? "" : cat(" (", entered.reason, ")"));
  }
  std::string line = cat(rung_of(entered), ", ", overlay_name());
  return entered.reason.empty() ? line : cat(line, " (", entered.reason, ")");
}

}  // namespace slipway::builder
