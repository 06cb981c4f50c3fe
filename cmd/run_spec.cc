#include "cmd/run_spec.h"

#include <algorithm>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/devices/apply_edits.h"
#include "builder/layer/owners.h"
#include "builder/ops/exec_settings.h"
#include "builder/ops/resolv_conf.h"
#include "builder/sandbox/seccomp_filter.h"
#include "cmd/build_flags.h"

namespace slipway::cmd {

namespace {

using base::cat;
using base::ImagePath;

constexpr std::string_view kPathDefault =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void fail_usage(std::string message, std::string hint = {}) {
  base::fail(base::ErrorKind::kUsage, std::move(message), std::move(hint));
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

// A variable that is there keeps its place and gets the new value.
void set_variable(std::vector<std::string>& variables, const std::string& variable) {
  auto found = std::find_if(variables.begin(), variables.end(), [&](const std::string& known) {
    return name_of(known) == name_of(variable);
  });
  if (found == variables.end()) {
    variables.push_back(variable);
  } else {
    *found = variable;
  }
}

void apply(const EnvironmentChange& change, std::vector<std::string>& variables) {
  if (change.value) {
    set_variable(variables, cat(change.name, "=", *change.value));
  } else {
    std::erase_if(variables,
                  [&](const std::string& known) { return name_of(known) == change.name; });
  }
}

std::string hosts_text(const builder::ExecSettings& settings, const std::string& hostname) {
  std::string text =
      cat("127.0.0.1\tlocalhost ", hostname,
          "\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"
          "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
  for (const auto& [name, address] : settings.hosts) {
    text += cat(address, "\t", name, "\n");
  }
  return text;
}

void set_network(builder::SandboxSpec& spec, const RunFlags& flags,
                 const builder::ExecSettings& settings, const RunSurroundings& surroundings) {
  bool by_default =
      flags.network.empty() || flags.network == "default" || flags.network == "bridge";
  if (flags.network == "none") {
    spec.network = builder::NetworkMode::kNone;
  } else if (by_default && surroundings.user_network) {
    spec.network = builder::NetworkMode::kUser;
    spec.user_network = surroundings.user_network;
    spec.resolv_conf_behind_network = builder::resolv_conf_with(
        settings,
        builder::resolv_conf_behind(*surroundings.user_network, surroundings.resolv_conf));
  } else if (by_default || flags.network == "host") {
    spec.network = builder::NetworkMode::kHost;
  } else {
    fail_usage(cat("network ", base::quote(flags.network), " not found"),
               "--network is default, none or host");
  }
  spec.resolv_conf = builder::resolv_conf_with(settings, surroundings.resolv_conf);
}

// What the default filter lets through depends on the capabilities.
void set_security(builder::SandboxSpec& spec, const RunFlags& flags) {
  spec.security =
      flags.privileged ? builder::SecurityMode::kInsecure : builder::SecurityMode::kSandbox;
  spec.capabilities = capabilities_of(flags);
  if (spec.capabilities != builder::kDefaultCapabilities && !spec.seccomp) {
    spec.seccomp = builder::compile_seccomp(builder::default_seccomp_profile(spec.capabilities));
  }
}

std::vector<builder::MountEntry> mounts_of(const RunFlags& flags,
                                           const std::string& working_directory) {
  std::vector<builder::MountEntry> mounts;
  for (const std::string& volume : flags.volumes) {
    if (std::optional<builder::BindMount> mount = parse_volume(volume, working_directory)) {
      mounts.emplace_back(*std::move(mount));
    }
  }
  for (const std::string& text : flags.mounts) {
    if (std::optional<builder::MountEntry> mount = parse_mount(text, working_directory)) {
      mounts.push_back(*std::move(mount));
    }
  }
  for (const std::string& text : flags.tmpfs) {
    mounts.emplace_back(parse_tmpfs(text));
  }
  for (const std::string& text : flags.devices) {
    if (text.starts_with('/')) {
      mounts.emplace_back(parse_device(text));
    }
  }
  return mounts;
}

// Those of device files; who names one by hand allows it.
void add_devices(builder::SandboxSpec& spec, const RunFlags& flags,
                 const builder::ExecSettings& settings) {
  std::vector<builder::DeviceRequest> requests;
  for (const std::string& text : flags.devices) {
    if (!text.starts_with('/')) {
      requests.push_back({text, true});
    }
  }
  if (requests.empty()) {
    return;
  }
  builder::DeviceRegistry registry(settings.cdi_folders);
  std::vector<std::string> names = registry.choose(requests).names;
  builder::apply_edits(registry.edits_of(names), base::join(names, ", "), spec);
}

}  // namespace

std::vector<std::string> run_arguments(const RunFlags& flags,
                                       const registry::ContainerConfig& config) {
  std::vector<std::string> given(flags.words.begin() + 1, flags.words.end());
  std::vector<std::string> argv;
  if (!flags.entrypoint) {
    argv = config.entrypoint.value_or(argv);
  } else if (!flags.entrypoint->empty()) {
    argv = {*flags.entrypoint};
  }
  // A new entrypoint does not get the arguments that were meant for the old one.
  bool takes_cmd = given.empty() && !flags.entrypoint;
  const std::vector<std::string> cmd = config.cmd.value_or(std::vector<std::string>());
  const std::vector<std::string>& arguments = takes_cmd ? cmd : given;
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  if (argv.empty() || argv.front().empty()) {
    fail_usage("no command specified: the image has neither ENTRYPOINT nor CMD",
               "name one: slipway run IMAGE COMMAND");
  }
  return argv;
}

std::vector<std::string> run_environment(const RunFlags& flags,
                                         const registry::ContainerConfig& config,
                                         const std::string& hostname,
                                         const Environment& environment) {
  std::vector<std::string> variables = {cat("PATH=", kPathDefault), cat("HOSTNAME=", hostname)};
  if (flags.terminal) {
    variables.emplace_back("TERM=xterm");
  }
  for (const std::string& variable : config.env) {
    set_variable(variables, variable);
  }
  for (const EnvironmentChange& change : environment_changes(flags, environment)) {
    apply(change, variables);
  }
  return variables;
}

registry::ContainerConfig container_config(const RunFlags& flags,
                                           const registry::ContainerConfig& config,
                                           const Environment& environment) {
  registry::ContainerConfig container = config;
  for (const EnvironmentChange& change : environment_changes(flags, environment)) {
    apply(change, container.env);
  }
  std::vector<std::string> given(flags.words.begin() + 1, flags.words.end());
  if (flags.entrypoint) {
    container.entrypoint.reset();
    container.cmd.reset();
    if (!flags.entrypoint->empty()) {
      container.entrypoint = {*flags.entrypoint};
    }
  }
  if (!given.empty()) {
    container.cmd = std::move(given);
  }
  container.user = flags.user.empty() ? config.user : flags.user;
  container.working_dir =
      flags.working_directory.empty() ? config.working_dir : flags.working_directory;
  for (const std::string& label : flags.labels) {
    auto pair = base::split_once(label, '=');
    container.labels.insert_or_assign(std::string(pair ? pair->before : std::string_view(label)),
                                      std::string(pair ? pair->after : std::string_view()));
  }
  return container;
}

builder::SandboxSpec make_run_spec(const RunFlags& flags, const registry::ContainerConfig& config,
                                   const builder::TreeView& root,
                                   const RunSurroundings& surroundings) {
  builder::ExecSettings settings;
  apply_step_flags(flags.steps, settings, capabilities_of(flags));
  settings.runtime = runtime_of(flags.steps, *surroundings.environment);
  builder::SandboxSpec spec;
  builder::apply_limits(settings, spec);
  spec.argv = run_arguments(flags, config);
  spec.mounts = mounts_of(flags, surroundings.working_directory);
  spec.hostname = flags.hostname.empty() ? surroundings.random_name : flags.hostname;
  spec.hosts = hosts_text(settings, spec.hostname);
  spec.environment = run_environment(flags, config, spec.hostname, *surroundings.environment);
  std::string directory =
      flags.working_directory.empty() ? config.working_dir : flags.working_directory;
  if (!directory.empty() && !directory.starts_with('/') && !flags.working_directory.empty()) {
    fail_usage(cat("the working directory ", base::quote(directory),
                   " is invalid: it needs to be an absolute path"));
  }
  spec.working_directory = ImagePath::clean(directory);
  builder::ProcessUser user =
      builder::find_process_user(root, flags.user.empty() ? config.user : flags.user);
  spec.user = {user.uid, user.gid, {user.groups.begin(), user.groups.end()}};
  for (const std::string& group : flags.groups) {
    spec.user.groups.push_back(builder::find_process_user(root, cat("0:", group)).gid);
  }
  bool has_home =
      std::any_of(spec.environment.begin(), spec.environment.end(),
                  [](const std::string& variable) { return name_of(variable) == "HOME"; });
  if (!has_home) {
    spec.environment.push_back(cat("HOME=", user.home));
  }
  set_network(spec, flags, settings, surroundings);
  set_security(spec, flags);
  add_devices(spec, flags, settings);
  return spec;
}

}  // namespace slipway::cmd
