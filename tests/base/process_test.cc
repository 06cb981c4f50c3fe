#include "base/process.h"

#include <signal.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/worker_pool.h"

namespace slipway::base {
namespace {

Output run_shell(const std::string& script, const std::string& input = {}) {
  return run_program({.argv = {"/bin/sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin"}},
                     input);
}

TEST(RunProgram, GivesStatusAndBothOutputs) {
  Output output = run_shell("cat; echo oops >&2; exit 3", "hello");
  EXPECT_EQ(output.out, "hello");
  EXPECT_EQ(output.err, "oops\n");
  EXPECT_EQ(output.status.text(), "exit code: 3");
}

TEST(RunProgram, PassesMoreInputThanAPipeHolds) {
  EXPECT_EQ(run_shell("wc -c", std::string(300'000, 'x')).out, "300000\n");
}

TEST(RunProgram, AChildThatDoesNotReadIsNoError) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_TRUE(run_shell("exec <&-; exit 0", std::string(300'000, 'x')).status.success());
}

TEST(RunProgram, TellsASignal) {
  ExitStatus status = run_shell("kill -9 $$").status;
  EXPECT_EQ(status.kind, ExitStatus::Kind::kSignaled);
  EXPECT_EQ(status.shell_code(), 137);
}

TEST(RunProgram, AnAbsentProgramIsNotFound) {
  try {
    run_program({.argv = {"/no/such/program"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kNotFound);
  }
}

TEST(Child, AStopKillsAndReaps) {
  std::stop_source stop;
  Child child = Child::spawn({.argv = {"sleep", "1000"}, .environment = {"PATH=/usr/bin:/bin"}});
  pid_t pid = child.pid();
  std::jthread stopper([&] { stop.request_stop(); });
  try {
    child.wait(stop.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCancelled);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(RunAll, RunsEveryJobAndThrowsTheFirstError) {
  std::atomic<int> ran = 0;
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (int i = 0; i < 50; ++i) {
    jobs.push_back([&](std::stop_token) { ++ran; });
  }
  run_all(std::move(jobs), 4);
  EXPECT_EQ(ran, 50);
  std::vector<std::move_only_function<void(std::stop_token)>> failing;
  failing.push_back([](std::stop_token) { fail(ErrorKind::kInput, "first"); });
  EXPECT_THROW(run_all(std::move(failing), 2), Error);
}

TEST(WorkerPool, RunsSubmittedJobs) {
  Guarded<int> done;
  WorkerPool pool(3);
  for (int i = 0; i < 20; ++i) {
    pool.submit([&] {
      ++*done.lock();
      done.notify_all();
    });
  }
  auto held = done.lock();
  held.wait([](int count) { return count == 20; });
  EXPECT_EQ(*held, 20);
}

}  // namespace
}  // namespace slipway::base
