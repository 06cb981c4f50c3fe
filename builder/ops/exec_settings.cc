#include "builder/ops/exec_settings.h"

#include <sys/resource.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

using base::cat;

namespace {

// docker's names of the limits.
int resource_of(const std::string& name) {
  static const std::map<std::string, int> kResources = {
      {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
      {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
      {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
      {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
      {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
      {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
      {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
      {"stack", RLIMIT_STACK}};
  auto found = kResources.find(name);
  if (found == kResources.end()) {
    base::fail(base::ErrorKind::kUsage, cat("invalid ulimit type: ", name));
  }
  return found->second;
}

}  // namespace

std::string resolv_conf_with(const ExecSettings& settings, const std::string& host) {
  if (settings.dns_servers.empty() && settings.dns_search.empty() && settings.dns_options.empty()) {
    return host;
  }
  std::string text;
  auto add = [&](std::string_view kind, const std::vector<std::string>& given) {
    for (std::string_view line : base::split(host, '\n')) {
      if (given.empty() && line.starts_with(kind)) {
        text += cat(line, "\n");
      }
    }
  };
  add("nameserver", settings.dns_servers);
  for (const std::string& server : settings.dns_servers) {
    text += cat("nameserver ", server, "\n");
  }
  add("search", settings.dns_search);
  if (!settings.dns_search.empty()) {
    text += cat("search ", base::join(settings.dns_search, " "), "\n");
  }
  add("options", settings.dns_options);
  if (!settings.dns_options.empty()) {
    text += cat("options ", base::join(settings.dns_options, " "), "\n");
  }
  return text;
}

void apply_limits(const ExecSettings& settings, SandboxSpec& spec) {
  for (const auto& [name, values] : settings.ulimits) {
    spec.resource_limits.push_back({resource_of(name), values.first, values.second});
  }
  if (settings.shm_size_bytes) {
    spec.shm_size_bytes = *settings.shm_size_bytes;
  }
  spec.cgroup = settings.cgroup;
  spec.timeout = settings.timeout;
  spec.seccomp = settings.seccomp;
  spec.no_new_privileges = settings.no_new_privileges;
  spec.runtime = settings.runtime;
  if (spec.runtime) {
    spec.runtime->seccomp = settings.seccomp_document;
  }
}

}  // namespace slipway::builder
