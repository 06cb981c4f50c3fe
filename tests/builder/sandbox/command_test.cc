// The command of a step: how it is found, what it is given, how its end is told.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using builder::SandboxSpec;
using builder::StepEnd;

class Command : public SandboxTest {
 protected:
  // A step that executes `argv` without a shell.
  Ran execute(std::vector<std::string> argv) {
    SandboxSpec spec = spec_of("");
    spec.argv = std::move(argv);
    return run(spec);
  }
  void expect_not_executed(std::vector<std::string> argv, int code, std::string_view message) {
    Ran ran = execute(std::move(argv));
    EXPECT_EQ(ran.result.end, StepEnd::kNotExecuted);
    EXPECT_EQ(ran.result.status.shell_code(), code);
    EXPECT_EQ(ran.result.message, message);
  }
};

TEST_F(Command, GivesItsExitCode) {
  EXPECT_EQ(run(spec_of("exit 7")).result.status.text(), "exit code: 7");
  EXPECT_EQ(run(spec_of("exit 0")).result.status.text(), "exit code: 0");
}

TEST_F(Command, GivesTheSignalThatEndedIt) {
  EXPECT_EQ(run(spec_of("kill -TERM $$")).result.status.text(), "signal: terminated");
  EXPECT_EQ(run(spec_of("kill -KILL $$")).result.status.text(), "signal: killed");
}

// A namespace's first process would survive these.
TEST_F(Command, HasTheDefaultSignalActions) {
  EXPECT_EQ(execute({"probe", "raise", cat(SIGABRT)}).result.status.value, SIGABRT);
  EXPECT_EQ(execute({"probe", "raise", cat(SIGUSR1)}).result.status.value, SIGUSR1);
}

TEST_F(Command, IsLookedUpOnThePathOfItsEnvironment) {
  SandboxSpec spec = spec_of("");
  spec.argv = {"found"};
  spec.environment = {"PATH=/nowhere::relative:/opt/bin:/bin"};
  std::string layer = make_directory("layer/opt/bin");
  write_file(layer + "/found", "#!/bin/sh\necho here\n", 0755);
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  EXPECT_EQ(output_of(spec), "here\n");
}

TEST_F(Command, ThatDoesNotExistGives127) {
  expect_not_executed({"nosuch"}, 127, "exec: \"nosuch\": executable file not found in $PATH");
  expect_not_executed({"/no/such"}, 127,
                      "exec: \"/no/such\": stat /no/such: no such file or directory");
  expect_not_executed({""}, 127, "exec: \"\": executable file not found in $PATH");
}

TEST_F(Command, ThatIsNoProgramGives126) {
  SandboxSpec spec = spec_of("");
  std::string layer = make_directory("layer");
  write_file(layer + "/plain", "text", 0644);
  write_file(layer + "/garbage", "text", 0755);
  overlay_of(spec).lowers.push_back(layer);
  auto expect = [&](const std::string& name, int code, std::string_view message) {
    SandboxSpec one = spec_of("");
    overlay_of(one).lowers = overlay_of(spec).lowers;
    one.argv = {name};
    Ran ran = run(one);
    EXPECT_EQ(ran.result.status.shell_code(), code) << name;
    EXPECT_EQ(ran.result.message, message);
  };
  expect("/plain", 126, "exec: \"/plain\": permission denied");
  expect("/bin", 126, "exec: \"/bin\": is a directory");
  expect("/garbage", 126, "exec /garbage: exec format error");
}

TEST_F(Command, ForAnotherMachineNamesItAndThePackage) {
  SandboxSpec spec = spec_of("");
  std::string header = std::string("\x7f") + "ELF\x02\x02\x01" + std::string(57, '\0');
  header[16] = 2;   // a program
  header[18] = 22;  // of s390x, in this machine's byte order
  write_file(cat(overlay_of(spec).upper, "/foreign"), header, 0755);
  spec.argv = {"/foreign"};
  builder::StepResult result = run(spec).result;
  if (result.end != StepEnd::kNotExecuted) {
    GTEST_SKIP() << "this machine runs programs of s390x";
  }
  EXPECT_EQ(result.status.value, 126);
  EXPECT_EQ(result.message,
            "exec /foreign: exec format error (it is a program for s390x; with the package "
            "qemu-user-static this machine can run such)");
}

TEST_F(Command, WithAMissingInterpreterSaysSo) {
  SandboxSpec spec = spec_of("");
  std::string layer = make_directory("layer");
  write_file(layer + "/script", "#!/no/bash\n", 0755);
  overlay_of(spec).lowers.push_back(layer);
  spec.argv = {"/script"};
  Ran ran = run(spec);
  EXPECT_EQ(ran.result.status.shell_code(), 127);
  EXPECT_EQ(ran.result.message,
            "exec /script: no such file or directory (the interpreter that it names is missing)");
}

TEST_F(Command, HasExactlyTheGivenEnvironment) {
  SandboxSpec spec = spec_of("");
  spec.argv = {"/bin/env"};
  spec.environment = {"B=2", "A=1 x", "EMPTY="};
  EXPECT_EQ(output_of(spec), "B=2\nA=1 x\nEMPTY=\n");
}

TEST_F(Command, StartsInItsWorkingDirectory) {
  SandboxSpec spec = spec_of("pwd; cat /proc/self/cwd/here");
  std::string layer = make_directory("layer/some/where");
  write_file(layer + "/here", "yes\n");
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  spec.working_directory = base::ImagePath::clean("/some/where");
  EXPECT_EQ(output_of(spec), "/some/where\nyes\n");
}

TEST_F(Command, NeedsItsWorkingDirectory) {
  SandboxSpec spec = spec_of("pwd");
  spec.working_directory = base::ImagePath::clean("/nosuch");
  EXPECT_EQ(error_of(spec), "the working directory /nosuch does not exist");
  spec = spec_of("pwd");
  spec.working_directory = base::ImagePath::clean("/bin/busybox");
  EXPECT_EQ(error_of(spec), "the working directory /bin/busybox is not a directory");
}

TEST_F(Command, RunsAsItsUserAndGroups) {
  if (!has_many_ids()) {
    GTEST_SKIP() << "only one id is mapped here";
  }
  SandboxSpec spec = spec_of("id -u; id -g; id -G; touch /tmp/mine; stat -c '%u %g' /tmp/mine");
  spec.user = {1001, 1002, {1003, 1004}};
  EXPECT_EQ(output_of(spec), "1001\n1002\n1002 1003 1004\n1001 1002\n");
}

TEST_F(Command, CannotRunAsAUserThatDoesNotExistHere) {
  if (!is_rootless() || !has_many_ids()) {
    GTEST_SKIP() << "as root every id exists; where there is one, others are pretended";
  }
  SandboxSpec spec = spec_of("id");
  spec.user.uid = 4000000000;
  EXPECT_TRUE(error_of(spec).starts_with(
      "cannot run as the user or group 4000000000: this user namespace has no such id"));
}

TEST_F(Command, OfAnotherUserCanOpenItsStandardStreams) {
  if (!has_many_ids()) {
    GTEST_SKIP() << "only one id is mapped here";
  }
  base::Pipe pipe = base::make_pipe();
  SandboxSpec spec = spec_of("echo out > /dev/stdout; echo err > /dev/stderr");
  spec.user.uid = 1001;
  builder::StepResult result =
      sandbox().run(spec, {-1, pipe.write_end.get(), pipe.write_end.get()}, {});
  pipe.write_end.reset();
  EXPECT_TRUE(result.success()) << result.status.text();
  EXPECT_EQ(base::read_to_end(pipe.read_end, 4096), "out\nerr\n");
}

TEST_F(Command, ReadsItsInput) {
  base::Pipe in = base::make_pipe();
  base::Pipe out = base::make_pipe();
  base::write_all(in.write_end, "words");
  in.write_end.reset();
  sandbox().run(spec_of("cat"), {in.read_end.get(), out.write_end.get(), -1}, {});
  out.write_end.reset();
  EXPECT_EQ(base::read_to_end(out.read_end, 4096), "words");
}

TEST_F(Command, HasNullDevicesWithoutStreams) {
  builder::StepResult result =
      sandbox().run(spec_of("read x; test -z \"$x\" && echo lost"), {}, {});
  EXPECT_TRUE(result.success());
}

TEST_F(Command, HasNoDescriptorsButItsOwn) {
  base::Fd leak(::open("/", O_RDONLY));  // not close-on-exec: as some library might open one
  EXPECT_EQ(output_of("exec probe descriptors"), "0 1 2 \n");
}

TEST_F(Command, HasTheUsualFileModeMask) {
  EXPECT_EQ(output_of("umask"), "0022\n");
}

TEST_F(Command, HasTheGivenResourceLimits) {
  SandboxSpec spec = spec_of("ulimit -Sn; ulimit -Hn; ulimit -Sc");
  spec.resource_limits = {{RLIMIT_NOFILE, 100, 200}, {RLIMIT_CORE, 0, 0}};
  EXPECT_EQ(output_of(spec), "100\n200\n0\n");
}

TEST_F(Command, HasOtherwiseTheOwnersResourceLimits) {
  rlimit ours{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &ours), 0);
  EXPECT_EQ(output_of("ulimit -Sn"), cat(ours.rlim_cur, "\n"));
}

TEST_F(Command, TakesArgumentsThatAreLongerThanAPacket) {
  SandboxSpec spec = spec_of("echo ${#BIG}");
  spec.environment.push_back(cat("BIG=", std::string(120'000, 'x')));
  EXPECT_EQ(output_of(spec), "120000\n");
}

TEST_F(Command, IsNeeded) {
  SandboxSpec spec = spec_of("");
  spec.argv.clear();
  EXPECT_EQ(error_of(spec), "a step needs a command");
}

TEST_F(Command, IsRefusedWithANulByte) {
  SandboxSpec spec = spec_of("");
  spec.argv.emplace_back("a\0b", 3);
  EXPECT_TRUE(error_of(spec).starts_with("a NUL byte in an argument or variable"))
      << error_of(spec);
}

TEST_F(Command, ReportsWhatItUsed) {
  builder::StepResult result = run(spec_of("probe eat 40")).result;
  EXPECT_GE(result.usage.max_rss_bytes, 40U << 20);
  EXPECT_GT(result.usage.user_us + result.usage.system_us, 0);
}

}  // namespace
}  // namespace slipway::tests
