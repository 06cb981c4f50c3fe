#include "builder/solve/free_memory.h"

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::builder {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

TEST(FreeMemory, MeminfoSaysWhatIsThereAndWhatIsFree) {
  EXPECT_EQ(parse_meminfo("MemTotal:       2048 kB\nMemFree:  100 kB\nMemAvailable:   1024 kB\n"),
            (MemoryState{2 * kMiB, kMiB}));
  EXPECT_EQ(parse_meminfo("MemTotal: 2048 kB\n"), std::nullopt);
  EXPECT_EQ(parse_meminfo(""), std::nullopt);
}

TEST(FreeMemory, AGroupsIdleFilesAreFree) {
  EXPECT_EQ(parse_group_memory("1000\n", "900\n", "anon 600\ninactive_file 200\n"),
            (MemoryState{1000, 300}));
  EXPECT_EQ(parse_group_memory("1000\n", "900\n", "inactive_file 1\ntotal_inactive_file 200\n"),
            (MemoryState{1000, 300}));
  EXPECT_EQ(parse_group_memory("1000\n", "1200\n", ""), (MemoryState{1000, 0}));
}

TEST(FreeMemory, AGroupWithoutLimitSaysNothing) {
  EXPECT_EQ(parse_group_memory("max\n", "900\n", ""), std::nullopt);
  EXPECT_EQ(parse_group_memory("9223372036854771712\n", "900\n", ""), std::nullopt);
  EXPECT_EQ(parse_group_memory("", "", ""), std::nullopt);
}

TEST(FreeMemory, ATenthOrAFixedAmountIsLeftToOthers) {
  EXPECT_TRUE((MemoryState{100'000 * kMiB, 9'000 * kMiB}).is_low());
  EXPECT_FALSE((MemoryState{100'000 * kMiB, 11'000 * kMiB}).is_low());
  EXPECT_TRUE((MemoryState{1'000 * kMiB, 200 * kMiB}).is_low());
  EXPECT_FALSE((MemoryState{1'000 * kMiB, 300 * kMiB}).is_low());
  // Half of a tiny machine, not more than it has.
  EXPECT_FALSE((MemoryState{128 * kMiB, 100 * kMiB}).is_low());
}

TEST(FreeMemory, ALimitOfAGroupIsBelievedForAShortTime) {
  base::TempDir folder("/tmp", "slipway-memory-");
  base::Fd directory = base::open_directory(folder.path());
  auto use = [&](std::uint64_t mebibytes) {
    base::write_file_atomically(directory, "memory.current", base::cat(mebibytes * kMiB, "\n"));
  };
  base::write_file_atomically(directory, "memory.max", base::cat(1000 * kMiB, "\n"));
  use(100);
  tests::SteppedClock clock;
  FreeMemory memory([&] { return std::vector<MemoryGroup>{{folder.path(), true}}; }, clock);
  bool machine_is_low = memory.is_low();
  if (machine_is_low) {
    GTEST_SKIP() << "this machine has no memory to spare";
  }
  use(900);
  EXPECT_FALSE(memory.is_low());
  clock.step_seconds(1);
  EXPECT_TRUE(memory.is_low());
}

}  // namespace
}  // namespace slipway::builder
