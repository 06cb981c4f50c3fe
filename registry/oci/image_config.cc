#include "registry/oci/image_config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/oci/json_fields.h"
#include "registry/oci/manifest.h"

namespace slipway::registry {

using json_fields::Json;
using json_fields::OrderedJson;

namespace {

// Docker's Cmd and Entrypoint may be one string in images of its first years.
std::optional<std::vector<std::string>> command(const Json& object, std::string_view name,
                                                std::string_view what) {
  const Json& value = json_fields::member(object, name);
  if (value.is_string()) {
    return std::vector<std::string>{value.get<std::string>()};
  }
  return json_fields::find_texts(object, name, what);
}

std::optional<Healthcheck> healthcheck(const Json& config, std::string_view what) {
  const Json& object = json_fields::member(config, "Healthcheck");
  if (object.is_null()) {
    return std::nullopt;
  }
  json_fields::require_object(object, base::cat(what, ": Healthcheck"));
  return Healthcheck{.test = json_fields::texts(object, "Test", what),
                     .interval_ns = base::json_integer(object, "Interval", 0, what),
                     .timeout_ns = base::json_integer(object, "Timeout", 0, what),
                     .start_period_ns = base::json_integer(object, "StartPeriod", 0, what),
                     .start_interval_ns = base::json_integer(object, "StartInterval", 0, what),
                     .retries = base::json_integer(object, "Retries", 0, what)};
}

ContainerConfig container_config(const Json& document, std::string_view what) {
  const Json& object = json_fields::member(document, "config");
  if (object.is_null()) {
    return {};
  }
  json_fields::require_object(object, base::cat(what, ": config"));
  return {.user = base::json_text(object, "User", what),
          .exposed_ports = json_fields::key_set(object, "ExposedPorts", what),
          .env = json_fields::texts(object, "Env", what),
          .entrypoint = command(object, "Entrypoint", what),
          .cmd = command(object, "Cmd", what),
          .volumes = json_fields::key_set(object, "Volumes", what),
          .working_dir = base::json_text(object, "WorkingDir", what),
          .labels = json_fields::text_map(object, "Labels", what),
          .stop_signal = base::json_text(object, "StopSignal", what),
          .args_escaped = base::json_bool(object, "ArgsEscaped", what),
          .healthcheck = healthcheck(object, what),
          .on_build = json_fields::texts(object, "OnBuild", what),
          .shell = json_fields::find_texts(object, "Shell", what)};
}

std::vector<cache::DiffId> diff_ids(const Json& document, std::string_view what) {
  const Json& rootfs = json_fields::member(document, "rootfs");
  json_fields::require_object(rootfs, base::cat(what, ": rootfs"));
  std::string type = base::json_text(rootfs, "type", what);
  if (type != "layers") {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, ": rootfs of type ", base::quote(type), " is not made of layers"));
  }
  std::vector<std::string> texts = json_fields::texts(rootfs, "diff_ids", what);
  if (texts.size() > kManifestEntriesMax) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " has ", texts.size(), " layers, at most ",
                                                  kManifestEntriesMax, " are taken"));
  }
  std::vector<cache::DiffId> result;
  for (const std::string& text : texts) {
    auto digest = base::Digest::parse(text);
    if (!digest) {
      base::fail(base::ErrorKind::kInput,
                 base::cat(what, ": diff ID ", base::quote(text), ": ", digest.error()));
    }
    result.emplace_back(*std::move(digest));
  }
  return result;
}

std::vector<History> history(const Json& document, std::string_view what) {
  const Json& list = json_fields::member(document, "history");
  std::vector<History> result;
  if (list.is_null()) {
    return result;
  }
  if (!list.is_array()) {
    base::fail(base::ErrorKind::kInput, base::cat(what, ": member \"history\" is not a list"));
  }
  for (const Json& entry : list) {
    json_fields::require_object(entry, base::cat(what, ": history entry"));
    result.push_back({.created = json_fields::time(entry, "created", what),
                      .created_by = base::json_text(entry, "created_by", what),
                      .author = base::json_text(entry, "author", what),
                      .comment = base::json_text(entry, "comment", what),
                      .empty_layer = base::json_bool(entry, "empty_layer", what)});
  }
  return result;
}

OrderedJson to_json(const Healthcheck& healthcheck) {
  OrderedJson object = OrderedJson::object();
  json_fields::put(object, "Test", healthcheck.test);
  json_fields::put(object, "Interval", healthcheck.interval_ns);
  json_fields::put(object, "Timeout", healthcheck.timeout_ns);
  json_fields::put(object, "StartPeriod", healthcheck.start_period_ns);
  json_fields::put(object, "StartInterval", healthcheck.start_interval_ns);
  json_fields::put(object, "Retries", healthcheck.retries);
  return object;
}

OrderedJson to_json(const ContainerConfig& config) {
  OrderedJson object = OrderedJson::object();
  json_fields::put(object, "User", config.user);
  json_fields::put(object, "ExposedPorts", config.exposed_ports);
  json_fields::put(object, "Env", config.env);
  // An empty list is written: it says that the base image's command was taken away on purpose.
  if (config.entrypoint) {
    object["Entrypoint"] = *config.entrypoint;
  }
  if (config.cmd) {
    object["Cmd"] = *config.cmd;
  }
  json_fields::put(object, "Volumes", config.volumes);
  json_fields::put(object, "WorkingDir", config.working_dir);
  json_fields::put(object, "Labels", config.labels);
  json_fields::put(object, "StopSignal", config.stop_signal);
  if (config.args_escaped) {
    object["ArgsEscaped"] = true;
  }
  if (config.healthcheck) {
    object["Healthcheck"] = to_json(*config.healthcheck);
  }
  json_fields::put(object, "OnBuild", config.on_build);
  if (config.shell) {
    object["Shell"] = *config.shell;
  }
  return object;
}

OrderedJson to_json(const History& entry) {
  OrderedJson object = OrderedJson::object();
  json_fields::put(object, "created", entry.created);
  json_fields::put(object, "created_by", entry.created_by);
  json_fields::put(object, "author", entry.author);
  json_fields::put(object, "comment", entry.comment);
  if (entry.empty_layer) {
    object["empty_layer"] = true;
  }
  return object;
}

}  // namespace

ImageConfig parse_image_config(std::string_view bytes, std::string_view what) {
  if (bytes.size() > kConfigBytesMax) {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, " has ", bytes.size(), " bytes, more than ", kConfigBytesMax));
  }
  Json document = base::parse_json(bytes, what);
  json_fields::require_object(document, what);
  ImageConfig result{.created = json_fields::time(document, "created", what),
                     .author = base::json_text(document, "author", what),
                     .platform = json_fields::platform(document, what),
                     .config = container_config(document, what),
                     .diff_ids = diff_ids(document, what),
                     .history = history(document, what)};
  if (result.platform.os.empty()) {
    result.platform.os = host_platform().os;
  }
  if (result.platform.architecture.empty()) {
    result.platform.architecture = host_platform().architecture;
  }
  return result;
}

std::string serialise(const ImageConfig& config) {
  OrderedJson object;
  object["architecture"] = config.platform.architecture;
  json_fields::put(object, "author", config.author);
  object["config"] = to_json(config.config);
  json_fields::put(object, "created", config.created);
  if (!config.history.empty()) {
    OrderedJson list = OrderedJson::array();
    for (const History& entry : config.history) {
      list.push_back(to_json(entry));
    }
    object["history"] = std::move(list);
  }
  object["os"] = config.platform.os;
  json_fields::put(object, "os.features", config.platform.os_features);
  json_fields::put(object, "os.version", config.platform.os_version);
  OrderedJson ids = OrderedJson::array();
  for (const cache::DiffId& id : config.diff_ids) {
    ids.push_back(id.text());
  }
  object["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(ids)}};
  json_fields::put(object, "variant", config.platform.variant);
  return json_fields::dump(object, -1);
}

}  // namespace slipway::registry
