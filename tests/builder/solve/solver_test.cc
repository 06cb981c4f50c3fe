#include "builder/solve/solver.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/text.h"
#include "builder/solve/step_key.h"
#include "tests/fakes/solve_fakes.h"

namespace slipway::builder {
namespace {

// A graph of steps by name; each builds on the one named (or on nothing), and mounts the others.
struct Build {
  Graph graph;
  std::map<std::string, VertexId> ids;
  tests::ScriptedOps ops;
  tests::MemoryStepCache steps;
  base::SystemClock clock;
  base::Guarded<std::vector<Event>> events;
  std::function<bool()> may_begin_another;

  void step(const std::string& name, const std::string& base = "",
            const std::vector<std::string>& mounts = {}) {
    Exec exec;
    exec.argv = {name};
    for (const std::string& mount : mounts) {
      exec.mounts.push_back({.target = "/" + mount, .from = ids.at(mount)});
    }
    Vertex vertex{exec, std::nullopt, {}};
    vertex.meta.name = name;
    if (!base.empty()) {
      vertex.base = ids.at(base);
    }
    ids.emplace(name, VertexId(graph.vertices.size()));
    graph.vertices.push_back(vertex);
    ops.set_content(name, "content of " + name);
  }

  std::expected<SolveResults, StepFailure> run(const std::string& wanted, std::stop_token stop = {},
                                               unsigned jobs = 4) {
    ops.forget_calls();
    events.lock()->clear();
    Solver solver({&ops, &steps, &clock}, {jobs, may_begin_another},
                  [&](const Event& event) { events.lock()->push_back(event); });
    return solver.solve(graph, {ids.at(wanted)}, stop);
  }
  std::string ran() {
    std::vector<std::string> names = ops.ran();
    std::sort(names.begin(), names.end());
    return base::join(names, " ");
  }
  std::vector<StepEnded> ends() {
    std::vector<StepEnded> found;
    for (const Event& event : *events.lock()) {
      if (const auto* ended = std::get_if<StepEnded>(&event)) {
        found.push_back(*ended);
      }
    }
    return found;
  }
};

TEST(Solver, RunsWhatIsNeededAndStacksLayers) {
  Build build;
  build.step("a");
  build.step("b", "a");
  build.step("unused", "a");
  auto results = build.run("b");
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ(build.ran(), "a b");
  EXPECT_EQ((*results)[1]->state.size(), 2U);
  EXPECT_FALSE((*results)[2].has_value());
}

TEST(Solver, TakesEverythingFromTheCacheTheSecondTime) {
  Build build;
  build.step("a");
  build.step("b", "a");
  ASSERT_TRUE(build.run("b").has_value());
  auto again = build.run("b");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(build.ran(), "");
  EXPECT_EQ(build.ends().front().end, StepVerdict::kCached);
}

TEST(Solver, WhatASteadyKeyDoesNotNameIsMadeAgainAndUsedAllTheSame) {
  Build build;
  build.step("a");
  build.step("b", "a");
  build.ops.set_unsteady("a");
  ASSERT_TRUE(build.run("b").has_value());
  auto again = build.run("b");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(build.ran(), "a");
  EXPECT_EQ((*again)[1]->state.size(), 2U);
}

TEST(Solver, AStepThatMakesTheSameContentAgainLeavesWhatFollowsCached) {
  Build build;
  build.step("a");
  build.step("b", "a");
  build.ops.set_source("a", "one");
  ASSERT_TRUE(build.run("b").has_value());
  build.ops.set_source("a", "two");
  ASSERT_TRUE(build.run("b").has_value());
  EXPECT_EQ(build.ran(), "a");
}

TEST(Solver, OtherContentRunsWhatReadsItAndNothingMore) {
  Build build;
  build.step("a");
  build.step("c", "", {"a"});
  build.step("d", "", {"c"});
  ASSERT_TRUE(build.run("d").has_value());
  build.ops.set_source("a", "two");
  build.ops.set_content("a", "other");
  ASSERT_TRUE(build.run("d").has_value());
  // c reads a and makes the same as before, so d does not see a difference.
  EXPECT_EQ(build.ran(), "a c");
}

TEST(Solver, OtherContentBelowRunsWhatBuildsOnIt) {
  Build build;
  build.step("a");
  build.step("b", "a");
  ASSERT_TRUE(build.run("b").has_value());
  build.ops.set_source("a", "two");
  build.ops.set_content("a", "other");
  ASSERT_TRUE(build.run("b").has_value());
  EXPECT_EQ(build.ran(), "a b");
}

TEST(Solver, AMissNamesThePartThatDiffers) {
  Build build;
  build.step("a");
  build.ops.set_source("a", "one");
  ASSERT_TRUE(build.run("a").has_value());
  build.ops.set_source("a", "two");
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ends().front().missed_by, std::vector<std::string>{"source 0 content"});
}

TEST(Solver, BeginsNothingBesideAnotherWhileItMayNot) {
  Build build;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  for (const char* name : {"a", "b", "c", "d"}) {
    build.step(name);
    build.ops.set(name, [&, name](std::stop_token) {
      most = std::max<int>(most, ++running);
      std::this_thread::yield();
      --running;
      return std::string(name);
    });
  }
  build.step("all", "", {"a", "b", "c", "d"});
  build.may_begin_another = [] { return false; };
  ASSERT_TRUE(build.run("all").has_value());
  EXPECT_EQ(build.ran(), "a all b c d");
  EXPECT_EQ(most, 1);
}

TEST(Solver, IgnoringTheCacheRunsAgain) {
  Build build;
  build.step("a");
  ASSERT_TRUE(build.run("a").has_value());
  build.graph.vertices[0].meta.ignore_cache = true;
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "a");
}

TEST(Solver, AFailureNamesItsVertexAndCancelsTheRest) {
  Build build;
  base::Guarded<bool> slow_runs;
  build.step("bad");
  build.step("slow");
  build.step("out", "bad", {"slow"});
  build.ops.set("bad", [&](std::stop_token) -> std::string {
    slow_runs.lock().wait([](bool runs) { return runs; });
    base::fail(base::ErrorKind::kInput, "no such command");
  });
  build.ops.set("slow", [&](std::stop_token stop) -> std::string {
    *slow_runs.lock() = true;
    slow_runs.notify_all();
    base::Guarded<int> never;
    never.lock().wait(stop, [](int) { return false; });
    base::fail(base::ErrorKind::kCancelled, "cancelled");
  });
  auto results = build.run("out");
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().vertex, build.ids.at("bad"));
  EXPECT_EQ(results.error().error.message(), "no such command");
  EXPECT_EQ(build.ran(), "bad slow");
}

TEST(Solver, AStopCancelsARunningStep) {
  Build build;
  build.step("slow");
  std::stop_source stop;
  build.ops.set("slow", [&](std::stop_token step_stop) -> std::string {
    stop.request_stop();
    base::throw_if_stopped(step_stop);
    return "finished";
  });
  auto results = build.run("slow", stop.get_token());
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().error.kind(), base::ErrorKind::kCancelled);
  EXPECT_EQ(build.ends().front().end, StepVerdict::kCancelled);
}

TEST(Solver, OneJobAndManyGiveTheSame) {
  auto states = [](unsigned jobs) {
    Build build;
    build.step("src");
    std::vector<std::string> names;
    for (int i = 0; i < 10; ++i) {
      names.push_back(base::cat("s", i));
      build.step(names.back(), "src");
    }
    build.step("out", "src", names);
    auto results = build.run("out", {}, jobs);
    return results->back()->state.chain();
  };
  EXPECT_EQ(states(1), states(8));
}

// A step that waits until its sources begin to be read, and a reading that waits for the step: they
// come to an end only side by side.
struct Meeting {
  base::Guarded<int> here;
  void meet(std::stop_token stop) {
    ++*here.lock();
    here.notify_all();
    here.lock().wait(stop, [](int count) { return count >= 2; });
    base::throw_if_stopped(stop);
  }
};

// Step "a" and the reading of its sources.
void let_meet(Build& build, Meeting& meeting) {
  build.ops.set("a", [&meeting](std::stop_token stop) {
    meeting.meet(stop);
    return "made";
  });
  build.ops.set_unread("a", [&meeting](std::stop_token stop) {
    meeting.meet(stop);
    return "one";
  });
}

TEST(Solver, AStepThatNobodyMadeYetRunsWhileItsSourcesAreRead) {
  Build build;
  Meeting meeting;
  build.step("a");
  let_meet(build, meeting);
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "a");
  // What is recorded is the same as of a step that read first.
  build.ops.set_unread("a", [](std::stop_token) { return "one"; });
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "");
  build.ops.set_outlined("a");
  build.ops.set_source("a", "one");
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "");
}

// Whether step "a" reads its sources, which are `value` now, before it runs.
bool reads_first(Build& build, const std::string& value) {
  std::atomic<bool> has_read = false;
  bool read_first = false;
  build.ops.set_unread("a", [&](std::stop_token) {
    has_read = true;
    return value;
  });
  build.ops.set("a", [&](std::stop_token) {
    read_first = has_read;
    return "made";
  });
  EXPECT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "a");
  return read_first;
}

TEST(Solver, AStepThatWasMadeOfOtherSourcesReadsFirst) {
  Build build;
  build.step("a");
  build.ops.set_outlined("a");
  build.ops.set_source("a", "one");
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_TRUE(reads_first(build, "two"));
  EXPECT_EQ(build.ends().front().missed_by, std::vector<std::string>{"source 0 content"});
}

TEST(Solver, AStepThatAnotherBuildMakesForTheFirstTimeReadsFirst) {
  Build build;
  build.step("a");
  cache::StepKey outline = identify({build.graph.vertices.data(), {}, {}}, {}).key;
  std::unique_ptr<StepCache::Claim> other = build.steps.try_claim(outline);
  ASSERT_NE(other, nullptr);
  EXPECT_TRUE(reads_first(build, "one"));
}

TEST(Solver, TwoBuildsThatBeginAtOnceRunAStepOnce) {
  Build build;
  base::Guarded<int> readers;
  build.step("a");
  // Neither has read before both have begun to, so that one of them runs unread.
  build.ops.set_unread("a", [&](std::stop_token stop) {
    ++*readers.lock();
    readers.notify_all();
    readers.lock().wait(stop, [](int count) { return count >= 2; });
    return "one";
  });
  Solver solver({&build.ops, &build.steps, &build.clock}, {}, [](const Event&) {});
  auto solve = [&] { EXPECT_TRUE(solver.solve(build.graph, {VertexId(0)}, {}).has_value()); };
  {
    std::jthread other(solve);
    solve();
  }
  EXPECT_EQ(build.ran(), "a");
}

TEST(Solver, SourcesThatCannotBeReadEndTheStepThatRunsBesides) {
  Build build;
  Meeting meeting;
  build.step("a");
  build.ops.set("a", [&](std::stop_token stop) -> std::string {
    meeting.meet(stop);
    base::Guarded<int> never;
    never.lock().wait(stop, [](int) { return false; });
    base::fail(base::ErrorKind::kCancelled, "cancelled");
  });
  build.ops.set_unread("a", [&](std::stop_token stop) -> std::string {
    meeting.meet(stop);
    base::fail(base::ErrorKind::kInput, "changed while it was read");
  });
  auto results = build.run("a");
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().error.message(), "changed while it was read");
  EXPECT_EQ(build.ends().front().end, StepVerdict::kFailed);
}

TEST(Solver, AStepThatFailsEndsTheReadingBesides) {
  Build build;
  Meeting meeting;
  build.step("a");
  build.ops.set("a", [&](std::stop_token stop) -> std::string {
    meeting.meet(stop);
    base::fail(base::ErrorKind::kInput, "exit code: 1");
  });
  build.ops.set_unread("a", [&](std::stop_token stop) -> std::string {
    meeting.meet(stop);
    base::Guarded<int> never;
    never.lock().wait(stop, [](int) { return false; });
    base::fail(base::ErrorKind::kCancelled, "cancelled");
  });
  auto results = build.run("a");
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().error.message(), "exit code: 1");
}

TEST(Solver, WhatChangedWhileItRanUnreadIsNotKept) {
  Build build;
  build.step("a");
  build.ops.set_unread("a", [](std::stop_token) { return "one"; });
  build.ops.set_unsteady("a");
  ASSERT_TRUE(build.run("a").has_value());
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "a");
}

TEST(Solver, IgnoringTheCacheRunsUnreadThoughItIsKnown) {
  Build build;
  Meeting meeting;
  build.step("a");
  build.ops.set_unread("a", [](std::stop_token) { return "one"; });
  ASSERT_TRUE(build.run("a").has_value());
  build.graph.vertices[0].meta.ignore_cache = true;
  let_meet(build, meeting);
  ASSERT_TRUE(build.run("a").has_value());
  EXPECT_EQ(build.ran(), "a");
}

TEST(Solver, AProgrammingErrorInAStepIsReportedAndNotSwallowed) {
  Build build;
  build.step("bad");
  build.ops.set("bad", [](std::stop_token) -> std::string { throw std::logic_error("oops"); });
  auto results = build.run("bad");
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().error.kind(), base::ErrorKind::kInternal);
}

}  // namespace
}  // namespace slipway::builder
