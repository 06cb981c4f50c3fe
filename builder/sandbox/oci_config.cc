#include "builder/sandbox/oci_config.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/system_mounts.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

namespace {

using base::cat;
using nlohmann::json;

constexpr unsigned kFileModeMask = 022;

// By resource: the names of the specification are those of setrlimit(2).
const std::map<int, const char*>& limit_names() {
  static const std::map<int, const char*> kNames = {
      {RLIMIT_AS, "RLIMIT_AS"},           {RLIMIT_CORE, "RLIMIT_CORE"},
      {RLIMIT_CPU, "RLIMIT_CPU"},         {RLIMIT_DATA, "RLIMIT_DATA"},
      {RLIMIT_FSIZE, "RLIMIT_FSIZE"},     {RLIMIT_LOCKS, "RLIMIT_LOCKS"},
      {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"}, {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
      {RLIMIT_NICE, "RLIMIT_NICE"},       {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
      {RLIMIT_NPROC, "RLIMIT_NPROC"},     {RLIMIT_RSS, "RLIMIT_RSS"},
      {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},   {RLIMIT_RTTIME, "RLIMIT_RTTIME"},
      {RLIMIT_STACK, "RLIMIT_STACK"},     {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"}};
  return kNames;
}

// What the spec does not name is as in the owner; only the number of open files was raised since.
json limits_json(const SandboxSpec& spec, const rlimit& open_files) {
  std::map<int, std::pair<std::uint64_t, std::uint64_t>> limits;
  limits[RLIMIT_NOFILE] = {open_files.rlim_cur, open_files.rlim_max};
  for (const ResourceLimit& limit : spec.resource_limits) {
    limits[limit.resource] = {limit.soft, limit.hard};
  }
  json list = json::array();
  for (const auto& [resource, values] : limits) {
    list.push_back(
        {{"type", limit_names().at(resource)}, {"soft", values.first}, {"hard", values.second}});
  }
  return list;
}

json capabilities_json(const SandboxSpec& spec, std::uint64_t permitted) {
  bool is_sandboxed = spec.security == SecurityMode::kSandbox;
  json names = json::array();
  for (const std::string& name :
       capability_names(is_sandboxed ? spec.capabilities & permitted : permitted)) {
    names.push_back(name);
  }
  json effective = spec.user.uid == 0 ? names : json::array();
  return {{"bounding", std::move(names)},
          {"effective", effective},
          {"permitted", effective},
          {"inheritable", json::array()},
          {"ambient", json::array()}};
}

json process_json(const SandboxSpec& spec, const OciSurroundings& surroundings) {
  json process = {{"terminal", spec.terminal.has_value()},
                  {"user",
                   {{"uid", spec.user.uid},
                    {"gid", spec.user.gid},
                    {"umask", kFileModeMask},
                    {"additionalGids", spec.user.groups}}},
                  {"args", spec.argv},
                  {"env", spec.environment},
                  {"cwd", spec.working_directory.text()},
                  {"capabilities", capabilities_json(spec, surroundings.permitted_capabilities)},
                  {"rlimits", limits_json(spec, surroundings.open_files)},
                  {"noNewPrivileges", spec.no_new_privileges}};
  if (spec.terminal) {
    process["consoleSize"] = {{"height", spec.terminal->rows}, {"width", spec.terminal->columns}};
  }
  return process;
}

json new_mount(const char* target, const char* type, std::vector<std::string> options) {
  return {
      {"destination", target}, {"type", type}, {"source", type}, {"options", std::move(options)}};
}

struct NamedAttribute {
  std::uint64_t attribute;
  const char* name;
};
constexpr NamedAttribute kAttributes[] = {{MOUNT_ATTR_RDONLY, "ro"},
                                          {MOUNT_ATTR_NOSUID, "nosuid"},
                                          {MOUNT_ATTR_NODEV, "nodev"},
                                          {MOUNT_ATTR_NOEXEC, "noexec"}};

json bind_mount(const std::string& target, const std::string& source, std::uint64_t attributes) {
  json options = {"rbind", "rprivate"};
  for (const auto& [attribute, name] : kAttributes) {
    if ((attributes & attribute) != 0) {
      options.push_back(name);
    }
  }
  return {{"destination", target}, {"type", "bind"}, {"source", source}, {"options", options}};
}

void add_dev(const SandboxSpec& spec, const OciSurroundings& surroundings, json& mounts) {
  std::vector<std::string> options = {"nosuid", "strictatime", "mode=755", "size=65536k"};
  if (surroundings.devices_are_mounts) {
    options.emplace_back("nodev");
  }
  mounts.push_back(new_mount("/dev", "tmpfs", std::move(options)));
  std::vector<std::string> terminals = {"nosuid", "noexec", "newinstance", "ptmxmode=0666",
                                        "mode=0620"};
  if (surroundings.has_tty_group) {
    terminals.emplace_back("gid=5");
  }
  mounts.push_back(new_mount("/dev/pts", "devpts", std::move(terminals)));
  if (surroundings.has_message_queues) {
    mounts.push_back(new_mount("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  }
  bool has_memory = std::ranges::any_of(
      surroundings.mounts, [](const OciMount& mount) { return mount.target.text() == "/dev/shm"; });
  if (!has_memory) {
    mounts.push_back(
        new_mount("/dev/shm", "tmpfs",
                  {"nosuid", "noexec", "nodev", "mode=1777", cat("size=", spec.shm_size_bytes)}));
  }
}

json mounts_json(const SandboxSpec& spec, const OciSurroundings& surroundings) {
  bool is_sandboxed = spec.security == SecurityMode::kSandbox;
  constexpr std::uint64_t kSystemData = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  std::uint64_t system = kSystemData | (is_sandboxed ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0);
  json mounts = json::array();
  mounts.push_back(new_mount("/proc", "proc", {"nosuid", "noexec", "nodev"}));
  add_dev(spec, surroundings, mounts);
  if (surroundings.sys.empty()) {
    mounts.push_back(
        new_mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", is_sandboxed ? "ro" : "rw"}));
  } else {
    mounts.push_back(bind_mount("/sys", surroundings.sys, system));
  }
  if (!surroundings.cgroups.empty()) {
    mounts.push_back(bind_mount("/sys/fs/cgroup", surroundings.cgroups, system));
  }
  for (const OciMount& mount : surroundings.mounts) {
    mounts.push_back(bind_mount(mount.target.text(), mount.source, mount.attributes));
  }
  return mounts;
}

json hooks_json(const std::vector<OciHook>& hooks, const OciSurroundings& surroundings) {
  json by_stage = json::object();
  for (const OciHook& hook : hooks) {
    json one = {{"path", hook.path}};
    if (!hook.arguments.empty()) {
      one["args"] = hook.arguments;
    }
    if (!hook.environment.empty()) {
      one["env"] = hook.environment;
    }
    if (hook.timeout_s) {
      one["timeout"] = *hook.timeout_s;
    }
    by_stage[hook.stage].push_back(std::move(one));
  }
  if (!surroundings.hook_program.empty()) {
    by_stage["createContainer"].push_back(
        {{"path", surroundings.hook_program},
         {"args",
          {kHelperName, kContainerHookArgument, surroundings.root,
           cat(MOUNT_ATTR_NODEV | (surroundings.root_is_read_only ? MOUNT_ATTR_RDONLY : 0))}}});
  }
  return by_stage;
}

std::string seccomp_of(const SandboxSpec& spec) {
  return spec.runtime && spec.runtime->seccomp
             ? *spec.runtime->seccomp
             : oci_seccomp(default_seccomp_profile(spec.capabilities));
}

json linux_json(const SandboxSpec& spec) {
  json linux = {{"namespaces",
                 {{{"type", "pid"}}, {{"type", "ipc"}}, {{"type", "uts"}}, {{"type", "mount"}}}}};
  if (spec.security == SecurityMode::kInsecure) {
    return linux;
  }
  linux["maskedPaths"] = hidden_paths();
  linux["readonlyPaths"] = read_only_paths();
  std::string seccomp = seccomp_of(spec);
  if (!seccomp.empty()) {
    linux["seccomp"] = base::parse_json(seccomp, "the system call filter");
  }
  return linux;
}

json condition_json(const SeccompCondition& condition) {
  using Compare = SeccompCondition::Compare;
  if (condition.compare == Compare::kMaskedEqual) {
    return {{"index", condition.argument},
            {"value", condition.mask},
            {"valueTwo", condition.value},
            {"op", "SCMP_CMP_MASKED_EQ"}};
  }
  return {{"index", condition.argument},
          {"value", condition.value},
          {"op", condition.compare == Compare::kEqual ? "SCMP_CMP_EQ" : "SCMP_CMP_NE"}};
}

json rule_json(const SeccompRule& rule) {
  json call = {{"names", rule.names}};
  if (rule.error_number == 0) {
    call["action"] = "SCMP_ACT_ALLOW";
  } else {
    call["action"] = "SCMP_ACT_ERRNO";
    call["errnoRet"] = rule.error_number;
  }
  for (const SeccompCondition& condition : rule.conditions) {
    call["args"].push_back(condition_json(condition));
  }
  return call;
}

}  // namespace

std::string oci_seccomp(const SeccompProfile& profile) {
#if defined(__x86_64__)
  constexpr std::array<const char*, 2> kArchitectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
#elif defined(__aarch64__)
  constexpr std::array<const char*, 2> kArchitectures = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#endif
  json calls = json::array();
  for (const SeccompRule& rule : profile.rules) {
    // libseccomp takes no rule that says what holds anyhow.
    if (rule.error_number != profile.default_error_number) {
      calls.push_back(rule_json(rule));
    }
  }
  json document = {{"architectures", kArchitectures}, {"syscalls", std::move(calls)}};
  if (profile.default_error_number == 0) {
    document["defaultAction"] = "SCMP_ACT_ALLOW";
  } else {
    document["defaultAction"] = "SCMP_ACT_ERRNO";
    document["defaultErrnoRet"] = profile.default_error_number;
  }
  return base::dump_json(document);
}

std::string oci_config(const SandboxSpec& spec, const OciSurroundings& surroundings) {
  bool is_read_only = surroundings.root_is_read_only && surroundings.hook_program.empty();
  json config = {{"ociVersion", "1.0.2"},
                 {"process", process_json(spec, surroundings)},
                 {"root", {{"path", surroundings.root}, {"readonly", is_read_only}}},
                 {"mounts", mounts_json(spec, surroundings)},
                 {"linux", linux_json(spec)}};
  if (!spec.hostname.empty()) {
    config["hostname"] = spec.hostname;
  }
  config["hooks"] =
      hooks_json(spec.runtime ? spec.runtime->hooks : std::vector<OciHook>(), surroundings);
  // A document is UTF-8, so no other bytes can be handed over by one.
  std::string text = base::dump_json(config);
  if (text != config.dump(-1, ' ', false, json::error_handler_t::ignore)) {
    base::fail(base::ErrorKind::kInput,
               "an argument, variable or path of the step is not valid UTF-8, which can't be "
               "handed to an OCI runtime",
               "run the step without --runtime");
  }
  return text;
}

}  // namespace slipway::builder
