#include "parser/check_run.h"

#include <array>
#include <expected>
#include <utility>

#include "parser/ast/mounts.h"
#include "parser/ast/values.h"
#include "parser/flags.h"
#include "parser/quoting.h"
#include "parser/suggest.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

constexpr std::array kRunFlags{
    FlagRule{"device", FlagKind::kStrings},
    FlagRule{"mount", FlagKind::kStrings},
    FlagRule{"network", FlagKind::kString},
    FlagRule{"security", FlagKind::kString},
};

// One comma-separated field of --device.
Problem take_device_field(const std::string& field, Run::Device& device) {
  std::size_t equals = field.find('=');
  std::string key = lower_ascii(std::string_view(field).substr(0, equals));
  bool has_value = equals != std::string::npos;
  std::string value = has_value ? field.substr(equals + 1) : std::string();
  if (key == "required") {
    std::optional<bool> required = has_value ? parse_boolean(value) : std::optional(true);
    device.required = required.value_or(false);
    return required ? std::nullopt : Problem("invalid value for required: " + value);
  }
  if (has_value && key == "name") {
    if (!device.name.empty()) {
      return "device name already set to " + device.name;
    }
    device.name = std::move(value);
    return std::nullopt;
  }
  if (device.name.empty()) {
    device.name = field;
    return std::nullopt;
  }
  constexpr std::array<std::string_view, 2> kKeys{"name", "required"};
  return "unexpected key '" + key + "' in '" + field + "'" + did_you_mean(key, kKeys);
}

std::expected<Run::Device, std::string> parse_device(std::string_view flag) {
  auto fields = split_csv(flag);
  if (!fields) {
    return std::unexpected("failed to parse csv devices: " + fields.error());
  }
  Run::Device device;
  for (const std::string& field : *fields) {
    if (Problem problem = take_device_field(field, device)) {
      return std::unexpected(std::move(*problem));
    }
  }
  return device;
}

Problem read_network(const Flags& flags, Run& out) {
  if (!flags.has("network")) {
    return std::nullopt;
  }
  std::string value = flags.string("network");
  if (value == "default" || value == "none" || value == "host") {
    out.network = value == "none"   ? Run::Network::kNone
                  : value == "host" ? Run::Network::kHost
                                    : Run::Network::kDefault;
    return std::nullopt;
  }
  return "invalid network mode " + quote_text(value);
}

Problem read_security(const Flags& flags, Run& out) {
  if (!flags.has("security")) {
    return std::nullopt;
  }
  std::string value = flags.string("security");
  if (value == "sandbox" || value == "insecure") {
    out.security = value == "insecure" ? Run::Security::kInsecure : Run::Security::kSandbox;
    return std::nullopt;
  }
  return "security " + quote_text(value) + " is not valid";
}

}  // namespace

// Values are looked at in this order: devices, mounts, network, security.
Problem check_run(const LogicalLine& line, Run& out) {
  Flags flags;
  if (Problem problem = flags.read(line.flags, kRunFlags)) {
    return problem;
  }
  out.flags_used = flags.names();
  out.command = command_line(line);
  for (const std::string& flag : flags.strings("device")) {
    auto device = parse_device(flag);
    if (!device) {
      return std::move(device.error());
    }
    out.devices.push_back(std::move(*device));
  }
  out.mounts = flags.strings("mount");
  for (const std::string& mount : out.mounts) {
    if (auto from = find_mount_from(mount); !from) {
      return std::move(from.error());
    }
  }
  Problem problem = read_network(flags, out);
  return problem ? problem : read_security(flags, out);
}

}  // namespace slipway::parser
