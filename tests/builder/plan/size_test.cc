// Planning takes memory and steps in proportion to the file. Counted in allocated bytes, which do
// not depend on the machine's mood: twice the file may take little more than twice the bytes.

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "base/text.h"
#include "plan_check.h"

namespace {

std::atomic<std::size_t> allocated_bytes = 0;

}  // namespace

void* operator new(std::size_t size) {
  allocated_bytes += size;
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocated_bytes += size;
  return std::malloc(size);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace slipway::builder {
namespace {

using base::cat;

std::size_t bytes_for(const std::string& dockerfile) {
  PlanCheck check;
  std::size_t before = allocated_bytes;
  Plan plan = check.plan(dockerfile);
  EXPECT_FALSE(plan.graph.targets.empty());
  return allocated_bytes - before;
}

// `make(n)` is a file of a size in proportion to n.
template <typename Make>
void expect_linear(const Make& make) {
  std::size_t small = bytes_for(make(1000));
  std::size_t large = bytes_for(make(4000));
  EXPECT_LT(large, small * 4 * 5 / 4) << "four times the file: " << small << " and " << large;
}

TEST(PlanSize, TenThousandInstructionsInFiveHundredStages) {
  std::string text;
  for (int stage = 0; stage < 500; ++stage) {
    text += stage == 0 ? "FROM busybox AS s0\n" : cat("FROM s", stage - 1, " AS s", stage, "\n");
    for (int i = 0; i < 5; ++i) {
      text += cat("ENV v", stage, "_", i, "=$PATH\nRUN step ", stage, " ", i, "\nCOPY a b\nLABEL l",
                  stage, "_", i, "=x\n");
    }
  }
  PlanCheck check;
  Plan plan = check.plan(text);
  EXPECT_EQ(plan.graph.vertices.size(), 5002U);
  EXPECT_EQ(plan.graph.targets[0].history.size(), 10000U);
}

TEST(PlanSize, VariablesAndStepsInTurn) {
  expect_linear([](int n) {
    std::string text = "FROM busybox\n";
    for (int i = 0; i < n; ++i) {
      text += cat("ENV variable_", i, "=value\nRUN step ", i, "\n");
    }
    return text;
  });
}

TEST(PlanSize, StagesThatContinueEachOther) {
  expect_linear([](int n) {
    std::string text = "FROM busybox AS s0\n";
    for (int i = 1; i < n; ++i) {
      text += cat("FROM s", i - 1, " AS s", i, "\nENV e", i, "=1\nLABEL l", i, "=1\nEXPOSE ", i,
                  "\nARG a", i, "=1\n");
    }
    return text;
  });
}

TEST(PlanSize, StagesThatCopyFromEachOther) {
  expect_linear([](int n) {
    std::string text = "FROM scratch AS s0\nCOPY a /\n";
    for (int i = 1; i < n; ++i) {
      text += cat("FROM scratch AS s", i, "\nCOPY --from=s", i - 1, " / /\n");
    }
    return text;
  });
}

TEST(PlanSize, GlobalArgumentsThatUseEachOther) {
  expect_linear([](int n) {
    std::string text = "ARG last=\n";
    for (int i = 1; i < n; ++i) {
      text += cat("ARG a", i, "=${last:-x}\nARG last=${last#x}$a", i, "\nARG last=${last%x}\n");
    }
    for (int i = 1; i < n; ++i) {
      text += cat("FROM scratch AS s", i, "\n");
    }
    return text;
  });
}

TEST(PlanSize, UndefinedVariables) {
  expect_linear([](int n) {
    std::string text = "FROM scratch\nENV defined=1\n";
    for (int i = 1; i < n; ++i) {
      text += cat("LABEL l", i, "=$undefined_", i, "\n");
    }
    return text;
  });
}

}  // namespace
}  // namespace slipway::builder
