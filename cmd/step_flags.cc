#include "cmd/step_flags.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/oci_config.h"
#include "builder/sandbox/oci_runtime.h"
#include "builder/sandbox/seccomp_json.h"
#include "cmd/build_flags.h"
#include "parser/durations.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kProfileBytesMax = std::size_t{4} << 20;
constexpr std::int64_t kNsPerMs = 1'000'000;

[[noreturn]] void fail_usage(std::string message, std::string hint = {}) {
  base::fail(base::ErrorKind::kUsage, std::move(message), std::move(hint));
}

std::uint64_t parse_limit(const std::string& text, std::string_view whole) {
  if (text == "-1" || text == "unlimited") {
    return std::numeric_limits<std::uint64_t>::max();
  }
  std::optional<std::uint64_t> value = base::parse_integer<std::uint64_t>(text);
  if (!value) {
    fail_usage(cat("--ulimit ", whole, ": ", base::quote(text), " is no number"));
  }
  return *value;
}

void add_ulimit(const std::string& text, builder::ExecSettings& settings) {
  auto pair = base::split_once(text, '=');
  if (!pair) {
    fail_usage(cat("--ulimit ", text, ": give it as NAME=SOFT[:HARD]"));
  }
  auto values = base::split_once(pair->after, ':');
  std::uint64_t soft = parse_limit(std::string(values ? values->before : pair->after), text);
  std::uint64_t hard = values ? parse_limit(std::string(values->after), text) : soft;
  settings.ulimits.push_back({std::string(pair->before), {soft, hard}});
}

void add_host(const std::string& text, builder::ExecSettings& settings) {
  std::size_t place = text.find_first_of(":=");
  if (place == std::string::npos || place == 0) {
    fail_usage(cat("--add-host ", text, ": give it as NAME:ADDRESS"));
  }
  settings.hosts.emplace_back(text.substr(0, place), text.substr(place + 1));
}

// A line of resolv.conf is made of it.
void add_line_word(const char* flag, const std::string& text, std::vector<std::string>& into) {
  if (text.empty() || text.find_first_of(" \t\r\n") != std::string::npos) {
    fail_usage(cat(flag, " ", base::quote(text), ": one word is wanted"));
  }
  into.push_back(text);
}

std::uint64_t parse_count(std::string_view flag, const std::string& text) {
  std::optional<std::uint64_t> count = base::parse_integer<std::uint64_t>(text);
  if (!count || *count == 0) {
    fail_usage(cat(flag, "=", text, ": give a whole number above 0"));
  }
  return *count;
}

// Docker's 0 is no limit, and the default.
std::optional<std::uint64_t> parse_size_flag(std::string_view flag, const std::string& text) {
  std::optional<std::uint64_t> size = parse_size(text);
  if (!size) {
    fail_usage(cat(flag, "=", text, ": give a size as 64m or 2g"));
  }
  return *size == 0 ? std::nullopt : size;
}

// "0-2,4"
void check_set(std::string_view flag, const std::string& text) {
  if (text.find_first_not_of("0123456789,-") != std::string::npos) {
    fail_usage(cat(flag, "=", text, ": give numbers and ranges, as 0-2,4"));
  }
}

void set_memory(const StepFlags& flags, builder::CgroupLimits& limits) {
  if (!flags.memory.empty()) {
    limits.memory_bytes = parse_size_flag("--memory", flags.memory);
  }
  // -1: as much swap as there is, which is what a step has without a limit.
  if (flags.memory_swap.empty() || flags.memory_swap == "-1") {
    return;
  }
  limits.memory_and_swap_bytes = parse_size_flag("--memory-swap", flags.memory_swap);
  if (limits.memory_and_swap_bytes &&
      (!limits.memory_bytes || *limits.memory_and_swap_bytes < *limits.memory_bytes)) {
    fail_usage(cat("--memory-swap=", flags.memory_swap,
                   ": it is memory and swap together, so it needs a --memory that is not more"));
  }
}

void set_processors(const StepFlags& flags, builder::CgroupLimits& limits) {
  if (!flags.cpus.empty() && !(flags.cpu_period.empty() && flags.cpu_quota.empty())) {
    fail_usage("--cpus says the same as --cpu-quota and --cpu-period: give one of them");
  }
  if (!flags.cpu_period.empty()) {
    limits.cpu_period_us = parse_count("--cpu-period", flags.cpu_period);
  }
  if (!flags.cpu_quota.empty()) {
    limits.cpu_quota_us = parse_count("--cpu-quota", flags.cpu_quota);
  }
  if (!flags.cpus.empty()) {
    std::optional<double> cpus = parse_processors(flags.cpus);
    if (!cpus) {
      fail_usage(cat("--cpus=", flags.cpus, ": give a number of processors, as 1.5"));
    }
    limits.cpu_quota_us =
        static_cast<std::uint64_t>(std::llround(*cpus * static_cast<double>(limits.cpu_period_us)));
  }
  if (!flags.cpu_shares.empty()) {
    limits.cpu_shares = parse_count("--cpu-shares", flags.cpu_shares);
  }
  check_set("--cpuset-cpus", flags.cpuset_cpus);
  check_set("--cpuset-mems", flags.cpuset_mems);
  limits.cpuset_cpus = flags.cpuset_cpus;
  limits.cpuset_mems = flags.cpuset_mems;
}

// A group's name in every hierarchy, so nothing that leads out of one.
std::string parse_group(const std::string& text) {
  std::string name(text.substr(std::min(text.find_first_not_of('/'), text.size())));
  for (std::string_view part : base::split(name, '/')) {
    if (part == ".." || part == "." || (part.empty() && !name.empty())) {
      fail_usage(cat("--cgroup-parent=", text, ": give the name of a control group, as a/b"));
    }
  }
  return name;
}

void set_seccomp(const std::string& value, std::uint64_t capabilities,
                 builder::ExecSettings& settings) {
  if (value == "unconfined") {
    settings.seccomp = "";
    settings.seccomp_document = "";
    return;
  }
  std::optional<std::string> text = base::find_file_content(value, kProfileBytesMax);
  if (!text) {
    base::fail(base::ErrorKind::kNotFound, cat("--security-opt seccomp=", value, ": no such file"),
               "give a profile in Docker's JSON format, or unconfined");
  }
  base::noting([&] { return cat("reading ", value); },
               [&] {
                 builder::SeccompProfile profile =
                     builder::parse_seccomp_profile(*text, capabilities);
                 settings.seccomp = builder::compile_seccomp(profile);
                 settings.seccomp_document = builder::oci_seccomp(profile);
               });
}

// Docker takes an equal sign or a colon after the name.
void add_security(const std::string& text, std::uint64_t capabilities,
                  builder::ExecSettings& settings) {
  std::size_t place = text.find_first_of("=:");
  std::string name = text.substr(0, place);
  std::string value = place == std::string::npos ? "" : text.substr(place + 1);
  if (name == "seccomp" && !value.empty()) {
    set_seccomp(value, capabilities, settings);
  } else if (name == "no-new-privileges" && (value.empty() || value == "true")) {
    settings.no_new_privileges = true;
  } else if (name == "no-new-privileges" && value == "false") {
    settings.no_new_privileges = false;
  } else {
    static const std::vector<std::string> kKnown = {"seccomp", "no-new-privileges"};
    fail_usage(cat("--security-opt ", text,
                   ": give seccomp=FILE, seccomp=unconfined or "
                   "no-new-privileges",
                   parser::did_you_mean(name, kKnown)));
  }
}

std::chrono::milliseconds parse_timeout(const std::string& text) {
  auto nanoseconds = parser::parse_duration(text);
  if (!nanoseconds || *nanoseconds < kNsPerMs) {
    fail_usage(cat("--timeout=", text, ": give a time as 90s, 10m or 1h30m"));
  }
  return std::chrono::milliseconds(*nanoseconds / kNsPerMs);
}

bool parse_leaked_secrets(const std::string& text) {
  if (text.empty() || text == "refuse") {
    return true;
  }
  if (text != "warn") {
    fail_usage(cat("--leaked-secrets=", text, ": give refuse or warn"));
  }
  return false;
}

}  // namespace

void declare_step_flags(StepFlagsOf whose, Flags& flags, StepFlags& into) {
  bool is_steps = whose == StepFlagsOf::kSteps;
  std::string whom = is_steps ? "RUN steps" : "the command";
  flags.texts("--add-host", into.hosts, cat("Line of /etc/hosts for ", whom, ", as NAME:ADDRESS"));
  flags.texts("--dns", into.dns, cat("Name server of ", whom));
  flags.texts("--dns-search", into.dns_search, "Domain in which short names are looked up");
  flags.texts("--dns-option,--dns-opt", into.dns_options, "Option of resolv.conf");
  flags.texts("--security-opt", into.security,
              cat("For ", whom, ": seccomp=FILE, seccomp=unconfined, no-new-privileges"));
  flags.text("--timeout", into.timeout,
             cat("How long ", is_steps ? "a RUN step" : whom, " may take, as 90s or 10m"));
  if (is_steps) {
    flags.text("--leaked-secrets", into.leaked_secrets,
               "If a RUN step leaves a secret in its layer: refuse (default) or warn");
  }
  flags.text("--isolation", into.isolation,
             "How steps are kept in: auto (default), root, rootless, sub-ids, one-id, chroot, oci");
  flags.text("--runtime", into.runtime,
             cat("OCI runtime that runs ", whom, ": crun, runc, runsc or a path"));
  flags.texts("--cdi-spec-dir", into.cdi_folders,
              "Folder with the files of devices (default /etc/cdi and /var/run/cdi)");
  flags.text("--shm-size", into.shm_size, "Size of /dev/shm (default 64m)");
  flags.texts("--ulimit", into.ulimits, cat("Limit of ", whom, ", as NAME=SOFT[:HARD]"));
  flags.text("-m,--memory", into.memory, "Memory limit, as 512m");
  flags.text("--memory-swap", into.memory_swap, "Limit of memory and swap together; -1: none");
  flags.text("--cpus", into.cpus, "CPU limit, as 1.5");
  flags.text("--cpu-period", into.cpu_period, "Period of --cpu-quota in microseconds");
  flags.text("--cpu-quota", into.cpu_quota, "CPU time in each period");
  flags.text("-c,--cpu-shares", into.cpu_shares, "Share of the CPUs, where 1024 is normal");
  flags.text("--cpuset-cpus", into.cpuset_cpus, "CPUs to run on, as 0-2,4");
  flags.text("--cpuset-mems", into.cpuset_mems, "Memory nodes to use");
  flags.text("--pids-limit", into.pids, "Processes at once, at the most");
  flags.text("--cgroup-parent", into.cgroup_parent, "Control group below which ours is made");
}

void apply_step_flags(const StepFlags& flags, builder::ExecSettings& settings,
                      std::uint64_t capabilities) {
  for (const std::string& text : flags.ulimits) {
    add_ulimit(text, settings);
  }
  for (const std::string& text : flags.hosts) {
    add_host(text, settings);
  }
  for (const std::string& text : flags.dns) {
    add_line_word("--dns", text, settings.dns_servers);
  }
  for (const std::string& text : flags.dns_search) {
    add_line_word("--dns-search", text, settings.dns_search);
  }
  for (const std::string& text : flags.dns_options) {
    add_line_word("--dns-option", text, settings.dns_options);
  }
  for (const std::string& text : flags.security) {
    add_security(text, capabilities, settings);
  }
  if (!flags.cdi_folders.empty()) {
    settings.cdi_folders = flags.cdi_folders;
  }
  if (!flags.timeout.empty()) {
    settings.timeout = parse_timeout(flags.timeout);
  }
  settings.refuse_leaked_secrets = parse_leaked_secrets(flags.leaked_secrets);
  if (!flags.shm_size.empty()) {
    settings.shm_size_bytes = parse_size_flag("--shm-size", flags.shm_size);
  }
  set_memory(flags, settings.cgroup);
  set_processors(flags, settings.cgroup);
  if (!flags.pids.empty()) {
    settings.cgroup.pids_max = parse_count("--pids-limit", flags.pids);
  }
  settings.cgroup.parent = parse_group(flags.cgroup_parent);
}

std::optional<builder::OciRuntime> runtime_of(const StepFlags& flags,
                                              const Environment& environment) {
  std::string isolation =
      flags.isolation.empty() ? environment.get("SLIPWAY_ISOLATION") : flags.isolation;
  if (flags.runtime.empty() && isolation != "oci") {
    return std::nullopt;
  }
  std::string name = flags.runtime;
  if (name.contains('/') && !name.starts_with('/')) {
    name = std::filesystem::absolute(name).lexically_normal().string();
  }
  return builder::find_oci_runtime(name, environment.get("PATH"));
}

}  // namespace slipway::cmd
