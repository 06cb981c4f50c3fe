#include "builder/sandbox/cgroup.h"

#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using builder::CgroupHierarchy;
using builder::CgroupLimits;
using builder::CgroupSetting;
using builder::SandboxSpec;
using builder::StepEnd;

TEST(CgroupParsing, FindsTheUnifiedHierarchy) {
  std::vector<CgroupHierarchy> expected = {
      {true, "/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/session-1.scope", {}}};
  EXPECT_EQ(builder::parse_cgroups(
                "0::/user.slice/session-1.scope\n",
                "24 1 0:22 / /proc rw - proc proc rw\n"
                "31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"),
            expected);
}

TEST(CgroupParsing, FindsLegacyHierarchiesByTheirControllers) {
  std::vector<CgroupHierarchy> expected = {
      {false, "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", {"cpu", "cpuacct"}},
      {false, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/a/b", {"memory"}},
      {true, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified", {}}};
  EXPECT_EQ(builder::parse_cgroups(
                "5:memory:/a/b\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n",
                "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
            expected);
}

TEST(CgroupParsing, TakesPathsRelativeToWhatIsMounted) {
  std::string mounts =
      "35 31 0:32 /docker/c1 /sys/fs/cgroup/mem\\040ory ro - cgroup cgroup rw,memory\n";
  std::vector<CgroupHierarchy> expected = {
      {false, "/sys/fs/cgroup/mem ory", "/sys/fs/cgroup/mem ory/sub", {"memory"}}};
  EXPECT_EQ(builder::parse_cgroups("5:memory:/docker/c1/sub\n", mounts), expected);
  EXPECT_TRUE(builder::parse_cgroups("5:memory:/elsewhere\n", mounts).empty());
  EXPECT_TRUE(builder::parse_cgroups("5:memory:/../outside\n", mounts).empty());
  EXPECT_TRUE(builder::parse_cgroups("", mounts).empty());
  EXPECT_TRUE(builder::parse_cgroups("nonsense", "nonsense - x").empty());
}

CgroupLimits all_limits() {
  return {.memory_bytes = 100,
          .memory_and_swap_bytes = 150,
          .cpu_quota_us = 50000,
          .cpu_period_us = 100000,
          .cpu_shares = 1024,
          .cpuset_cpus = "0-1",
          .cpuset_mems = "0",
          .pids_max = 7};
}

TEST(CgroupSettings, AreWrittenForEitherKind) {
  std::vector<CgroupSetting> unified = {
      {"memory", "memory.max", "100"},    {"memory", "memory.swap.max", "50"},
      {"cpu", "cpu.max", "50000 100000"}, {"cpu", "cpu.weight", "39"},
      {"cpuset", "cpuset.cpus", "0-1"},   {"cpuset", "cpuset.mems", "0"},
      {"pids", "pids.max", "7"}};
  EXPECT_EQ(builder::unified_settings(all_limits()), unified);
  std::vector<CgroupSetting> legacy = {{"memory", "memory.limit_in_bytes", "100"},
                                       {"memory", "memory.memsw.limit_in_bytes", "150"},
                                       {"cpu", "cpu.cfs_period_us", "100000"},
                                       {"cpu", "cpu.cfs_quota_us", "50000"},
                                       {"cpu", "cpu.shares", "1024"},
                                       {"cpuset", "cpuset.cpus", "0-1"},
                                       {"cpuset", "cpuset.mems", "0"},
                                       {"pids", "pids.max", "7"}};
  EXPECT_EQ(builder::legacy_settings(all_limits()), legacy);
  EXPECT_TRUE(builder::unified_settings({}).empty());
}

TEST(CgroupSettings, KeepWeightsInTheirRange) {
  auto weight = [](std::uint64_t shares) {
    CgroupLimits limits;
    limits.cpu_shares = shares;
    return builder::unified_settings(limits).front().value;
  };
  EXPECT_EQ(weight(0), "1");
  EXPECT_EQ(weight(2), "1");
  EXPECT_EQ(weight(262144), "10000");
  EXPECT_EQ(weight(1'000'000), "10000");
}

class Cgroup : public SandboxTest {
 protected:
  // Runs the script with limits; a skip with the reason where this machine gives us none.
  std::optional<Ran> run_limited(const std::string& script, const CgroupLimits& limits) {
    SandboxSpec spec = spec_of(script);
    spec.cgroup = limits;
    Ran ran = run(spec);
    if (!ran.result.notices.empty()) {
      EXPECT_TRUE(ran.result.notices.front().contains("not applied")) << ran.result.notices.front();
      notice_ = ran.result.notices.front();
      return std::nullopt;
    }
    return ran;
  }
  // Groups of this process' helpers, and of helpers that are no more; other tests run meanwhile.
  std::string groups_left() {
    std::string found =
        base::run_program({.argv = {"find", "/sys/fs/cgroup", "-type", "d", "-name", "slipway-*"},
                           .environment = {"PATH=/usr/bin:/bin"}})
            .out;
    std::string left;
    for (std::string_view path : base::split(found, '\n')) {
      std::size_t name = path.rfind("slipway-");
      if (name == std::string_view::npos) {
        continue;
      }
      std::string_view helper = path.substr(name + std::string_view("slipway-").size());
      helper = helper.substr(0, helper.find('-'));
      pid_t parent = parent_of(base::parse_integer<pid_t>(helper).value_or(0));
      // A helper that has ended since took its groups with it.
      bool is_alone = parent == 0 && ::access(std::string(path).c_str(), F_OK) == 0;
      if (is_alone || parent == ::getpid()) {
        left += base::cat(path, "\n");
      }
    }
    return left;
  }
  std::string notice_;
};

TEST_F(Cgroup, TellsOutOfMemoryFromAKill) {
  auto ran = run_limited("probe eat 200; exit $?", {.memory_bytes = 64 << 20});
  if (!ran) {
    GTEST_SKIP() << notice_;
  }
  EXPECT_EQ(ran->result.end, StepEnd::kOutOfMemory) << ran->out;
  EXPECT_FALSE(ran->result.success());
  ran = run_limited("kill -9 $$", {.memory_bytes = 64 << 20});
  EXPECT_EQ(ran->result.end, StepEnd::kFinished);
  EXPECT_EQ(ran->result.status.text(), "signal: killed");
}

TEST_F(Cgroup, StopsAForkBomb) {
  auto ran = run_limited("exec probe fork 100", {.pids_max = 20});
  if (!ran) {
    GTEST_SKIP() << notice_;
  }
  int made = base::parse_integer<int>(base::trim(ran->out)).value_or(-1);
  EXPECT_GT(made, 5);
  EXPECT_LT(made, 20);
}

TEST_F(Cgroup, ShowsTheLimitsInside) {
  auto ran = run_limited(
      "cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes; "
      "mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x 2>/dev/null || echo read-only; "
      "cut -d: -f3 /proc/self/cgroup | sort -u",
      {.memory_bytes = 64 << 20});
  if (!ran) {
    GTEST_SKIP() << notice_;
  }
  EXPECT_TRUE(ran->out.ends_with("67108864\nread-only\n/\n")) << ran->out;
}

TEST_F(Cgroup, LimitsProcessors) {
  auto ran = run_limited(
      "cat /sys/fs/cgroup/cpu.max || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us; "
      "grep Cpus_allowed_list /proc/self/status",
      {.cpu_quota_us = 50'000, .cpuset_cpus = "0"});
  if (!ran) {
    GTEST_SKIP() << notice_;
  }
  EXPECT_TRUE(ran->out.contains("50000")) << ran->out;
  EXPECT_TRUE(ran->out.contains("Cpus_allowed_list:\t0\n")) << ran->out;
}

TEST_F(Cgroup, LeavesNoGroupBehind) {
  std::string before = groups_left();
  run_limited("sleep 0.01 &", {.memory_bytes = 64 << 20, .pids_max = 50});
  SandboxSpec broken = spec_of("true");
  broken.cgroup.pids_max = 50;
  overlay_of(broken).lowers.push_back("/nosuch");
  error_of(broken);
  SandboxSpec late = spec_of("sleep 1000");
  late.cgroup.pids_max = 50;
  late.timeout = std::chrono::milliseconds(100);
  EXPECT_EQ(run(late).result.end, StepEnd::kTimeout);
  EXPECT_EQ(groups_left(), before);
}

TEST_F(Cgroup, RefusesALimitThatTheKernelRefuses) {
  SandboxSpec spec = spec_of("true");
  spec.cgroup.cpuset_cpus = "4000";
  if (is_rootless()) {
    EXPECT_TRUE(run(spec).result.success());
    return;
  }
  std::string error = error_of(spec);
  EXPECT_TRUE(error.starts_with("set the limit cpuset.cpus=4000: ")) << error;
  EXPECT_EQ(groups_left(), "");
}

}  // namespace
}  // namespace slipway::tests
