// The process that a helper keeps ready for the next step.
#include <poll.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/text.h"
#include "builder/sandbox/sandbox.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::Fd;
using builder::SandboxSpec;

class SpareProcess : public SandboxTest {
 protected:
  // Of a helper that has run two steps.
  std::optional<pid_t> make_spare() {
    output_of("true");
    output_of("true");
    return wait_for_spare();
  }

  // The pid 1 of a step with this spec, as the machine counts.
  pid_t init_of(SandboxSpec spec, const std::string& mark) {
    base::Pipe out = base::make_pipe();
    spec.argv = {"sh", "-c", cat("echo ready; read wait; : ", mark)};
    base::Pipe in = base::make_pipe();
    builder::Step step = sandbox().begin(spec, {in.read_end.get(), out.write_end.get(), -1});
    out.write_end.reset();
    char byte = 0;
    EXPECT_EQ(base::read_some(out.read_end, {&byte, 1}), 1U);
    pid_t init = 0;
    for (pid_t pid : processes_with(mark)) {
      init = parent_of(pid);
    }
    in.write_end.reset();
    step.wait({});
    return init;
  }
};

bool has_ended(pid_t pid) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd wait{process.get(), POLLIN, 0};
  return !process || ::poll(&wait, 1, 20'000) == 1;
}

TEST_F(SpareProcess, BecomesTheNextStep) {
  std::optional<pid_t> spare = make_spare();
  ASSERT_TRUE(spare);
  EXPECT_EQ(init_of(spec_of(""), cat("mark-", base::random_hex(8))), *spare);
  EXPECT_NE(init_of(spec_of(""), cat("mark-", base::random_hex(8))), *spare);
}

TEST_F(SpareProcess, EndsWithTheSandbox) {
  std::optional<pid_t> spare;
  {
    builder::Sandbox sandbox(options_);
    sandbox.run(spec_of("true"), {}, {});
    sandbox.run(spec_of("true"), {}, {});
    spare = wait_for_spare();
    ASSERT_TRUE(spare);
  }
  EXPECT_TRUE(has_ended(*spare));
}

TEST_F(SpareProcess, ItsEndIsNoStepsProblem) {
  std::optional<pid_t> spare = make_spare();
  ASSERT_TRUE(spare);
  ::kill(*spare, SIGKILL);
  ASSERT_TRUE(has_ended(*spare));
  EXPECT_EQ(output_of("echo fine"), "fine\n");
}

TEST_F(SpareProcess, IsNotUsedWithAnotherNetwork) {
  std::optional<pid_t> spare = make_spare();
  ASSERT_TRUE(spare);
  SandboxSpec spec = spec_of("ls /sys/class/net");
  spec.network = builder::NetworkMode::kNone;
  EXPECT_EQ(output_of(spec), "lo\n");
  EXPECT_TRUE(has_ended(*spare));
}

TEST_F(SpareProcess, IsNotUsedWhereNothingIsHidden) {
  std::optional<pid_t> spare = make_spare();
  ASSERT_TRUE(spare);
  SandboxSpec spec = spec_of("");
  spec.security = builder::SecurityMode::kInsecure;
  EXPECT_NE(init_of(spec, cat("mark-", base::random_hex(8))), *spare);
}

TEST_F(SpareProcess, IsAsPrivateAsAnyStep) {
  const std::string roots = "grep -c ' / / ' /proc/self/mountinfo";
  ASSERT_TRUE(make_spare());
  EXPECT_EQ(output_of(cat("echo > /dev/shm/left; echo > /dev/left; chmod 600 /dev/null 2> /tmp/e; ",
                          roots)),
            "1\n");
  ASSERT_TRUE(wait_for_spare());
  EXPECT_EQ(output_of(cat("ls /dev/shm; test -e /dev/left || stat -c %a /dev/null; ", roots)),
            "666\n1\n");
}

TEST_F(SpareProcess, SeesMountsThatCameAfterIt) {
  ASSERT_TRUE(make_spare());
  std::string place = make_directory("place");
  if (::mount("none", place.c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "mounting is forbidden here";
  }
  base::Cleanup unmount([&] { ::umount2(place.c_str(), MNT_DETACH); });
  write_file(place + "/file", "new\n");
  SandboxSpec spec = spec_of("cat /place/file");
  spec.mounts.push_back(builder::BindMount{place, {}, base::ImagePath::clean("/place")});
  EXPECT_EQ(output_of(spec), "new\n");
}

TEST_F(SpareProcess, HidesNoPathOfTheMachine) {
  ASSERT_TRUE(make_spare());
  SandboxSpec spec = spec_of("test -d /k/mm && echo yes");
  spec.mounts.push_back(builder::BindMount{"/sys/kernel", {}, base::ImagePath::clean("/k")});
  EXPECT_EQ(output_of(spec), "yes\n");
}

}  // namespace
}  // namespace slipway::tests
