#include "base/bounded_pipe.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"

namespace slipway::base {
namespace {

constexpr BoundedPipe::Patience kNone{.least = std::chrono::milliseconds(0), .ratio = 0};
constexpr BoundedPipe::Patience kEndless{.least = std::chrono::hours(1), .ratio = 1};
constexpr std::size_t kMoreThanFits = 20 << 20;

std::string pieces(std::size_t total) {
  std::string all;
  for (std::size_t i = 0; all.size() < total; ++i) {
    all.append(std::min(i * 37 % 50'000 + 1, total - all.size()), static_cast<char>('a' + i % 26));
  }
  return all;
}

TEST(BoundedPipe, PassesEveryByteInOrder) {
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{8} << 20, kMoreThanFits}) {
    BoundedPipe pipe(kEndless);
    const std::string bytes = pieces(size);
    std::jthread maker([&] {
      std::string_view left = bytes;
      for (std::size_t i = 1; !left.empty(); ++i) {
        std::size_t count = std::min(left.size(), i * 7919 % 900'000 + 1);
        pipe.sink().write(left.substr(0, count));
        left.remove_prefix(count);
      }
      pipe.sink().finish();
    });
    std::unique_ptr<Source> source = pipe.open_source({});
    EXPECT_TRUE(read_all(*source, bytes.size(), "the pipe") == bytes) << size;
    char byte = 0;
    EXPECT_EQ(source->read({&byte, 1}), 0U);
  }
}

TEST(BoundedPipe, GivesUpAReaderThatIsTooSlow) {
  BoundedPipe pipe(kNone);
  pipe.sink().write(pieces(kMoreThanFits));  // returns although nobody reads
  pipe.sink().finish();
  char byte = 0;
  EXPECT_THROW(pipe.open_source({})->read({&byte, 1}), Error);
}

TEST(BoundedPipe, AbandonedOneHoldsNobodyUp) {
  BoundedPipe pipe(kEndless);
  std::jthread reader([&] {
    char byte = 0;
    EXPECT_THROW(pipe.open_source({})->read({&byte, 1}), Error);
  });
  pipe.abandon();
  pipe.sink().write(pieces(kMoreThanFits));
}

TEST(BoundedPipe, WhatWasFinishedCanBeReadAfterwards) {
  BoundedPipe pipe(kEndless);
  pipe.sink().write("all of it");
  pipe.sink().finish();
  pipe.abandon();
  EXPECT_EQ(read_all(*pipe.open_source({}), 100, "the pipe"), "all of it");
}

TEST(BoundedPipe, AStopEndsTheReader) {
  BoundedPipe pipe(kEndless);
  std::stop_source stop;
  std::unique_ptr<Source> source = pipe.open_source(stop.get_token());
  std::jthread stopper([&] { stop.request_stop(); });
  char byte = 0;
  EXPECT_THROW(source->read({&byte, 1}), Error);
}

}  // namespace
}  // namespace slipway::base
