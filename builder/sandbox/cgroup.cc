#include "builder/sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::Fd;

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr std::string_view kNamePrefix = "slipway-";

std::string text_of(const std::string& path) {
  return base::find_file_content(path, kFileBytesMax).value_or("");
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::string_view word : base::split(base::trim(text), ' ')) {
    if (!word.empty()) {
      words.emplace_back(word);
    }
  }
  return words;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// False, with errno, if the kernel does not take it.
bool try_write(const std::string& path, std::string_view value) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file &&
         ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

// "\040" and the like stand for characters that would break the lines of mountinfo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      out += static_cast<char>(base::parse_integer<int>(text.substr(at + 1, 3), 8).value_or('?'));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

struct MountLine {
  std::string root;
  std::string mount_point;
  std::string_view type;
  std::string_view super_options;
};

// "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
std::optional<MountLine> parse_mount_line(std::string_view line) {
  std::optional<base::TextPair> halves;
  if (std::size_t place = line.find(" - "); place != std::string_view::npos) {
    halves = base::TextPair{line.substr(0, place), line.substr(place + 3)};
  }
  if (!halves) {
    return std::nullopt;
  }
  std::vector<std::string_view> before = base::split(halves->before, ' ');
  std::vector<std::string_view> after = base::split(halves->after, ' ');
  if (before.size() < 6 || after.size() < 3) {
    return std::nullopt;
  }
  return MountLine{unescape(before[3]), unescape(before[4]), after[0], after[2]};
}

// Our group as a path below where its hierarchy is mounted; nothing if it lies outside of what is
// mounted here (a container that sees only its own part).
std::optional<std::string> own_group(const MountLine& mount, std::string_view path) {
  std::string_view root = mount.root == "/" ? "" : std::string_view(mount.root);
  if (path.starts_with("/..") || !path.starts_with(root)) {
    return std::nullopt;
  }
  std::string_view below = path.substr(root.size());
  if (!below.empty() && below.front() != '/') {
    return std::nullopt;
  }
  return below == "/" ? mount.mount_point : cat(mount.mount_point, below);
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// A step that may write to its groups may have made groups in them.
void remove_group(const std::string& directory) noexcept {
  if (::rmdir(directory.c_str()) == 0 || (errno != EBUSY && errno != ENOTEMPTY)) {
    return;
  }
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      remove_group(cat(directory, "/", name));
    }
  }
  ::rmdir(directory.c_str());
}

// cpu.shares 2..262144 to cpu.weight 1..10000, as runtimes do.
std::uint64_t weight_of(std::uint64_t shares) {
  shares = std::clamp<std::uint64_t>(shares, 2, 262144);
  return 1 + (shares - 2) * 9999 / 262142;
}

}  // namespace

std::vector<CgroupHierarchy> parse_cgroups(std::string_view groups, std::string_view mountinfo) {
  std::vector<CgroupHierarchy> found;
  for (std::string_view line : base::split(mountinfo, '\n')) {
    std::optional<MountLine> mount = parse_mount_line(line);
    if (!mount || (mount->type != "cgroup" && mount->type != "cgroup2")) {
      continue;
    }
    CgroupHierarchy hierarchy{.is_unified = mount->type == "cgroup2",
                              .mount_point = mount->mount_point};
    for (std::string_view group : base::split(groups, '\n')) {
      // "4:cpu,cpuacct:/path" or "0::/path"
      std::vector<std::string_view> fields = base::split(group, ':');
      if (fields.size() < 3) {
        continue;
      }
      std::vector<std::string_view> options = base::split(mount->super_options, ',');
      std::vector<std::string_view> names = base::split(fields[1], ',');
      bool is_ours = hierarchy.is_unified
                         ? fields[1].empty()
                         : std::ranges::find(options, names.front()) != options.end();
      std::string_view path = group.substr(fields[0].size() + fields[1].size() + 2);
      std::optional<std::string> own = own_group(*mount, path);
      if (is_ours && own) {
        hierarchy.own_group = *own;
        if (!hierarchy.is_unified) {
          hierarchy.controllers.assign(names.begin(), names.end());
        }
        found.push_back(hierarchy);
        break;
      }
    }
  }
  return found;
}

std::vector<CgroupHierarchy> find_cgroups() {
  return parse_cgroups(text_of("/proc/self/cgroup"), text_of("/proc/self/mountinfo"));
}

std::vector<CgroupSetting> unified_settings(const CgroupLimits& limits) {
  std::vector<CgroupSetting> settings;
  if (limits.memory_bytes) {
    settings.push_back({"memory", "memory.max", cat(*limits.memory_bytes)});
  }
  if (limits.memory_and_swap_bytes) {
    std::uint64_t memory = limits.memory_bytes.value_or(0);
    std::uint64_t swap =
        *limits.memory_and_swap_bytes - std::min(memory, *limits.memory_and_swap_bytes);
    settings.push_back({"memory", "memory.swap.max", cat(swap)});
  }
  if (limits.cpu_quota_us) {
    settings.push_back({"cpu", "cpu.max", cat(*limits.cpu_quota_us, " ", limits.cpu_period_us)});
  }
  if (limits.cpu_shares) {
    settings.push_back({"cpu", "cpu.weight", cat(weight_of(*limits.cpu_shares))});
  }
  if (!limits.cpuset_cpus.empty()) {
    settings.push_back({"cpuset", "cpuset.cpus", limits.cpuset_cpus});
  }
  if (!limits.cpuset_mems.empty()) {
    settings.push_back({"cpuset", "cpuset.mems", limits.cpuset_mems});
  }
  if (limits.pids_max) {
    settings.push_back({"pids", "pids.max", cat(*limits.pids_max)});
  }
  return settings;
}

std::vector<CgroupSetting> legacy_settings(const CgroupLimits& limits) {
  std::vector<CgroupSetting> settings;
  if (limits.memory_bytes) {
    settings.push_back({"memory", "memory.limit_in_bytes", cat(*limits.memory_bytes)});
  }
  if (limits.memory_and_swap_bytes) {
    settings.push_back(
        {"memory", "memory.memsw.limit_in_bytes", cat(*limits.memory_and_swap_bytes)});
  }
  if (limits.cpu_quota_us) {
    settings.push_back({"cpu", "cpu.cfs_period_us", cat(limits.cpu_period_us)});
    settings.push_back({"cpu", "cpu.cfs_quota_us", cat(*limits.cpu_quota_us)});
  }
  if (limits.cpu_shares) {
    settings.push_back({"cpu", "cpu.shares", cat(*limits.cpu_shares)});
  }
  if (!limits.cpuset_cpus.empty()) {
    settings.push_back({"cpuset", "cpuset.cpus", limits.cpuset_cpus});
  }
  if (!limits.cpuset_mems.empty()) {
    settings.push_back({"cpuset", "cpuset.mems", limits.cpuset_mems});
  }
  if (limits.pids_max) {
    settings.push_back({"pids", "pids.max", cat(*limits.pids_max)});
  }
  return settings;
}

// Makes the groups of one step, one kind of hierarchy after the other.
class CgroupMaker {
 public:
  CgroupMaker(const std::vector<CgroupHierarchy>& hierarchies, const CgroupLimits& limits,
              const std::string& name)
      : hierarchies_(hierarchies), limits_(limits), name_(name) {}

  MadeCgroup make() {
    std::vector<CgroupSetting> unified = unified_settings(limits_);
    std::set<std::string> missing;
    for (const CgroupSetting& setting : unified) {
      missing.insert(setting.controller);
    }
    for (const CgroupSetting& setting : legacy_settings(limits_)) {
      if (const CgroupHierarchy* hierarchy = find_legacy(setting.controller)) {
        if (apply_legacy(*hierarchy, setting)) {
          missing.erase(setting.controller);
        }
      }
    }
    std::erase_if(unified, [&](const CgroupSetting& setting) {
      return !missing.contains(setting.controller);
    });
    if (!unified.empty()) {
      make_unified(unified, missing);
    }
    show_groups();
    for (const std::string& controller : missing) {
      made_.notices.push_back(cat("limits of ", controller,
                                  " are not applied: there is no control group here that we may "
                                  "set them in"));
    }
    return std::move(made_);
  }

 private:
  const CgroupHierarchy* find_legacy(std::string_view controller) const {
    auto found = std::ranges::find_if(hierarchies_, [&](const CgroupHierarchy& hierarchy) {
      return !hierarchy.is_unified && contains(hierarchy.controllers, controller);
    });
    return found == hierarchies_.end() ? nullptr : &*found;
  }

  std::string parent_in(const CgroupHierarchy& hierarchy) const {
    return limits_.parent.empty() ? hierarchy.own_group
                                  : cat(hierarchy.mount_point, "/", limits_.parent);
  }

  // One group for all controllers of the hierarchy, made with the first setting that needs it.
  bool apply_legacy(const CgroupHierarchy& hierarchy, const CgroupSetting& setting) {
    std::string directory = cat(parent_in(hierarchy), "/", name_);
    if (!contains(made_.group.directories_, directory)) {
      if (!make_group(directory)) {
        return false;
      }
      made_.group.legacy_.push_back(directory);
    }
    if (setting.controller == "cpuset") {
      inherit_cpuset(directory);
    }
    write_setting(directory, setting);
    return true;
  }

  // A legacy cpuset takes no process before it has both processors and memory nodes.
  static void inherit_cpuset(const std::string& directory) {
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
      if (base::trim(text_of(directory + file)).empty()) {
        try_write(directory + file, base::trim(text_of(parent_of(directory) + file)));
      }
    }
  }

  // EACCES and the like: this part of the tree is not ours to change.
  bool make_group(const std::string& directory) {
    sweep(parent_of(directory));
    if (::mkdir(directory.c_str(), 0755) != 0) {
      if (errno == EACCES || errno == EPERM || errno == EROFS || errno == ENOENT) {
        return false;
      }
      throw base::system_error(errno, "mkdir", directory);
    }
    made_.group.directories_.push_back(directory);
    return true;
  }

  // ENOENT: the kernel was built or started without this one (swap accounting, say).
  void write_setting(const std::string& directory, const CgroupSetting& setting) {
    if (try_write(cat(directory, "/", setting.file), setting.value)) {
      return;
    }
    if (errno != ENOENT) {
      throw base::system_error(errno, "set the limit", cat(setting.file, "=", setting.value));
    }
    made_.notices.push_back(cat("the limit ", setting.file, "=", setting.value,
                                " is not applied: this kernel does not have it"));
  }

  // The nearest group above that hands all controllers down, else the one that hands down most.
  void make_unified(const std::vector<CgroupSetting>& settings, std::set<std::string>& missing) {
    auto unified = std::ranges::find_if(hierarchies_, &CgroupHierarchy::is_unified);
    if (unified == hierarchies_.end()) {
      return;
    }
    std::string best;
    std::set<std::string> handed;
    std::string parent = parent_in(*unified);
    while (parent.size() >= unified->mount_point.size() && handed.size() < missing.size()) {
      std::set<std::string> here = handed_down(parent, missing);
      if (here.size() > handed.size()) {
        best = parent;
        handed = std::move(here);
      }
      parent = parent_of(parent);
    }
    std::string directory = cat(best, "/", name_);
    if (handed.empty() || !make_group(directory)) {
      return;
    }
    for (const CgroupSetting& setting : settings) {
      if (handed.contains(setting.controller)) {
        write_setting(directory, setting);
      }
    }
    made_.group.unified_ = base::open_directory(directory);
    for (const std::string& controller : handed) {
      missing.erase(controller);
    }
  }

  // Which of the controllers groups made in this one get; turns them on where we may. EBUSY: the
  // group has processes of its own.
  static std::set<std::string> handed_down(const std::string& group,
                                           const std::set<std::string>& controllers) {
    std::vector<std::string> available = words_of(text_of(group + "/cgroup.controllers"));
    std::vector<std::string> enabled = words_of(text_of(group + "/cgroup.subtree_control"));
    std::set<std::string> handed;
    bool may_write = ::access(group.c_str(), W_OK) == 0;
    for (const std::string& controller : controllers) {
      if (may_write && (contains(enabled, controller) ||
                        (contains(available, controller) &&
                         try_write(group + "/cgroup.subtree_control", cat("+", controller))))) {
        handed.insert(controller);
      }
    }
    return handed;
  }

  // As in Docker's containers: the unified hierarchy is /sys/fs/cgroup itself, legacy ones are
  // folders in it. Beside legacy ones the unified one is shown only if it limits something.
  void show_groups() {
    bool has_legacy = std::ranges::any_of(
        hierarchies_, [](const CgroupHierarchy& hierarchy) { return !hierarchy.is_unified; });
    for (const CgroupHierarchy& hierarchy : hierarchies_) {
      bool is_root = hierarchy.is_unified && !has_legacy;
      if (hierarchy.is_unified && has_legacy && !made_.group.unified_) {
        continue;
      }
      std::string shown = hierarchy.own_group;
      for (const std::string& directory : made_.group.directories_) {
        if (directory.starts_with(cat(hierarchy.mount_point, "/"))) {
          shown = directory;
        }
      }
      made_.group.views_.push_back(
          {shown, is_root ? "" : std::string(base_name(hierarchy.mount_point))});
    }
  }

  // Groups of helpers that were killed. A name whose process lives, and a group that is in use,
  // stay.
  static void sweep(const std::string& directory) {
    int number = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0) {
      return;
    }
    for (const base::DirectoryEntry& entry : base::list_directory(Fd(number))) {
      std::vector<std::string_view> parts = base::split(entry.name, '-');
      if (!entry.name.starts_with(kNamePrefix) || parts.size() != 3) {
        continue;
      }
      std::optional<pid_t> pid = base::parse_integer<pid_t>(parts[1]);
      if (pid && ::kill(*pid, 0) != 0 && errno == ESRCH) {
        remove_group(cat(directory, "/", entry.name));
      }
    }
  }

  const std::vector<CgroupHierarchy>& hierarchies_;
  const CgroupLimits& limits_;
  const std::string& name_;
  MadeCgroup made_;
};

MadeCgroup make_step_cgroup(const std::vector<CgroupHierarchy>& hierarchies,
                            const CgroupLimits& limits, const std::string& name) {
  return CgroupMaker(hierarchies, limits, name).make();
}

StepCgroup& StepCgroup::operator=(StepCgroup&& other) noexcept {
  std::swap(unified_, other.unified_);
  std::swap(legacy_, other.legacy_);
  std::swap(directories_, other.directories_);
  std::swap(views_, other.views_);
  return *this;
}

// A group that is in use can't be removed: only if the helper dies before its steps. It is swept by
// the next one.
void StepCgroup::remove() noexcept {
  for (const std::string& directory : directories_) {
    remove_group(directory);
  }
  directories_.clear();
}

void StepCgroup::enter_legacy(pid_t pid) const {
  for (const std::string& directory : legacy_) {
    if (!try_write(directory + "/cgroup.procs", cat(pid))) {
      throw base::system_error(errno, "enter the control group", directory);
    }
  }
}

// "oom_kill <count>" in memory.events, and since Linux 4.13 in memory.oom_control.
bool StepCgroup::was_out_of_memory() const {
  for (const std::string& directory : directories_) {
    for (const char* file : {"/memory.events", "/memory.oom_control"}) {
      std::string events = text_of(directory + file);
      for (std::string_view line : base::split(events, '\n')) {
        if (line.starts_with("oom_kill ") && line != "oom_kill 0") {
          return true;
        }
      }
    }
  }
  return false;
}

}  // namespace slipway::builder
