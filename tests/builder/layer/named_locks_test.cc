#include "builder/layer/named_locks.h"

#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::builder {
namespace {

TEST(NamedLocks, OneThreadAtATimeHasAName) {
  constexpr int kThreads = 4;
  constexpr int kTimes = 1000;
  NamedLocks locks;
  int count = 0;  // guarded by the name
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int time = 0; time < kTimes; ++time) {
          NamedLocks::Held held = locks.lock("tree", {});
          int before = count;
          std::this_thread::yield();
          count = before + 1;
        }
      });
    }
  }
  EXPECT_EQ(count, kThreads * kTimes);
}

TEST(NamedLocks, NamesDoNotWaitForEachOther) {
  NamedLocks locks;
  NamedLocks::Held tree = locks.lock("tree", {});
  NamedLocks::Held index = locks.lock("index", {});
}

TEST(NamedLocks, AWaitEndsWithAStop) {
  NamedLocks locks;
  NamedLocks::Held held = locks.lock("tree", {});
  std::optional<base::ErrorKind> kind;
  std::jthread second([&](std::stop_token stop) {
    try {
      NamedLocks::Held after = locks.lock("tree", stop);
    } catch (const base::Error& error) {
      kind = error.kind();
    }
  });
  second.request_stop();
  second.join();
  EXPECT_EQ(kind, base::ErrorKind::kCancelled);
}

}  // namespace
}  // namespace slipway::builder
