#include "builder/ops/kept_step.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace slipway::builder {

using nlohmann::json;

namespace {

constexpr int kFormat = 2;
constexpr std::string_view kWhat = "the description of a failed step";

// Bytes that need not be UTF-8, which JSON is: arguments, variables, the compiled filter.
json bytes_json(std::string_view bytes) {
  return base::to_base64(bytes);
}
std::string bytes_of(const json& value) {
  std::optional<std::string> bytes = base::from_base64(value.get<std::string>());
  if (!bytes) {
    base::fail(base::ErrorKind::kInput, base::cat(kWhat, " is damaged"));
  }
  return *std::move(bytes);
}

json list_json(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const std::string& text : texts) {
    list.push_back(bytes_json(text));
  }
  return list;
}
std::vector<std::string> list_of(const json& list) {
  std::vector<std::string> texts;
  for (const json& text : list) {
    texts.push_back(bytes_of(text));
  }
  return texts;
}

template <typename Number>
json optional_json(const std::optional<Number>& value) {
  return value ? json(*value) : json();
}
template <typename Number>
std::optional<Number> optional_of(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<Number>());
}

json state_json(const State& state) {
  json layers = json::array();
  for (const LayerRef& layer : state.layers()) {
    layers.push_back({layer.diff_id.text(), layer.content_id ? layer.content_id->text() : ""});
  }
  return layers;
}

base::Digest digest_of(const json& value) {
  auto digest = base::Digest::parse(value.get<std::string>());
  if (!digest) {
    base::fail(base::ErrorKind::kInput, base::cat(kWhat, " is damaged"));
  }
  return *std::move(digest);
}

State state_of(const json& layers) {
  State state;
  for (const json& layer : layers) {
    LayerRef ref{cache::DiffId(digest_of(layer.at(0))), std::nullopt};
    if (!layer.at(1).get_ref<const std::string&>().empty()) {
      ref.content_id = cache::ContentId(digest_of(layer.at(1)));
    }
    state.push(std::move(ref));
  }
  return state;
}

json mount_json(const ExecMount& mount) {
  return {{"kind", static_cast<int>(mount.kind)},
          {"target", bytes_json(mount.target)},
          {"from", mount.from ? json(index_of(*mount.from)) : json()},
          {"source", bytes_json(mount.source)},
          {"readOnly", mount.read_only},
          {"id", bytes_json(mount.id)},
          {"sharing", static_cast<int>(mount.sharing)},
          {"mode", optional_json(mount.mode)},
          {"uid", optional_json(mount.uid)},
          {"gid", optional_json(mount.gid)},
          {"size", optional_json(mount.size_bytes)},
          {"environment", bytes_json(mount.environment_name)}};
}

// `required` is not kept: whoever looks into the step need not have its secrets.
ExecMount mount_of(const json& value) {
  ExecMount mount;
  mount.kind = static_cast<ExecMount::Kind>(value.at("kind").get<int>());
  mount.target = bytes_of(value.at("target"));
  if (!value.at("from").is_null()) {
    mount.from = VertexId(value.at("from").get<std::uint32_t>());
  }
  mount.source = bytes_of(value.at("source"));
  mount.read_only = value.at("readOnly").get<bool>();
  mount.id = bytes_of(value.at("id"));
  mount.sharing = static_cast<ExecMount::Sharing>(value.at("sharing").get<int>());
  mount.mode = optional_of<std::uint32_t>(value.at("mode"));
  mount.uid = optional_of<std::uint32_t>(value.at("uid"));
  mount.gid = optional_of<std::uint32_t>(value.at("gid"));
  mount.size_bytes = optional_of<std::uint64_t>(value.at("size"));
  mount.environment_name = bytes_of(value.at("environment"));
  return mount;
}

json exec_json(const Exec& exec) {
  json mounts = json::array();
  for (const ExecMount& mount : exec.mounts) {
    mounts.push_back(mount_json(mount));
  }
  json files = json::array();
  for (const ExecFile& file : exec.files) {
    files.push_back({bytes_json(file.name), bytes_json(file.content)});
  }
  return {{"argv", list_json(exec.argv)},
          {"environment", list_json(exec.environment.assignments())},
          {"workingDirectory", bytes_json(exec.working_directory)},
          {"user", bytes_json(exec.user)},
          {"mounts", std::move(mounts)},
          {"files", std::move(files)},
          {"devices", list_json(exec.devices)},
          {"network", static_cast<int>(exec.network)},
          {"security", static_cast<int>(exec.security)},
          {"hostname", bytes_json(exec.hostname)}};
}

Exec exec_of(const json& value) {
  Exec exec;
  exec.argv = list_of(value.at("argv"));
  exec.environment = Environment(list_of(value.at("environment")));
  exec.working_directory = bytes_of(value.at("workingDirectory"));
  exec.user = bytes_of(value.at("user"));
  for (const json& mount : value.at("mounts")) {
    exec.mounts.push_back(mount_of(mount));
  }
  for (const json& file : value.at("files")) {
    exec.files.push_back({bytes_of(file.at(0)), bytes_of(file.at(1))});
  }
  exec.devices = list_of(value.at("devices"));
  exec.network = static_cast<Exec::Network>(value.at("network").get<int>());
  exec.security = static_cast<Exec::Security>(value.at("security").get<int>());
  exec.hostname = bytes_of(value.at("hostname"));
  return exec;
}

json cgroup_json(const CgroupLimits& limits) {
  return {{"memory", optional_json(limits.memory_bytes)},
          {"memoryAndSwap", optional_json(limits.memory_and_swap_bytes)},
          {"quota", optional_json(limits.cpu_quota_us)},
          {"period", limits.cpu_period_us},
          {"shares", optional_json(limits.cpu_shares)},
          {"cpus", limits.cpuset_cpus},
          {"mems", limits.cpuset_mems},
          {"pids", optional_json(limits.pids_max)},
          {"parent", bytes_json(limits.parent)}};
}

CgroupLimits cgroup_of(const json& value) {
  CgroupLimits limits;
  limits.memory_bytes = optional_of<std::uint64_t>(value.at("memory"));
  limits.memory_and_swap_bytes = optional_of<std::uint64_t>(value.at("memoryAndSwap"));
  limits.cpu_quota_us = optional_of<std::uint64_t>(value.at("quota"));
  limits.cpu_period_us = value.at("period").get<std::uint64_t>();
  limits.cpu_shares = optional_of<std::uint64_t>(value.at("shares"));
  limits.cpuset_cpus = value.at("cpus").get<std::string>();
  limits.cpuset_mems = value.at("mems").get<std::string>();
  limits.pids_max = optional_of<std::uint64_t>(value.at("pids"));
  limits.parent = bytes_of(value.at("parent"));
  return limits;
}

json devices_json(const ExecSettings& settings) {
  json names = json::array();
  for (const auto& [name, behind] : settings.allowed_devices.names) {
    names.push_back({bytes_json(name), bytes_json(behind)});
  }
  return {{"all", settings.allowed_devices.all},
          {"names", std::move(names)},
          {"folders", list_json(settings.cdi_folders)}};
}

void set_devices(const json& value, ExecSettings& settings) {
  settings.allowed_devices.all = value.at("all").get<bool>();
  for (const json& name : value.at("names")) {
    settings.allowed_devices.names[bytes_of(name.at(0))] = bytes_of(name.at(1));
  }
  settings.cdi_folders = list_of(value.at("folders"));
}

json settings_json(const ExecSettings& settings) {
  json ulimits = json::array();
  for (const auto& [name, values] : settings.ulimits) {
    ulimits.push_back({name, values.first, values.second});
  }
  json hosts = json::array();
  for (const auto& [name, address] : settings.hosts) {
    hosts.push_back({bytes_json(name), bytes_json(address)});
  }
  return {{"hostNetwork", settings.allow_host_network},
          {"insecure", settings.allow_insecure},
          {"devices", devices_json(settings)},
          {"runtime", settings.runtime ? bytes_json(settings.runtime->program) : json()},
          {"cacheNameSpace", bytes_json(settings.cache_name_space)},
          {"shmSize", optional_json(settings.shm_size_bytes)},
          {"ulimits", std::move(ulimits)},
          {"cgroup", cgroup_json(settings.cgroup)},
          {"seccomp", settings.seccomp ? bytes_json(*settings.seccomp) : json()},
          {"seccompDocument",
           settings.seccomp_document ? bytes_json(*settings.seccomp_document) : json()},
          {"noNewPrivileges", settings.no_new_privileges},
          {"hosts", std::move(hosts)},
          {"dns", list_json(settings.dns_servers)},
          {"dnsSearch", list_json(settings.dns_search)},
          {"dnsOptions", list_json(settings.dns_options)}};
}

ExecSettings settings_of(const json& value) {
  ExecSettings settings;
  settings.allow_host_network = value.at("hostNetwork").get<bool>();
  settings.allow_insecure = value.at("insecure").get<bool>();
  set_devices(value.at("devices"), settings);
  if (!value.at("runtime").is_null()) {
    settings.runtime = OciRuntime{.program = bytes_of(value.at("runtime"))};
  }
  settings.cache_name_space = bytes_of(value.at("cacheNameSpace"));
  settings.shm_size_bytes = optional_of<std::uint64_t>(value.at("shmSize"));
  for (const json& limit : value.at("ulimits")) {
    settings.ulimits.push_back(
        {limit.at(0).get<std::string>(),
         {limit.at(1).get<std::uint64_t>(), limit.at(2).get<std::uint64_t>()}});
  }
  settings.cgroup = cgroup_of(value.at("cgroup"));
  if (!value.at("seccomp").is_null()) {
    settings.seccomp = bytes_of(value.at("seccomp"));
  }
  if (!value.at("seccompDocument").is_null()) {
    settings.seccomp_document = bytes_of(value.at("seccompDocument"));
  }
  settings.no_new_privileges = value.at("noNewPrivileges").get<bool>();
  for (const json& host : value.at("hosts")) {
    settings.hosts.emplace_back(bytes_of(host.at(0)), bytes_of(host.at(1)));
  }
  settings.dns_servers = list_of(value.at("dns"));
  settings.dns_search = list_of(value.at("dnsSearch"));
  settings.dns_options = list_of(value.at("dnsOptions"));
  return settings;
}

}  // namespace

std::vector<std::string> secrets_of(const KeptStep& step) {
  std::set<std::string> ids;
  for (const ExecMount& mount : step.exec.mounts) {
    if (mount.kind == ExecMount::Kind::kSecret || mount.kind == ExecMount::Kind::kSsh) {
      ids.insert(mount.id);
    }
  }
  return {ids.begin(), ids.end()};
}

std::vector<cache::DiffId> layers_of(const KeptStep& step) {
  std::set<cache::DiffId> layers;
  auto add = [&](const State& state) {
    for (const LayerRef& layer : state.layers()) {
      layers.insert(layer.diff_id);
    }
  };
  add(step.base);
  for (const auto& [id, state] : step.inputs) {
    add(state);
  }
  return {layers.begin(), layers.end()};
}

std::string serialise(const KeptStep& step) {
  json inputs = json::array();
  for (const auto& [id, state] : step.inputs) {
    inputs.push_back({index_of(id), state_json(state)});
  }
  json lines = json::array();
  for (const SourceLines& range : step.lines) {
    lines.push_back({range.first, range.last});
  }
  return base::dump_json({{"format", kFormat},
                          {"name", step.name},
                          {"file", step.file},
                          {"lines", std::move(lines)},
                          {"failure", step.failure},
                          {"exec", exec_json(step.exec)},
                          {"base", state_json(step.base)},
                          {"inputs", std::move(inputs)},
                          {"settings", settings_json(step.settings)}});
}

KeptStep parse_kept_step(std::string_view text) {
  json value = base::parse_json(text, kWhat);
  if (!value.is_object() || value.value("format", 0) != kFormat) {
    base::fail(base::ErrorKind::kInput, "another version of slipway has kept this step",
               "build again");
  }
  KeptStep step;
  step.name = value.at("name").get<std::string>();
  step.file = value.at("file").get<std::string>();
  for (const json& range : value.at("lines")) {
    step.lines.push_back({range.at(0).get<int>(), range.at(1).get<int>()});
  }
  step.failure = value.at("failure").get<std::string>();
  step.exec = exec_of(value.at("exec"));
  step.base = state_of(value.at("base"));
  for (const json& input : value.at("inputs")) {
    step.inputs[VertexId(input.at(0).get<std::uint32_t>())] = state_of(input.at(1));
  }
  step.settings = settings_of(value.at("settings"));
  return step;
}

}  // namespace slipway::builder
