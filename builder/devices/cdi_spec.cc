#include "builder/devices/cdi_spec.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "builder/devices/yaml.h"

namespace slipway::builder {

namespace {

using base::cat;
using Json = nlohmann::json;

constexpr std::array<std::string_view, 10> kVersions = {
    "0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"};
constexpr std::array<std::string_view, 6> kHookNames = {
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Letters and digits at both ends, between them also `others`.
bool is_name(std::string_view text, std::string_view others) {
  return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::ranges::all_of(text, [&](char c) {
           return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
         });
}

bool is_device_name(std::string_view text) {
  return is_name(text, "_-.:");
}

// One object of the document and the way to it, for messages: devices[0].containerEdits.mounts[2].
class Place {
 public:
  Place(const Json& value, std::string way, std::string_view file)
      : value_(&value), way_(std::move(way)), file_(file) {}

  [[noreturn]] void fail(std::string_view problem) const {
    base::fail(base::ErrorKind::kInput,
               way_.empty() ? cat(file_, ": ", problem) : cat(file_, ": ", way_, ": ", problem));
  }

  void check_members(std::initializer_list<std::string_view> known) const {
    if (!value_->is_object()) {
      fail("an object is wanted");
    }
    for (const auto& [name, value] : value_->items()) {
      if (std::ranges::find(known, name) == known.end()) {
        fail(cat("unknown member ", base::quote(name)));
      }
    }
  }

  bool has(std::string_view member) const { return find(member) != nullptr; }

  std::string text(std::string_view member) const {
    const Json* found = find(member);
    if (found == nullptr) {
      return {};
    }
    return text_of(*found, member);
  }

  std::string needed_text(std::string_view member) const {
    std::string value = text(member);
    if (value.empty()) {
      fail(cat("member ", base::quote(member), " is missing"));
    }
    return value;
  }

  std::optional<std::uint32_t> number(std::string_view member) const {
    const Json* found = find(member);
    if (found == nullptr) {
      return std::nullopt;
    }
    return number_of(*found, member);
  }

  std::vector<std::string> texts(std::string_view member) const {
    std::vector<std::string> values;
    for (const Json& value : list(member)) {
      values.push_back(text_of(value, member));
    }
    return values;
  }

  std::vector<std::uint32_t> numbers(std::string_view member) const {
    std::vector<std::uint32_t> values;
    for (const Json& value : list(member)) {
      values.push_back(number_of(value, member));
    }
    return values;
  }

  std::map<std::string, std::string> text_map(std::string_view member) const {
    std::map<std::string, std::string> values;
    const Json* found = find(member);
    if (found == nullptr) {
      return values;
    }
    if (!found->is_object()) {
      fail(cat("member ", base::quote(member), " is not an object"));
    }
    for (const auto& [name, value] : found->items()) {
      values[name] = text_of(value, member);
    }
    return values;
  }

  std::vector<Place> places(std::string_view member) const {
    std::vector<Place> found;
    for (const Json& value : list(member)) {
      found.emplace_back(value, cat(dotted(member), "[", found.size(), "]"), file_);
    }
    return found;
  }

  // An absent member is an empty object.
  Place place(std::string_view member) const {
    static const Json kEmpty = Json::object();
    const Json* found = find(member);
    return {found == nullptr ? kEmpty : *found, dotted(member), file_};
  }

 private:
  const Json* find(std::string_view member) const {
    auto found = value_->find(member);
    return found == value_->end() || found->is_null() ? nullptr : &*found;
  }

  std::string dotted(std::string_view member) const {
    return way_.empty() ? std::string(member) : cat(way_, ".", member);
  }

  std::string text_of(const Json& value, std::string_view member) const {
    if (!value.is_string()) {
      fail(cat("member ", base::quote(member), " is not text"));
    }
    std::string text = value.get<std::string>();
    if (text.contains('\0')) {
      fail(cat("member ", base::quote(member), " has a NUL byte"));
    }
    return text;
  }

  std::uint32_t number_of(const Json& value, std::string_view member) const {
    constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
    bool is_small = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMax)
                        : value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                              value.get<std::int64_t>() <= kMax;
    if (!is_small) {
      fail(cat("member ", base::quote(member), " is not a number from 0 to ", kMax));
    }
    return value.get<std::uint32_t>();
  }

  const Json& list(std::string_view member) const {
    static const Json kEmpty = Json::array();
    const Json* found = find(member);
    if (found == nullptr) {
      return kEmpty;
    }
    if (!found->is_array()) {
      fail(cat("member ", base::quote(member), " is not a list"));
    }
    return *found;
  }

  const Json* value_;
  std::string way_;
  std::string_view file_;
};

// A path that could lead elsewhere than it says is not taken.
std::string absolute_path(const Place& place, std::string_view member) {
  std::string path = place.needed_text(member);
  auto parts = base::split(path, '/');
  if (!path.starts_with('/') || std::ranges::find(parts, "..") != parts.end()) {
    place.fail(cat("member ", base::quote(member), ": ", base::quote(path),
                   " is no absolute path without \"..\""));
  }
  return path;
}

std::vector<std::string> variables(const Place& place, std::string_view member) {
  std::vector<std::string> found = place.texts(member);
  for (const std::string& variable : found) {
    if (variable.find('=') == 0 || !variable.contains('=')) {
      place.fail(
          cat("member ", base::quote(member), ": ", base::quote(variable), " is no NAME=VALUE"));
    }
  }
  return found;
}

CdiDeviceNode device_node(const Place& place) {
  place.check_members(
      {"path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"});
  CdiDeviceNode node;
  node.path = absolute_path(place, "path");
  node.host_path = place.has("hostPath") ? absolute_path(place, "hostPath") : std::string();
  node.type = place.text("type");
  if (node.type.size() > 1 || (node.type.size() == 1 && !std::string("bcup").contains(node.type))) {
    place.fail(cat("unknown type of a device ", base::quote(node.type)));
  }
  node.major_number = place.number("major");
  node.minor_number = place.number("minor");
  node.file_mode = place.number("fileMode");
  node.permissions = place.text("permissions");
  if (node.permissions.find_first_not_of("rwm") != std::string::npos) {
    place.fail(cat("unknown permissions ", base::quote(node.permissions)));
  }
  node.uid = place.number("uid");
  node.gid = place.number("gid");
  return node;
}

CdiMount mount(const Place& place) {
  place.check_members({"hostPath", "containerPath", "type", "options"});
  CdiMount found;
  found.type = place.text("type");
  found.host_path = found.type.empty() || found.type == "bind" ? absolute_path(place, "hostPath")
                                                               : place.needed_text("hostPath");
  found.container_path = absolute_path(place, "containerPath");
  found.options = place.texts("options");
  return found;
}

CdiHook hook(const Place& place) {
  place.check_members({"hookName", "path", "args", "env", "timeout"});
  CdiHook found;
  found.name = place.needed_text("hookName");
  if (std::ranges::find(kHookNames, found.name) == kHookNames.end()) {
    place.fail(cat("unknown hook ", base::quote(found.name)));
  }
  found.path = absolute_path(place, "path");
  found.arguments = place.texts("args");
  found.environment = variables(place, "env");
  if (std::optional<std::uint32_t> timeout = place.number("timeout")) {
    constexpr std::uint32_t kDay = 24 * 60 * 60;
    found.timeout_s = static_cast<int>(std::min(*timeout, kDay));
  }
  return found;
}

ContainerEdits container_edits(const Place& place) {
  place.check_members({"env", "deviceNodes", "mounts", "hooks", "additionalGids", "additionalGIDs",
                       "intelRdt", "netDevices"});
  ContainerEdits edits;
  edits.environment = variables(place, "env");
  for (const Place& node : place.places("deviceNodes")) {
    edits.device_nodes.push_back(device_node(node));
  }
  for (const Place& entry : place.places("mounts")) {
    edits.mounts.push_back(mount(entry));
  }
  for (const Place& entry : place.places("hooks")) {
    edits.hooks.push_back(hook(entry));
  }
  edits.additional_gids = place.numbers("additionalGids");
  for (std::uint32_t gid : place.numbers("additionalGIDs")) {
    edits.additional_gids.push_back(gid);
  }
  for (const char* name : {"intelRdt", "netDevices"}) {
    if (place.has(name)) {
      edits.unsupported.emplace_back(name);
    }
  }
  return edits;
}

CdiDevice device(const Place& place) {
  place.check_members({"name", "annotations", "containerEdits"});
  CdiDevice found;
  found.name = place.needed_text("name");
  if (!is_device_name(found.name)) {
    place.fail(cat("invalid device name ", base::quote(found.name)));
  }
  found.annotations = place.text_map("annotations");
  found.edits = container_edits(place.place("containerEdits"));
  return found;
}

void check_version(const Place& place) {
  std::string version = place.needed_text("cdiVersion");
  std::string_view number = std::string_view(version).substr(version.starts_with('v') ? 1 : 0);
  if (std::ranges::find(kVersions, number) == kVersions.end()) {
    place.fail(cat("cdiVersion ", base::quote(version), " is not known (0.1.0 to 1.1.0 are)"));
  }
}

}  // namespace

CdiSpec parse_cdi_spec(std::string_view text, CdiFormat format, std::string_view what) {
  Json document =
      format == CdiFormat::kJson ? base::parse_json(text, what) : parse_yaml(text, what);
  Place place(document, "", what);
  place.check_members({"cdiVersion", "kind", "annotations", "devices", "containerEdits"});
  check_version(place);
  CdiSpec spec;
  spec.kind = place.needed_text("kind");
  if (!is_cdi_kind(spec.kind)) {
    place.fail(cat("invalid kind ", base::quote(spec.kind), ": vendor.com/class is wanted"));
  }
  spec.annotations = place.text_map("annotations");
  std::set<std::string> names;
  for (const Place& entry : place.places("devices")) {
    spec.devices.push_back(device(entry));
    if (!names.insert(spec.devices.back().name).second) {
      entry.fail(cat("there is another device ", base::quote(spec.devices.back().name)));
    }
  }
  if (spec.devices.empty()) {
    place.fail("there are no devices");
  }
  spec.edits = container_edits(place.place("containerEdits"));
  return spec;
}

bool is_cdi_kind(std::string_view text) {
  auto pair = base::split_once(text, '/');
  return pair && is_name(pair->before, "_-.") && is_name(pair->after, "_-.");
}

bool is_cdi_name(std::string_view text) {
  auto pair = base::split_once(text, '=');
  return pair && is_cdi_kind(pair->before) && is_device_name(pair->after);
}

}  // namespace slipway::builder
