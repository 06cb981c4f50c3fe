// How steps end, also when they don't want to, and that nothing is left of them.
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"
#include "tests/builder/sandbox/sandbox_main.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::Fd;
using builder::SandboxSpec;
using builder::Step;
using builder::StepEnd;

// In the command line of everything that a test starts, so that it can be looked for.
std::string marker() {
  return cat("marker-", base::random_hex(8));
}

// Reads until the text has come; the step must not end before.
void wait_for(const Fd& fd, std::string_view text) {
  std::string seen;
  char byte = 0;
  while (!seen.contains(text) && base::read_some(fd, {&byte, 1}) == 1) {
    seen += byte;
  }
  ASSERT_TRUE(seen.contains(text)) << seen;
}

// Ends of processes are waited for by descriptors of them.
void expect_gone(const std::vector<pid_t>& processes) {
  for (pid_t pid : processes) {
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process) {
      pollfd wait{process.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&wait, 1, 20'000), 1) << pid << " is still there";
    }
  }
}

std::vector<pid_t> children_of_process() {
  std::string list =
      base::find_file_content(cat("/proc/self/task/", ::gettid(), "/children"), 1 << 16)
          .value_or("");
  std::vector<pid_t> children;
  for (std::string_view pid : base::split(base::trim(list), ' ')) {
    if (std::optional<int> number = base::parse_integer<int>(pid)) {
      children.push_back(*number);
    }
  }
  return children;
}

class Life : public SandboxTest {};

TEST_F(Life, EndsWithItsCommandAndKillsOrphans) {
  std::string mark = marker();
  EXPECT_EQ(output_of(cat("sh -c 'sleep 1000; : ", mark, "' & (setsid sh -c 'sleep 1000; : ", mark,
                          "' &) ; echo done")),
            "done\n");
  EXPECT_TRUE(processes_with(mark).empty());
}

TEST_F(Life, TheHelperEndsWhileItsOwnerGoesOn) {
  std::vector<pid_t> before = children_of_process();
  builder::Sandbox own;
  EXPECT_TRUE(own.run(spec_of("true"), {}, {}).success());
  std::vector<pid_t> helpers = children_of_process();
  std::erase_if(helpers, [&](pid_t pid) { return std::ranges::find(before, pid) != before.end(); });
  ASSERT_EQ(helpers.size(), 1U);
  own.begin_end();
  expect_gone(helpers);
}

TEST_F(Life, ReapsOrphans) {
  EXPECT_EQ(output_of("for i in 1 2 3; do (true &); done; while ps -o stat,args | grep -q '^Z'; "
                      "do :; done; echo clean"),
            "clean\n");
}

TEST_F(Life, SurvivesKillingEverything) {
  EXPECT_EQ(run(spec_of("trap '' TERM; kill -TERM -1; kill -KILL 1; echo still here; exit 4"))
                .result.status.value,
            4);
}

TEST_F(Life, IsCancelledWithAllItsProcesses) {
  std::string mark = marker();
  base::Pipe out = base::make_pipe();
  std::stop_source source;
  std::jthread canceller([&] {
    wait_for(out.read_end, "started");
    source.request_stop();
  });
  SandboxSpec spec = spec_of(cat("trap '' TERM INT; sleep 1000 & echo started; wait; : ", mark));
  builder::StepResult result =
      sandbox().run(spec, {-1, out.write_end.get(), -1}, source.get_token());
  EXPECT_EQ(result.end, StepEnd::kCancelled);
  EXPECT_EQ(result.status.text(), "signal: killed");
  EXPECT_TRUE(processes_with(mark).empty());
}

TEST_F(Life, DoesNotStartAfterAStop) {
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(run(spec_of("sleep 1000"), source.get_token()).result.end, StepEnd::kCancelled);
}

TEST_F(Life, EndsWhenItsTimeIsUp) {
  SandboxSpec spec = spec_of("sleep 1000");
  spec.timeout = std::chrono::milliseconds(50);
  builder::StepResult result = run(spec).result;
  EXPECT_EQ(result.end, StepEnd::kTimeout);
  EXPECT_FALSE(result.success());
}

TEST_F(Life, MayEndBeforeItsTime) {
  SandboxSpec spec = spec_of("exit 3");
  spec.timeout = std::chrono::hours(1);
  builder::StepResult result = run(spec).result;
  EXPECT_EQ(result.end, StepEnd::kFinished);
  EXPECT_EQ(result.status.value, 3);
}

TEST_F(Life, ForwardsSignalsToTheCommand) {
  base::Pipe out = base::make_pipe();
  SandboxSpec spec = spec_of("trap 'exit 42' USR1; echo ready; while :; do sleep 0.01; done");
  Step step = sandbox().begin(spec, {-1, out.write_end.get(), -1});
  wait_for(out.read_end, "ready");
  step.signal(SIGUSR1);
  EXPECT_EQ(step.wait({}).status.value, 42);
}

TEST_F(Life, EndsWhenItsHandleIsDropped) {
  std::string mark = marker();
  base::Pipe out = base::make_pipe();
  {
    Step step = sandbox().begin(spec_of(cat("echo ready; sleep 1000; : ", mark)),
                                {-1, out.write_end.get(), -1});
    wait_for(out.read_end, "ready");
    EXPECT_FALSE(processes_with(mark).empty());
  }
  EXPECT_TRUE(processes_with(mark).empty());
}

TEST_F(Life, ManyAtOnceDoNotDisturbEachOther) {
  constexpr int kThreads = 8;
  constexpr int kSteps = 5;
  std::vector<SandboxSpec> specs;
  for (int index = 0; index < kThreads * kSteps; ++index) {
    specs.push_back(spec_of(cat("echo ", index, " > /own; exit $(cat /own)")));
  }
  sandbox();
  std::vector<std::jthread> threads;
  std::vector<int> codes(specs.size());
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t index = thread; index < specs.size(); index += kThreads) {
        codes[index] = sandbox().run(specs[index], {}, {}).status.value;
      }
    });
  }
  threads.clear();
  for (std::size_t index = 0; index < codes.size(); ++index) {
    EXPECT_EQ(codes[index], static_cast<int>(index));
  }
}

TEST_F(Life, LeavesNoMountBehind) {
  auto mounts = [] { return base::find_file_content("/proc/self/mountinfo", 1 << 20); };
  sandbox();
  auto before = mounts();
  output_of("true");
  run(spec_of("exit 1"));
  SandboxSpec broken = spec_of("true");
  broken.working_directory = base::ImagePath::clean("/nosuch");
  error_of(broken);
  EXPECT_EQ(mounts(), before);
}

TEST_F(Life, EndsWithAnOwnerThatIsKilled) {
  std::string mark = marker();
  base::Pipe out = base::make_pipe();
  base::SpawnOptions options;
  options.argv = {"/proc/self/exe", "--own-a-step", base_layer(), make_directory("owner"), mark};
  options.environment = {"PATH=/usr/bin:/bin"};
  options.descriptors = {{out.write_end.get(), 1}};
  base::Child owner = base::Child::spawn(options);
  out.write_end.reset();
  wait_for(out.read_end, "started");
  std::vector<pid_t> processes = processes_with(mark);
  EXPECT_GE(processes.size(), 2U);  // the owner and the command, at least
  owner.kill(SIGKILL);
  owner.wait();
  expect_gone(processes);
  // The command may have forked since the list was made; that child dies with the others.
  expect_gone(processes_with(mark));
  EXPECT_TRUE(processes_with(mark).empty());
}

TEST_F(Life, EndsWithItsHelper) {
  std::string mark = marker();
  base::Pipe out = base::make_pipe();
  Step step = sandbox().begin(spec_of(cat("echo ready; sleep 1000; : ", mark)),
                              {-1, out.write_end.get(), -1});
  wait_for(out.read_end, "ready");
  // The helper and the init have the same command line; the init ends with the helper.
  for (pid_t pid : processes_with("slipway-init sandbox-helper")) {
    if (parent_of(pid) == ::getpid()) {
      ::kill(pid, SIGKILL);
    }
  }
  EXPECT_THROW(step.wait({}), base::Error);
  expect_gone(processes_with(mark));
  EXPECT_EQ(error_of(spec_of("true")), "the sandbox helper has ended unexpectedly");
}

TEST_F(Life, HasATerminal) {
  SandboxSpec spec = spec_of(
      "test -t 0 && test -t 1 && tty && stty size && echo >/dev/tty via tty "
      "&& echo >/dev/console console; read line; echo got $line; exit 5");
  spec.terminal = builder::TerminalSize{33, 99};
  Step step = sandbox().begin(spec, {});
  Fd terminal = step.take_terminal();
  base::write_all(terminal, "input\n");
  builder::StepResult result = step.wait({});
  EXPECT_EQ(result.status.value, 5);
  std::string seen;
  char byte = 0;
  while (::read(terminal.get(), &byte, 1) == 1) {  // EIO when everything has been read
    seen += byte;
  }
  for (const char* expected : {"/dev/pts/0", "33 99", "via tty", "console", "got input"}) {
    EXPECT_TRUE(seen.contains(expected)) << expected << " is not in: " << seen;
  }
}

TEST_F(Life, GivesTheErrorOfASetUpThatWasToHaveATerminal) {
  SandboxSpec spec = spec_of("true");
  spec.terminal = builder::TerminalSize{};
  spec.working_directory = base::ImagePath::clean("/bin/sh");
  overlay_of(spec).lowers = {"/nosuch"};
  Step step = sandbox().begin(spec, {});
  EXPECT_THROW(step.take_terminal(), base::Error);
}

}  // namespace

int own_a_step(const std::string& layer, const std::string& folder, const std::string& mark) {
  builder::Sandbox sandbox;
  builder::SandboxSpec spec;
  builder::OverlayRoot root{
      .lowers = {layer}, .upper = folder + "/upper", .work = folder + "/work"};
  base::ensure_directory(root.upper);
  base::ensure_directory(root.work);
  spec.root = root;
  spec.argv = {"/bin/sh", "-c", cat("echo started; sleep 1000; : ", mark)};
  sandbox.run(spec, {-1, 1, -1}, {});
  return 0;
}

}  // namespace slipway::tests
