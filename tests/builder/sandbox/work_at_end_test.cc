// What a caller does while a step's mounts are taken away, and what is left of the step by then.
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <thread>

#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::Fd;
using builder::SandboxSpec;
using builder::StepEnd;

class WorkAtEndTest : public SandboxTest {
 protected:
  struct Worked {
    int calls = 0;
    builder::StepResult result;
  };
  Worked run_with_work(const SandboxSpec& spec, const std::function<void()>& work = {},
                       const std::stop_token& stop = {}) {
    Worked worked;
    auto count = [&] {
      ++worked.calls;
      if (work) {
        work();
      }
    };
    worked.result = sandbox().run(spec, {-1, STDERR_FILENO, STDERR_FILENO}, count, stop);
    return worked;
  }

  // The script leaves a process behind that has `mark_` in its command line.
  void expect_dead_when_working(SandboxSpec spec) {
    bool was_done = false;
    std::string entries;
    Worked worked = run_with_work(spec, [&] {
      was_done = true;
      EXPECT_TRUE(processes_with(mark_).empty());
      entries = upper_entries();
    });
    EXPECT_TRUE(worked.result.success()) << worked.result.status.text();
    EXPECT_TRUE(was_done);
    EXPECT_EQ(upper_entries(), entries);
  }

  void expect_no_work(const SandboxSpec& spec, bool succeeds) {
    Worked worked = run_with_work(spec);
    EXPECT_EQ(worked.result.success(), succeeds) << worked.result.status.text();
    EXPECT_EQ(worked.calls, 0);
  }

  std::string mark_ = cat("marker-", base::random_hex(8));
};

TEST_F(WorkAtEndTest, IsDoneOnceByTheCallerWhenAllIsWritten) {
  std::thread::id caller = std::this_thread::get_id();
  Worked worked = run_with_work(spec_of("mkdir /d; echo x >/d/f"), [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(upper_entries(), "d\nd/f\n");
  });
  EXPECT_TRUE(worked.result.success());
  EXPECT_EQ(worked.calls, 1);
}

TEST_F(WorkAtEndTest, FindsProcessesDeadThatIgnoreSignals) {
  expect_dead_when_working(spec_of(
      cat("trap '' TERM HUP INT; setsid sh -c 'echo >/on; while :; do sleep 1000; done; : ", mark_,
          "' & until [ -e /on ]; do :; done")));
}

TEST_F(WorkAtEndTest, FindsStoppedProcessesDead) {
  expect_dead_when_working(
      spec_of(cat("sh -c 'kill -STOP $$; : ", mark_,
                  "' & until grep -q 'T (stopped' /proc/$!/status; do :; done")));
}

TEST_F(WorkAtEndTest, FindsTracedProcessesDead) {
  expect_dead_when_working(spec_of(cat("probe leave-traced ", mark_)));
}

TEST_F(WorkAtEndTest, FindsOtherUsersProcessesDead) {
  expect_dead_when_working(
      spec_of(cat("probe run-as 1000 sh -c 'echo >/tmp/on; while :; do sleep 1000; done; : ", mark_,
                  "' & until [ -e /tmp/on ]; do :; done")));
}

TEST_F(WorkAtEndTest, FindsProcessesDeadInNamespacesBelow) {
  SandboxSpec spec = spec_of(
      cat("unshare -U -p -f sh -c 'echo >/on; trap \"\" TERM; while :; do sleep 1000; done; "
          ": ",
          mark_, "' & until [ -e /on ]; do :; done"));
  spec.seccomp = std::string();
  expect_dead_when_working(spec);
}

TEST_F(WorkAtEndTest, FindsProcessesDeadThatForkAllTheTime) {
  off_t hops = 0;
  SandboxSpec spec =
      spec_of(cat("probe hop /hops ", mark_,
                  " & until [ \"$(wc -c 2>/dev/null </hops)\" -gt 20 ] 2>/dev/null; do :; done"));
  auto count = [&] {
    struct stat status{};
    EXPECT_EQ(::stat(cat(overlay_of(spec).upper, "/hops").c_str(), &status), 0);
    return status.st_size;
  };
  Worked worked = run_with_work(spec, [&] {
    EXPECT_TRUE(processes_with(mark_).empty());
    hops = count();
  });
  EXPECT_EQ(worked.calls, 1);
  EXPECT_GT(hops, 20);
  EXPECT_EQ(count(), hops);
}

// Where there is one id, such calls wait for the init.
TEST_F(WorkAtEndTest, FindsProcessesDeadWhoseCallsWaitForTheInit) {
  expect_dead_when_working(
      spec_of(cat("for i in 1 2 3 4; do (echo >/f$i; while :; do chown $i /f$i; done; : ", mark_,
                  ") & done; until [ -e /f1 -a -e /f2 -a -e /f3 -a -e /f4 ]; do :; done")));
}

TEST_F(WorkAtEndTest, IsNotDoneForWhatFails) {
  expect_no_work(spec_of("exit 3"), false);
  expect_no_work(spec_of("kill -9 $$"), false);
  SandboxSpec missing = spec_of("");
  missing.argv = {"/nosuch"};
  expect_no_work(missing, false);
  SandboxSpec late = spec_of("sleep 1000");
  late.timeout = std::chrono::milliseconds(50);
  expect_no_work(late, false);
}

TEST_F(WorkAtEndTest, IsNotDoneForWhatIsCancelled) {
  std::stop_source source;
  source.request_stop();
  Worked worked = run_with_work(spec_of("sleep 1000"), {}, source.get_token());
  EXPECT_EQ(worked.result.end, StepEnd::kCancelled);
  EXPECT_EQ(worked.calls, 0);
}

// A mount that the command made may write when it goes away.
TEST_F(WorkAtEndTest, IsNotDoneWhereTheCommandMayMount) {
  SandboxSpec insecure = spec_of("true");
  insecure.security = builder::SecurityMode::kInsecure;
  expect_no_work(insecure, true);
  SandboxSpec capable = spec_of("true");
  capable.capabilities |= std::uint64_t{1} << CAP_SYS_ADMIN;
  expect_no_work(capable, true);
}

TEST_F(WorkAtEndTest, IsNotDoneWhereMountPointsHaveToBeRemoved) {
  SandboxSpec spec = spec_of("true");
  std::string hidden = make_directory("layer") + "/proc";
  ASSERT_EQ(::mknod(hidden.c_str(), S_IFCHR, makedev(0, 0)), 0);
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  expect_no_work(spec, true);
  EXPECT_EQ(upper_entries(), "");
}

TEST_F(WorkAtEndTest, IsNotDoneWhereARuntimeHasTheStep) {
  constexpr const char* kRuntime = "/usr/bin/crun";
  if (::access(kRuntime, X_OK) != 0 || !has_many_ids()) {
    GTEST_SKIP() << kRuntime << " is not installed, or there is only one id";
  }
  SandboxSpec spec = spec_of("echo x >/f");
  spec.runtime = builder::OciRuntime{kRuntime, std::nullopt, {}};
  expect_no_work(spec, true);
  EXPECT_EQ(upper_entries(), "f\n");
}

// As where the right to kill is missing: only the kernel can end the others then.
TEST_F(WorkAtEndTest, IsNotDoneWhereOthersCanNotBeKilled) {
  options_.environment.push_back(
      cat("SLIPWAY_TEST_WITHOUT=", SYS_kill, ":0:", ~0U, ":", ~0U, ":", EPERM));
  SandboxSpec spec = spec_of(cat("sh -c 'while :; do sleep 1000; done; : ", mark_, "' &"));
  expect_no_work(spec, true);
  EXPECT_TRUE(processes_with(mark_).empty());
}

TEST_F(WorkAtEndTest, ThatThrowsEndsTheStepBeforeTheErrorComes) {
  base::Pipe in = base::make_pipe();
  SandboxSpec spec = spec_of(cat("read line; : ", mark_));
  std::optional<builder::Step> step = sandbox().begin(spec, {in.read_end.get(), -1, -1});
  std::vector<pid_t> command;
  while (command.empty()) {
    command = processes_with(cat("read line; : ", mark_));
  }
  Fd init(static_cast<int>(::syscall(SYS_pidfd_open, parent_of(command[0]), 0)));
  ASSERT_TRUE(init);
  base::write_all(in.write_end, "\n");
  auto fail = [] { base::fail(base::ErrorKind::kInput, "work failed"); };
  EXPECT_THROW(step->wait(fail, {}), base::Error);
  step.reset();
  pollfd ended{init.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 1);
  EXPECT_THROW(sandbox().run(spec_of("true"), {}, fail, {}), base::Error);
  EXPECT_EQ(run_with_work(spec_of("true")).calls, 1);
}

}  // namespace
}  // namespace slipway::tests
