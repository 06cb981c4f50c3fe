#include "cmd/run_flags.h"

#include <array>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/report.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kEnvFileBytesMax = 1 << 20;

[[noreturn]] void fail_usage(std::string message, std::string hint = {}) {
  base::fail(base::ErrorKind::kUsage, std::move(message), std::move(hint));
}

// What docker has and this verb refuses or need not do.
struct Foreign {
  bool detach = false;
  bool publish_all = false;
  bool remove = true;
  bool init = true;
  std::vector<std::string> publish;
  std::string name;
};

void add_docker_flags(Flags& flags, Foreign& foreign) {
  flags.toggle("--rm", foreign.remove, "Always so: nothing of a container is kept");
  flags.toggle("--init", foreign.init, "Always so: a small init reaps orphans");
  flags.text("--name", foreign.name, "No effect: containers have no names here");
  flags.toggle("-d,--detach", foreign.detach, "Not available");
  flags.texts("-p,--publish", foreign.publish, "Not available");
  flags.toggle("-P,--publish-all", foreign.publish_all, "Not available");
}

void check_docker_flags(const Foreign& foreign) {
  if (foreign.detach) {
    fail_usage("--detach is not available: commands run in the foreground");
  }
  if (!foreign.publish.empty() || foreign.publish_all) {
    fail_usage("publishing ports is not available",
               "with --network host the command's ports are the machine's");
  }
}

void add_flags(Flags& flags, RunFlags& into) {
  flags.texts("-e,--env", into.env, "NAME=VALUE, or NAME to pass on the value here");
  flags.texts("--env-file", into.env_files, "File with a variable a line");
  flags.texts("-v,--volume", into.volumes, "Show a folder or file: HOST:CONTAINER[:ro]");
  flags.text("-w,--workdir", into.working_directory, "Working directory (default: the image's)");
  flags.text("-u,--user", into.user, "NAME|UID[:GROUP|GID] (default: the image's)");
  flags.optional_text("--entrypoint", into.entrypoint, "Instead of the image's; '' for none");
  flags.toggle("-i,--interactive", into.interactive, "Pass standard input on");
  flags.toggle("-t,--tty", into.terminal, "Give the command a terminal");
  flags.text("--network,--net", into.network, "default, none or host");
  flags.text("-h,--hostname", into.hostname, "Host name (default: random)");
  flags.texts("--add-host", into.add_hosts, "NAME:ADDRESS for /etc/hosts");
  flags.texts("--dns", into.dns, "Address of a name server");
  flags.text("--pull", into.pull, "missing (default), always or never");
  flags.text("--platform", into.platform, "Which image of a multi-platform name");
  flags.text("-m,--memory", into.memory, "Limit, such as 512m");
  flags.text("--cpus", into.cpus, "Number of processors, such as 1.5");
  flags.text("--shm-size", into.shm_size, "Size of /dev/shm (default 64m)");
  flags.toggle("--read-only", into.read_only, "The root file system can't be written to");
  flags.toggle("--privileged", into.privileged, "No seccomp filter, all capabilities we have");
  flags.toggle("-q,--quiet", into.quiet, "Don't show the pull");
  flags.texts("--insecure-registry", into.insecure,
              "Host without TLS, or with a certificate that can't be verified");
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

// "NAME=VALUE" or "NAME"; `where` is for messages.
EnvironmentChange parse_variable(std::string_view text, std::string_view where,
                                 const Environment& environment) {
  auto pair = base::split_once(text, '=');
  std::string name(pair ? pair->before : text);
  if (name.empty() || name.find('\0') != std::string::npos) {
    fail_usage(cat(where, ": invalid environment variable: ", base::quote(text)));
  }
  return {name, pair ? std::optional<std::string>(pair->after) : environment.find(name)};
}

builder::Access parse_volume_options(std::string_view options, const std::string& volume) {
  constexpr std::array<std::string_view, 14> kWithoutMeaning = {
      "rw",      "z",        "Z",      "cached",  "delegated", "consistent", "nocopy",
      "private", "rprivate", "shared", "rshared", "slave",     "rslave",     "bind"};
  builder::Access access = builder::Access::kReadWrite;
  for (std::string_view option : base::split(options, ',')) {
    if (option == "ro" || option == "readonly") {
      access = builder::Access::kReadOnly;
    } else if (std::find(kWithoutMeaning.begin(), kWithoutMeaning.end(), option) ==
               kWithoutMeaning.end()) {
      fail_usage(cat("volume ", base::quote(volume), ": invalid mode: ", option),
                 "a volume is HOST:CONTAINER, with :ro behind it for read-only");
    }
  }
  return access;
}

}  // namespace

bool parse_run_flags(const std::vector<std::string>& arguments, RunFlags& values) {
  Foreign foreign;
  Flags flags("run", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
              "Run a command in an image. What it writes is gone when it ends.");
  add_flags(flags, values);
  add_docker_flags(flags, foreign);
  flags.end_at_first_word();
  flags.words(values.words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(arguments)) {
    print_out(flags.help_text());
    return false;
  }
  check_docker_flags(foreign);
  pull_policy_of(values);
  return true;
}

builder::PullPolicy pull_policy_of(const RunFlags& flags) {
  if (flags.pull == "missing") {
    return builder::PullPolicy::kMissing;
  }
  if (flags.pull == "always") {
    return builder::PullPolicy::kAlways;
  }
  if (flags.pull != "never") {
    fail_usage(cat("--pull ", base::quote(flags.pull), " is unknown"),
               "it is missing, always or never");
  }
  return builder::PullPolicy::kNever;
}

std::vector<EnvironmentChange> environment_changes(const RunFlags& flags,
                                                   const Environment& environment) {
  std::vector<EnvironmentChange> changes;
  for (const std::string& file : flags.env_files) {
    std::optional<std::string> text = base::find_file_content(file, kEnvFileBytesMax);
    if (!text) {
      base::fail(base::ErrorKind::kNotFound, cat("--env-file ", file, ": no such file"));
    }
    std::vector<EnvironmentChange> more = parse_env_file(*text, file, environment);
    changes.insert(changes.end(), more.begin(), more.end());
  }
  for (const std::string& text : flags.env) {
    changes.push_back(parse_variable(text, "--env", environment));
  }
  return changes;
}

std::vector<EnvironmentChange> parse_env_file(std::string_view text, const std::string& file,
                                              const Environment& environment) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::vector<EnvironmentChange> changes;
  int number = 0;
  for (std::string_view line : base::split(text, '\n')) {
    ++number;
    std::size_t start = line.find_first_not_of(" \t\v\f\r");
    if (start == std::string_view::npos || line[start] == '#') {
      continue;
    }
    line.remove_prefix(start);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    EnvironmentChange change = parse_variable(line, cat(file, ":", number), environment);
    if (std::any_of(change.name.begin(), change.name.end(), is_space)) {
      fail_usage(
          cat(file, ":", number, ": variable ", base::quote(change.name), " contains white space"));
    }
    // A bare name that is not set here says nothing.
    if (change.value) {
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

std::optional<builder::BindMount> parse_volume(const std::string& text,
                                               const std::string& working_directory) {
  std::vector<std::string_view> parts = base::split(text, ':');
  if (parts.size() == 1 && parts[0].starts_with('/')) {
    return std::nullopt;
  }
  bool has_paths = parts.size() >= 2 && !parts[0].empty() && parts[1].starts_with('/');
  if (!has_paths || parts.size() > 3) {
    fail_usage(cat("invalid volume: ", base::quote(text)),
               "a volume is HOST:CONTAINER[:ro], CONTAINER an absolute path");
  }
  std::filesystem::path host(parts[0]);
  if (parts[0].starts_with('.')) {
    host = std::filesystem::path(working_directory) / host;
  }
  if (!host.is_absolute()) {
    fail_usage(cat("named volumes are not available: ", base::quote(text)),
               "name a folder by its absolute path, or beginning with ./");
  }
  builder::BindMount mount;
  mount.source = host.lexically_normal().string();
  mount.target = base::ImagePath::clean(parts[1]);
  mount.access = parse_volume_options(parts.size() == 3 ? parts[2] : "rw", text);
  if (mount.target.is_root()) {
    fail_usage(cat("invalid volume: ", base::quote(text), ": the destination can't be /"));
  }
  return mount;
}

}  // namespace slipway::cmd
