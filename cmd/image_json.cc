#include "cmd/image_json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cmd/image_names.h"

namespace slipway::cmd {

namespace {

using Json = nlohmann::ordered_json;
using registry::ContainerConfig;
using registry::ImageConfig;

// What docker shows for a time that was never set.
constexpr char kNoTime[] = "0001-01-01T00:00:00Z";

std::string time_or_none(const std::optional<base::Timestamp>& time) {
  return time ? base::format_rfc3339(*time) : kNoTime;
}

Json list_or_null(const std::optional<std::vector<std::string>>& list) {
  return list ? Json(*list) : Json();
}

Json list_or_null(const std::vector<std::string>& list) {
  return list.empty() ? Json() : Json(list);
}

// {"80/tcp": {}}
Json key_set(const std::set<std::string>& keys) {
  Json object = Json::object();
  for (const std::string& key : keys) {
    object[key] = Json::object();
  }
  return object;
}

Json health_json(const registry::Healthcheck& health) {
  Json object = {{"Test", health.test}};
  const std::pair<const char*, std::int64_t> numbers[] = {
      {"Interval", health.interval_ns},
      {"Timeout", health.timeout_ns},
      {"StartPeriod", health.start_period_ns},
      {"StartInterval", health.start_interval_ns},
      {"Retries", health.retries}};
  for (const auto& [name, number] : numbers) {
    if (number != 0) {
      object[name] = number;
    }
  }
  return object;
}

Json config_json(const ContainerConfig& config) {
  Json object = {{"User", config.user}};
  if (!config.exposed_ports.empty()) {
    object["ExposedPorts"] = key_set(config.exposed_ports);
  }
  object["Env"] = list_or_null(config.env);
  object["Cmd"] = list_or_null(config.cmd);
  if (config.healthcheck) {
    object["Healthcheck"] = health_json(*config.healthcheck);
  }
  if (config.args_escaped) {
    object["ArgsEscaped"] = true;
  }
  object["Volumes"] = config.volumes.empty() ? Json() : key_set(config.volumes);
  object["WorkingDir"] = config.working_dir;
  object["Entrypoint"] = list_or_null(config.entrypoint);
  object["OnBuild"] = list_or_null(config.on_build);
  object["Labels"] = config.labels.empty() ? Json() : Json(config.labels);
  if (!config.stop_signal.empty()) {
    object["StopSignal"] = config.stop_signal;
  }
  if (config.shell) {
    object["Shell"] = *config.shell;
  }
  return object;
}

void add_platform(Json& object, const registry::Platform& platform) {
  object["Architecture"] = platform.architecture;
  if (!platform.variant.empty()) {
    object["Variant"] = platform.variant;
  }
  object["Os"] = platform.os;
  if (!platform.os_version.empty()) {
    object["OsVersion"] = platform.os_version;
  }
}

std::optional<base::Timestamp> last_named(const std::vector<cache::NameRow>& names) {
  std::optional<base::Timestamp> last;
  for (const cache::NameRow& name : names) {
    last = std::max(last.value_or(name.updated), name.updated);
  }
  return last;
}

}  // namespace

Json image_json(const cache::ImageTable::Listed& image, const builder::StoredImage& stored) {
  const ImageConfig& config = stored.config;
  Json layers = Json::array();
  for (const cache::DiffId& layer : config.diff_ids) {
    layers.push_back(layer.text());
  }
  Json object = {{"Id", image.image.id.text()},
                 {"RepoTags", familiar_names(image.names)},
                 {"RepoDigests", familiar_digests(image.digests)},
                 {"Parent", ""},
                 {"Comment", config.history.empty() ? "" : config.history.back().comment},
                 {"Created", time_or_none(config.created)},
                 {"DockerVersion", ""},
                 {"Author", config.author},
                 {"Config", config_json(config.config)}};
  add_platform(object, config.platform);
  object["Size"] = image.image.size;
  object["GraphDriver"] = {{"Data", nullptr}, {"Name", "overlayfs"}};
  object["RootFS"] = {{"Type", "layers"}, {"Layers", std::move(layers)}};
  object["Metadata"] = {{"LastTagTime", time_or_none(last_named(image.names))}};
  return object;
}

void add_manifests(Json& json, const std::vector<KeptManifest>& manifests,
                   const builder::StoredImage& stored) {
  Json list = Json::array();
  for (const KeptManifest& manifest : manifests) {
    const registry::Descriptor& descriptor = manifest.descriptor;
    std::uint64_t content = manifest.content_bytes + static_cast<std::uint64_t>(descriptor.size);
    std::uint64_t unpacked = manifest.about ? 0 : stored.row.size;
    Json entry = {{"ID", descriptor.digest.text()},
                  {"Descriptor",
                   {{"mediaType", descriptor.media_type},
                    {"digest", descriptor.digest.text()},
                    {"size", descriptor.size}}},
                  {"Available", true},
                  {"Size", {{"Content", content}, {"Total", content + unpacked}}},
                  {"Kind", manifest.about ? "attestation" : "image"}};
    if (manifest.about) {
      entry["AttestationData"] = {{"For", manifest.about->text()}};
    } else {
      Json platform;
      platform["architecture"] = stored.config.platform.architecture;
      platform["os"] = stored.config.platform.os;
      if (!stored.config.platform.variant.empty()) {
        platform["variant"] = stored.config.platform.variant;
      }
      entry["ImageData"] = {{"Platform", std::move(platform)},
                            {"Containers", Json::array()},
                            {"Size", {{"Unpacked", unpacked}}}};
    }
    list.push_back(std::move(entry));
  }
  json["Manifests"] = std::move(list);
}

}  // namespace slipway::cmd
