#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/spec.h"

// Limits by control groups. Two kinds of hierarchy, possibly side by side on one machine:
//
//   unified (version 2)  one tree; a group with processes of its own can't hand controllers on, so
//                        a step's group is made in the nearest group from ours upwards that does
//                        hand them on, or lets us make it do so
//   legacy (version 1)   one tree per controller; a step's group is made below ours in each
//
// Groups are named slipway-<helper's pid>-<number>; those of dead helpers are swept.

namespace slipway::builder {

// Where a hierarchy is mounted, and our own group in it.
struct CgroupHierarchy {
  bool is_unified = false;
  std::string mount_point;
  std::string own_group;                 // absolute host path, at or below mount_point
  std::vector<std::string> controllers;  // of a legacy one
  friend bool operator==(const CgroupHierarchy&, const CgroupHierarchy&) = default;
};
// From the texts of /proc/self/cgroup and /proc/self/mountinfo. Hierarchies of which we see nothing
// are left out.
std::vector<CgroupHierarchy> parse_cgroups(std::string_view groups, std::string_view mountinfo);
std::vector<CgroupHierarchy> find_cgroups();

// What is to be written where, for the controllers of either kind. A legacy memory limit comes
// before that of memory and swap, as the kernel wants it.
struct CgroupSetting {
  std::string controller;
  std::string file;
  std::string value;
  friend bool operator==(const CgroupSetting&, const CgroupSetting&) = default;
};
std::vector<CgroupSetting> unified_settings(const CgroupLimits& limits);
std::vector<CgroupSetting> legacy_settings(const CgroupLimits& limits);

// A directory of the host that a step shall see below /sys/fs/cgroup ("" is that folder itself).
struct CgroupView {
  std::string host_directory;
  std::string name;
};

// The groups of one step. Whoever has one removes it, which works once its processes are gone; the
// destructor does it, too.
class StepCgroup {
 public:
  StepCgroup() = default;
  StepCgroup(StepCgroup&&) noexcept = default;
  StepCgroup& operator=(StepCgroup&& other) noexcept;
  ~StepCgroup() { remove(); }
  void remove() noexcept;

  // For clone3; empty where there is no unified group.
  const base::Fd& unified() const { return unified_; }
  bool has_legacy() const { return !legacy_.empty(); }
  // Moves a process into the legacy groups.
  void enter_legacy(pid_t pid) const;
  bool was_out_of_memory() const;
  // What /sys/fs/cgroup shall show of each hierarchy: the step's group, or ours where it has none.
  const std::vector<CgroupView>& views() const { return views_; }

 private:
  friend class CgroupMaker;
  base::Fd unified_;
  std::vector<std::string> legacy_;
  std::vector<std::string> directories_;  // all of them, to be removed
  std::vector<CgroupView> views_;
};

struct MadeCgroup {
  StepCgroup group;
  std::vector<std::string> notices;  // one for each kind of limit that can't be had
};
// The groups for one step, none where it has no limits; `name` is new for each.
MadeCgroup make_step_cgroup(const std::vector<CgroupHierarchy>& hierarchies,
                            const CgroupLimits& limits, const std::string& name);

}  // namespace slipway::builder
