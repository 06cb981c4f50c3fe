#include "cmd/run_flags.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/devices/apply_edits.h"
#include "cmd/build_flags.h"
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

// What docker has and this verb need not do: it is always so, or changes nothing here.
struct Idle {
  bool truth = true;
};

void declare_docker_flags(Flags& flags, Idle& idle) {
  flags.toggle("--init", idle.truth, "Always so: a small init reaps orphans");
  flags.toggle("--sig-proxy", idle.truth, "Always so: signals are passed on");
}

// What can't be had, or not yet thought through to its end: better no than half.
void refuse_docker_flags(Flags& flags) {
  flags.refuse("--at", "it comes first: slipway run --at STEP [OPTIONS] PATH [COMMAND]");
  flags.refuse("-d,--detach", "commands run in the foreground; end the line with & instead");
  flags.refuse("-p,--publish,-P,--publish-all",
               "publishing ports needs a network of the command's own; with --network host its "
               "ports are the machine's");
  flags.refuse("--restart", "a command is run once");
  flags.refuse("--link,--network-alias,--ip,--ip6,--mac-address,--expose",
               "containers share no network of their own here");
  flags.refuse("--volumes-from,--volume-driver", "volumes are folders of the machine: use -v");
  flags.refuse("--gpus,--device-cgroup-rule",
               "name the device: --device vendor.com/class=name, or --device /dev/NAME");
  flags.refuse("--ipc,--pid,--uts,--userns,--cgroupns",
               "a command always has namespaces of its own");
  flags.refuse("--sysctl", "/proc/sys is read-only for the command");
  flags.refuse("--log-driver,--log-opt", "what the command prints goes to standard output");
  flags.refuse("--health-cmd,--health-interval,--health-retries,--health-timeout,--no-healthcheck",
               "health is watched by what runs services");
  flags.refuse("--stop-signal,--stop-timeout", "signals are passed on as they come");
  flags.refuse("-a,--attach", "standard output and error are always passed on, input with -i");
  flags.refuse("--cidfile", "nothing is left that an ID could name");
  flags.refuse("--storage-opt", "the space of the store's disk is not divided");
}

void add_flags(Flags& flags, RunFlags& into) {
  flags.texts("-e,--env", into.env, "NAME=VALUE, or NAME to pass on the value here");
  flags.texts("--env-file", into.env_files, "File with a variable a line");
  flags.texts("-v,--volume", into.volumes, "Show a folder or file: HOST:CONTAINER[:ro]");
  flags.texts("--mount", into.mounts,
              "type=bind,source=HOST,target=CONTAINER[,readonly], or tmpfs");
  flags.texts("--tmpfs", into.tmpfs, "Folder in memory: CONTAINER[:size=64m,mode=1777]");
  flags.texts("--device", into.devices,
              "Device: /dev/HOST[:/dev/CONTAINER], or vendor.com/class=name of a device file");
  flags.text("-w,--workdir", into.working_directory, "Working directory (default: the image's)");
  flags.text("-u,--user", into.user, "NAME|UID[:GROUP|GID] (default: the image's)");
  flags.texts("--group-add", into.groups, "Additional group, by name or number");
  flags.optional_text("--entrypoint", into.entrypoint, "Instead of the image's; '' for none");
  flags.toggle("-i,--interactive", into.interactive, "Pass standard input on");
  flags.toggle("-t,--tty", into.terminal, "Give the command a terminal");
  flags.text("--network,--net", into.network, "default, none or host");
  flags.text("-h,--hostname", into.hostname, "Host name (default: random)");
  declare_step_flags(StepFlagsOf::kCommand, flags, into.steps);
  flags.text("--pull", into.pull, "missing (default), always or never");
  flags.text("--platform", into.platform, "Which image of a multi-platform name");
  flags.toggle("--read-only", into.read_only, "The root file system can't be written to");
  flags.texts("--cap-add", into.capabilities_added, "Capability that root gets, or ALL");
  flags.texts("--cap-drop", into.capabilities_dropped, "Capability that root doesn't get, or ALL");
  flags.toggle("--privileged", into.privileged, "No seccomp filter, all capabilities we have");
  flags.toggle("-q,--quiet", into.quiet, "Don't show the pull");
  into.registry.add_to(flags);
  flags.toggle("--rm", into.remove, "Keep nothing, also with --name");
  flags.text_or("--keep", into.keep, kKeepWithoutName,
                "Keep what the command writes, as a container (--keep=NAME): see ps, commit, rm");
  flags.text("--name", into.name, "Name of the container, which is kept unless --rm is given");
  flags.texts("-l,--label", into.labels, "Label of the container, for commit: NAME=VALUE");
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

// A host path of -v or --mount.
std::string host_path(std::string_view text, const std::string& working_directory,
                      const std::string& whole) {
  std::filesystem::path host(text);
  if (text.starts_with('.')) {
    host = std::filesystem::path(working_directory) / host;
  }
  if (!host.is_absolute()) {
    fail_usage(cat("named volumes are not available: ", base::quote(whole)),
               "name a folder by its absolute path, or beginning with ./");
  }
  return host.lexically_normal().string();
}

base::ImagePath mount_target(std::string_view text, const std::string& whole) {
  base::ImagePath target = base::ImagePath::clean(text);
  if (!text.starts_with('/') || target.is_root()) {
    fail_usage(cat("invalid mount: ", base::quote(whole),
                   ": the destination is an absolute path other than /"));
  }
  return target;
}

// The keys of one --mount, by docker's longest names.
std::map<std::string, std::string> mount_fields(const std::string& text) {
  static const std::map<std::string_view, std::string_view> kKeys = {
      {"type", "type"},         {"source", "source"},      {"src", "source"},
      {"target", "target"},     {"destination", "target"}, {"dst", "target"},
      {"readonly", "readonly"}, {"ro", "readonly"},        {"tmpfs-size", "size"},
      {"tmpfs-mode", "mode"},   {"bind-propagation", "-"}, {"bind-nonrecursive", "-"},
      {"bind-recursive", "-"},  {"consistency", "-"},      {"volume-nocopy", "-"}};
  std::map<std::string, std::string> fields;
  for (std::string_view field : base::split(text, ',')) {
    auto pair = base::split_once(field, '=');
    std::string name(pair ? pair->before : field);
    auto known = kKeys.find(name);
    if (known == kKeys.end()) {
      std::vector<std::string_view> names;
      for (const auto& [key, meaning] : kKeys) {
        names.push_back(key);
      }
      fail_usage(cat("--mount ", base::quote(text), ": unknown key ", base::quote(name),
                     parser::did_you_mean(name, std::span<const std::string_view>(names))),
                 "a mount is type=bind,source=HOST,target=CONTAINER[,readonly] or "
                 "type=tmpfs,target=CONTAINER");
    }
    fields[std::string(known->second)] = pair ? std::string(pair->after) : "true";
  }
  return fields;
}

builder::TmpfsMount tmpfs_of(const std::string& target, const std::string& size,
                             const std::string& mode, const std::string& whole) {
  builder::TmpfsMount mount{mount_target(target, whole), 0, 01777};
  std::optional<std::uint64_t> bytes = parse_size(size.empty() ? "0" : size);
  std::optional<mode_t> bits = base::parse_integer<mode_t>(mode.empty() ? "1777" : mode, 8);
  if (!bytes || !bits || *bits > 07777) {
    fail_usage(cat("invalid tmpfs: ", base::quote(whole),
                   ": a size such as 64m and a mode such as "
                   "1777 are wanted"));
  }
  mount.size_bytes = *bytes;
  mount.mode = *bits;
  return mount;
}

// "NET_ADMIN" or "cap_net_admin"
std::uint64_t capability_bits(const char* flag, const std::string& text) {
  std::string name = base::to_lower_ascii(text);
  if (name == "all") {
    return ~std::uint64_t{0};
  }
  for (char& c : name) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  auto number = builder::find_capability(name.starts_with("CAP_") ? name : cat("CAP_", name));
  if (!number) {
    fail_usage(cat(flag, " ", base::quote(text), ": there is no such capability"),
               "capabilities(7) lists them; they are given as NET_ADMIN, or ALL");
  }
  return std::uint64_t{1} << *number;
}

}  // namespace

bool parse_run_flags(const std::vector<std::string>& arguments, RunFlags& values) {
  Idle idle;
  Flags flags("run", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
              "Run a command in an image. What it writes is gone when it ends, unless it is kept.");
  add_flags(flags, values);
  declare_docker_flags(flags, idle);
  refuse_docker_flags(flags);
  flags.end_at_first_word();
  flags.words(values.words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(arguments)) {
    print_out(flags.help_text());
    return false;
  }
  pull_policy_of(values);
  if (values.remove && !values.keep.empty()) {
    fail_usage("either --rm or --keep can be had, not both");
  }
  return true;
}

std::string RunFlags::kept_name() const {
  return keep.empty() || keep == kKeepWithoutName ? name : keep;
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
  builder::BindMount mount;
  mount.source = host_path(parts[0], working_directory, text);
  mount.target = base::ImagePath::clean(parts[1]);
  mount.access = parse_volume_options(parts.size() == 3 ? parts[2] : "rw", text);
  if (mount.target.is_root()) {
    fail_usage(cat("invalid volume: ", base::quote(text), ": the destination can't be /"));
  }
  return mount;
}

std::optional<builder::MountEntry> parse_mount(const std::string& text,
                                               const std::string& working_directory) {
  std::map<std::string, std::string> fields = mount_fields(text);
  const std::string type = fields.contains("type") ? fields["type"] : "volume";
  if (type == "tmpfs") {
    return tmpfs_of(fields["target"], fields["size"], fields["mode"], text);
  }
  if (type == "volume" && fields["source"].empty()) {
    mount_target(fields["target"], text);
    return std::nullopt;
  }
  if (type != "bind") {
    fail_usage(cat("--mount ", base::quote(text), ": ",
                   type == "volume" ? "named volumes are not available"
                                    : cat("unknown type ", base::quote(type))),
               "types are bind and tmpfs");
  }
  builder::BindMount mount;
  mount.source = host_path(fields["source"], working_directory, text);
  mount.target = mount_target(fields["target"], text);
  const std::string& readonly = fields["readonly"];
  bool is_read_only = readonly == "true" || readonly == "1";
  mount.access = is_read_only ? builder::Access::kReadOnly : builder::Access::kReadWrite;
  if (!base::find_status(base::Fd(), mount.source)) {
    base::fail(
        base::ErrorKind::kNotFound,
        cat("--mount ", base::quote(text), ": bind source path does not exist: ", mount.source));
  }
  return mount;
}

builder::DeviceMount parse_device(const std::string& text) {
  std::vector<std::string_view> parts = base::split(text, ':');
  bool has_permissions = parts.size() > 1 && !parts.back().starts_with('/');
  std::string_view permissions = has_permissions ? parts.back() : "rwm";
  std::size_t paths = parts.size() - (has_permissions ? 1 : 0);
  if (paths > 2 || !parts[paths - 1].starts_with('/') ||
      permissions.find_first_not_of("rwm") != std::string_view::npos) {
    fail_usage(cat("--device ", base::quote(text), ": invalid device"),
               "give /dev/HOST[:/dev/CONTAINER[:rwm]], or vendor.com/class=name");
  }
  if (!permissions.contains('r') || !permissions.contains('w')) {
    fail_usage(cat("--device ", base::quote(text),
                   ": permissions that are fewer than reading and writing can't be enforced"));
  }
  return builder::device_of_host(std::string(parts[0]), std::string(parts[paths - 1]));
}

builder::TmpfsMount parse_tmpfs(const std::string& text) {
  auto pair = base::split_once(text, ':');
  std::string size;
  std::string mode;
  for (std::string_view option : base::split(pair ? pair->after : "", ',')) {
    auto value = base::split_once(option, '=');
    if (value && value->before == "size") {
      size = value->after;
    } else if (value && value->before == "mode") {
      mode = value->after;
    } else if (!option.empty() && option != "rw" && option != "noexec" && option != "nosuid" &&
               option != "nodev" && option != "exec") {
      fail_usage(cat("--tmpfs ", base::quote(text), ": unknown option ", base::quote(option)),
                 "options are size=64m and mode=1777");
    }
  }
  return tmpfs_of(std::string(pair ? pair->before : std::string_view(text)), size, mode, text);
}

std::uint64_t capabilities_of(const RunFlags& flags) {
  std::uint64_t dropped = 0;
  std::uint64_t added = 0;
  for (const std::string& text : flags.capabilities_dropped) {
    dropped |= capability_bits("--cap-drop", text);
  }
  for (const std::string& text : flags.capabilities_added) {
    added |= capability_bits("--cap-add", text);
  }
  // As docker has it: what is named by hand counts, ALL is what it is applied to.
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  if (added == kAll) {
    return dropped == kAll ? kAll : ~dropped;
  }
  return (builder::kDefaultCapabilities & ~dropped) | added;
}

}  // namespace slipway::cmd
