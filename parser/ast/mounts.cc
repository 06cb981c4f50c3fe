#include "parser/ast/mounts.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "parser/ast/values.h"
#include "parser/quoting.h"
#include "parser/suggest.h"
#include "parser/unicode.h"
#include "parser/words.h"

namespace slipway::parser {

namespace {

using Problem = std::optional<std::string>;

constexpr std::array<std::string_view, 5> kTypeNames{"bind", "cache", "tmpfs", "secret", "ssh"};
constexpr std::array<std::string_view, 3> kSharingNames{"shared", "private", "locked"};
// For suggestions, in alphabetical order.
constexpr std::array<std::string_view, 5> kTypesSorted{"bind", "cache", "secret", "ssh", "tmpfs"};
constexpr std::array<std::string_view, 3> kSharingSorted{"locked", "private", "shared"};
constexpr std::array<std::string_view, 19> kKeysSorted{
    "destination", "dst",       "env",      "from", "gid", "id",      "mode",
    "readonly",    "readwrite", "required", "ro",   "rw",  "sharing", "size",
    "source",      "src",       "target",   "type", "uid"};

// One comma-separated field of the flag.
struct Field {
  std::string text;
  std::string key;  // lower case
  std::string value;
  bool has_value = false;
};

std::expected<std::vector<Field>, std::string> split_fields(std::string_view flag) {
  auto texts = split_csv(flag);
  if (!texts) {
    return std::unexpected("failed to parse csv mounts: " + texts.error());
  }
  std::vector<Field> fields;
  for (std::string& text : *texts) {
    std::size_t equals = text.find('=');
    Field field{.key = lower_ascii(text.substr(0, equals)),
                .has_value = equals != std::string::npos};
    if (field.has_value) {
      field.value = text.substr(equals + 1);
    }
    field.text = std::move(text);
    fields.push_back(std::move(field));
  }
  return fields;
}

bool has_required(const Mount& mount) {
  return mount.type == MountType::kSecret || mount.type == MountType::kSsh;
}

std::string unexpected_key(const Field& field, const Mount& mount) {
  return "unexpected key '" + field.key + "' for mount type '" +
         std::string(mount_type_name(mount.type)) + "'";
}

std::string invalid_value(const Field& field) {
  return "invalid value for " + field.key + ": " + field.value;
}

// The mount while its fields are read in written order.
class Evaluator {
 public:
  Problem take(const Field& field) {
    if (!field.has_value) {
      return take_bare(field);
    }
    for (const Setter& setter : kSetters) {
      if (setter.key == field.key) {
        return (this->*setter.set)(field);
      }
    }
    return "unexpected key '" + field.key + "' in '" + field.text + "'" +
           did_you_mean(field.key, kKeysSorted);
  }

  std::expected<Mount, std::string> finish() {
    bool file_info = mount_.type != MountType::kBind && mount_.type != MountType::kTmpfs;
    if (!file_info) {
      std::string_view refused = mount_.mode  ? "mode"
                                 : mount_.uid ? "uid"
                                 : mount_.gid ? "gid"
                                              : "";
      if (!refused.empty()) {
        return std::unexpected(std::string(refused) + " not allowed for " +
                               quote_text(mount_type_name(mount_.type)) + " type mounts");
      }
    }
    if (!read_only_said_) {
      mount_.read_only = mount_.type != MountType::kCache && mount_.type != MountType::kTmpfs;
    }
    if (mount_.type == MountType::kSecret) {
      if (Problem problem = check_secret()) {
        return std::unexpected(std::move(*problem));
      }
    }
    if (mount_.sharing && mount_.type != MountType::kCache) {
      return std::unexpected("invalid cache sharing set for " +
                             std::string(mount_type_name(mount_.type)) + " mount");
    }
    return std::move(mount_);
  }

 private:
  struct Setter {
    std::string_view key;
    Problem (Evaluator::*set)(const Field&);
  };
  static const std::array<Setter, 19> kSetters;

  // A key without a value.
  Problem take_bare(const Field& field) {
    if (field.key == "readonly" || field.key == "ro") {
      return set_read_only(true);
    }
    if (field.key == "readwrite" || field.key == "rw") {
      return set_read_only(false);
    }
    if (field.key != "required") {
      return "invalid field '" + field.text + "' must be a key=value pair";
    }
    if (!has_required(mount_)) {
      return unexpected_key(field, mount_);
    }
    mount_.required = true;
    return std::nullopt;
  }

  Problem set_read_only(bool read_only) {
    mount_.read_only = read_only;
    read_only_said_ = true;
    return std::nullopt;
  }

  Problem check_secret() const {
    if (!mount_.from.empty()) {
      return "secret mount should not have a from";
    }
    if (mount_.sharing) {
      return "secret mount should not define sharing";
    }
    if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
      return "invalid secret mount. one of source, target required";
    }
    if (!mount_.source.empty() && !mount_.id.empty()) {
      return "both source and id can't be set";
    }
    return std::nullopt;
  }

  Problem take_type(const Field& field) {
    std::string wanted = lower_ascii(field.value);
    for (std::size_t index = 0; index < kTypeNames.size(); ++index) {
      if (kTypeNames[index] == wanted) {
        mount_.type = static_cast<MountType>(index);
        return std::nullopt;
      }
    }
    return "unsupported mount type " + quote_text(field.value) +
           did_you_mean(field.value, kTypesSorted);
  }

  Problem take_sharing(const Field& field) {
    std::string wanted = lower_ascii(field.value);
    for (std::size_t index = 0; index < kSharingNames.size(); ++index) {
      if (kSharingNames[index] == wanted) {
        mount_.sharing = static_cast<CacheSharing>(index);
        return std::nullopt;
      }
    }
    return "unsupported sharing value " + quote_text(field.value) +
           did_you_mean(field.value, kSharingSorted);
  }

  template <std::string Mount::* Member>
  Problem take_text(const Field& field) {
    mount_.*Member = field.value;
    return std::nullopt;
  }

  Problem take_env(const Field& field) {
    mount_.env = field.value;
    return std::nullopt;
  }

  Problem take_read_only(const Field& field) {
    std::optional<bool> value = parse_boolean(field.value);
    return value ? set_read_only(*value) : invalid_value(field);
  }

  Problem take_read_write(const Field& field) {
    std::optional<bool> value = parse_boolean(field.value);
    return value ? set_read_only(!*value) : invalid_value(field);
  }

  Problem take_required(const Field& field) {
    if (!has_required(mount_)) {
      return unexpected_key(field, mount_);
    }
    std::optional<bool> value = parse_boolean(field.value);
    mount_.required = value.value_or(false);
    return value ? std::nullopt : Problem(invalid_value(field));
  }

  Problem take_size(const Field& field) {
    if (mount_.type != MountType::kTmpfs) {
      return unexpected_key(field, mount_);
    }
    std::optional<std::int64_t> size = parse_binary_size(field.value);
    mount_.size_bytes = size.value_or(0);
    return size ? std::nullopt : Problem(invalid_value(field));
  }

  template <std::optional<std::uint32_t> Mount::* Member, int Radix>
  Problem take_number(const Field& field) {
    std::uint32_t number = 0;
    const char* start = field.value.data();
    const char* stop = start + field.value.size();
    auto [end, error] = std::from_chars(start, stop, number, Radix);
    if (error != std::errc{} || end != stop) {
      return "invalid value " + field.value + " for " + field.key;
    }
    mount_.*Member = number;
    return std::nullopt;
  }

  Mount mount_;
  bool read_only_said_ = false;
};

const std::array<Evaluator::Setter, 19> Evaluator::kSetters{{
    {"type", &Evaluator::take_type},
    {"from", &Evaluator::take_text<&Mount::from>},
    {"source", &Evaluator::take_text<&Mount::source>},
    {"src", &Evaluator::take_text<&Mount::source>},
    {"target", &Evaluator::take_text<&Mount::target>},
    {"dst", &Evaluator::take_text<&Mount::target>},
    {"destination", &Evaluator::take_text<&Mount::target>},
    {"readonly", &Evaluator::take_read_only},
    {"ro", &Evaluator::take_read_only},
    {"readwrite", &Evaluator::take_read_write},
    {"rw", &Evaluator::take_read_write},
    {"required", &Evaluator::take_required},
    {"size", &Evaluator::take_size},
    {"id", &Evaluator::take_text<&Mount::id>},
    {"sharing", &Evaluator::take_sharing},
    {"mode", &Evaluator::take_number<&Mount::mode, 8>},
    {"uid", &Evaluator::take_number<&Mount::uid, 10>},
    {"gid", &Evaluator::take_number<&Mount::gid, 10>},
    {"env", &Evaluator::take_env},
}};

}  // namespace

std::string_view mount_type_name(MountType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::string_view cache_sharing_name(CacheSharing sharing) {
  return kSharingNames[static_cast<std::size_t>(sharing)];
}

std::expected<std::string, std::string> find_mount_from(std::string_view flag) {
  auto fields = split_fields(flag);
  if (!fields) {
    return std::unexpected(std::move(fields.error()));
  }
  std::string from;
  for (Field& field : *fields) {
    if (field.key != "from" || !field.has_value) {
      continue;
    }
    std::size_t dollar = field.value.find('$');
    if (dollar != std::string::npos && dollar != field.value.size() - 1) {
      return std::unexpected(
          "'from' doesn't support variable expansion, define alias stage instead");
    }
    from = std::move(field.value);
  }
  return from;
}

std::expected<Mount, std::string> evaluate_mount(std::string_view flag,
                                                 const ValueExpander& expand) {
  auto fields = split_fields(flag);
  if (!fields) {
    return std::unexpected(std::move(fields.error()));
  }
  Evaluator evaluator;
  for (Field& field : *fields) {
    if (field.has_value) {
      auto expanded = expand(field.value);
      if (!expanded) {
        return std::unexpected(std::move(expanded.error()));
      }
      field.value = std::move(*expanded);
    }
    if (Problem problem = evaluator.take(field)) {
      return std::unexpected(std::move(*problem));
    }
  }
  return evaluator.finish();
}

std::optional<std::string> check_mount_use(const Mount& mount, std::string_view target) {
  if (mount.type == MountType::kSsh && !mount.source.empty()) {
    return "ssh does not support source";
  }
  bool has_folder = mount.type != MountType::kSecret && mount.type != MountType::kSsh;
  if (has_folder && target == "/") {
    return "invalid mount target " + quote_text(target);
  }
  return std::nullopt;
}

}  // namespace slipway::parser
