#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

// RUN --mount. A mount is evaluated twice: when the file is checked only `from` is looked at, so
// that a bad mount in a stage that is not built is no error; when its stage is built, everything.

namespace slipway::parser {

enum class MountType { kBind, kCache, kTmpfs, kSecret, kSsh };
std::string_view mount_type_name(MountType type);  // "bind"

enum class CacheSharing { kShared, kPrivate, kLocked };
std::string_view cache_sharing_name(CacheSharing sharing);  // "shared"

struct Mount {
  MountType type = MountType::kBind;
  std::string from;
  std::string source;
  std::string target;
  bool read_only = true;  // the type's default where the flag says nothing
  std::string id;         // empty: the type's default, see language reference section 8
  std::optional<CacheSharing> sharing;
  bool required = false;
  std::int64_t size_bytes = 0;  // tmpfs; 0: no limit
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::string> env;

  bool operator==(const Mount&) const = default;
};

// Expands one value; an error is passed through as it is.
using ValueExpander = std::function<std::expected<std::string, std::string>(std::string_view)>;

// First pass. The value of `from` (empty where there is none), or the error: bad CSV, or a
// variable in `from`.
std::expected<std::string, std::string> find_mount_from(std::string_view flag);

// Second pass: everything, values expanded. Errors are those of language reference section 8,
// except what needs the place of the mount (target "/", source of ssh): see check_mount_use.
std::expected<Mount, std::string> evaluate_mount(std::string_view flag,
                                                 const ValueExpander& expand);

// What is only wrong once the mount is used: «ssh does not support source». `target` is the
// target joined to the working directory and cleaned: «invalid mount target "/"» for "/".
std::optional<std::string> check_mount_use(const Mount& mount, std::string_view target);

}  // namespace slipway::parser
