#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/image/pull_policy.h"
#include "builder/sandbox/spec.h"
#include "cmd/environment.h"
#include "cmd/registry_flags.h"
#include "cmd/step_flags.h"

namespace slipway::cmd {

// --keep without a name.
inline constexpr char kKeepWithoutName[] = "-";

// `slipway run` as it was typed.
struct RunFlags {
  std::vector<std::string> env;
  std::vector<std::string> env_files;
  std::vector<std::string> volumes;
  std::vector<std::string> mounts;
  std::vector<std::string> tmpfs;
  std::vector<std::string> groups;
  std::vector<std::string> devices;
  std::vector<std::string> capabilities_added;
  std::vector<std::string> capabilities_dropped;
  StepFlags steps;
  std::string working_directory;
  std::string user;
  std::optional<std::string> entrypoint;
  std::string network;
  std::string hostname;
  std::string pull = "missing";
  std::string platform;
  bool interactive = false;
  bool terminal = false;
  bool read_only = false;
  bool privileged = false;
  bool quiet = false;
  RegistryFlags registry;           // where the image may have to be pulled from
  bool remove = false;              // --rm
  std::string name;                 // of the container that is kept
  std::string keep;                 // --keep: the same, or kKeepWithoutName
  std::vector<std::string> labels;  // of the container
  bool is_kept() const { return !keep.empty() || (!name.empty() && !remove); }
  std::string kept_name() const;
  std::vector<std::string> words;  // IMAGE [COMMAND] [ARG...]
};

// False if help was asked for and printed. kUsage for flags that a command in the foreground can't
// have (-d, -p), with what to do instead.
bool parse_run_flags(const std::vector<std::string>& arguments, RunFlags& flags);

builder::PullPolicy pull_policy_of(const RunFlags& flags);

// What -e and --env-file say: a value, or nothing where the variable is to be taken away (`-e NAME`
// with NAME not set here).
struct EnvironmentChange {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const EnvironmentChange&, const EnvironmentChange&) = default;
};
// Files first, then -e, in order. kUsage for what is no variable, kNotFound for a missing file.
std::vector<EnvironmentChange> environment_changes(const RunFlags& flags,
                                                   const Environment& environment);
// One file's content: a variable a line, '#' begins a comment line.
std::vector<EnvironmentChange> parse_env_file(std::string_view text, const std::string& file,
                                              const Environment& environment);

// "HOST:CONTAINER[:ro]"; nothing for "/path" alone, which is an empty volume: the container's own
// writable layer is that already. A relative HOST that begins with "." is below
// `working_directory`. kUsage for named volumes and unknown options.
std::optional<builder::BindMount> parse_volume(const std::string& text,
                                               const std::string& working_directory);
// "type=bind,source=HOST,target=CONTAINER[,readonly]", "type=tmpfs,target=...[,tmpfs-size=64m]
// [,tmpfs-mode=1770]"; nothing for type=volume without a source. kNotFound if HOST is not there, in
// contrast to -v.
std::optional<builder::MountEntry> parse_mount(const std::string& text,
                                               const std::string& working_directory);
// "/dev/HOST[:/dev/CONTAINER[:rwm]]". kUsage for what is none, and for permissions that are fewer
// than reading and writing; kNotFound for a node that is not there.
builder::DeviceMount parse_device(const std::string& text);
// "/run[:size=64m,mode=1777]"
builder::TmpfsMount parse_tmpfs(const std::string& text);

// Docker's 14, with those taken away and added ("NET_ADMIN", "cap_net_admin", "ALL").
std::uint64_t capabilities_of(const RunFlags& flags);

}  // namespace slipway::cmd
