#include "base/write_behind.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"

namespace slipway::base {
namespace {

// Fails when it has taken so many bytes.
class FullSink : public Sink {
 public:
  explicit FullSink(std::size_t room) : room_(room) {}
  void write(std::string_view bytes) override {
    if (bytes.size() > room_) {
      fail(ErrorKind::kSystem, "full");
    }
    room_ -= bytes.size();
  }
  void finish() override { finished_ = true; }
  bool finished() const { return finished_; }

 private:
  std::size_t room_;
  bool finished_ = false;
};

// Pieces of all sizes, `total` bytes of them.
std::string write_pieces(Sink& sink, std::size_t total) {
  std::string all;
  for (std::size_t i = 0; all.size() < total; ++i) {
    std::string piece(std::min(i * 37 % 5000, total - all.size()), static_cast<char>('a' + i % 26));
    sink.write(piece);
    all += piece;
  }
  return all;
}

class WriteBehindTest : public testing::TestWithParam<std::size_t> {};

TEST_P(WriteBehindTest, HandsOnEveryByteInOrder) {
  StringSink out;
  auto behind = make_write_behind(out);
  std::string written = write_pieces(*behind, GetParam());
  behind->finish();
  EXPECT_TRUE(out.text() == written);
}

INSTANTIATE_TEST_SUITE_P(Sizes, WriteBehindTest,
                         testing::Values(0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1,
                                         10 * 1024 * 1024));

TEST(WriteBehindTest, AFailureIsThrownByTheWriterOrAtTheEnd) {
  for (std::size_t room : {0, 1000, 300'000, 3'000'000}) {
    FullSink full(room);
    auto behind = make_write_behind(full);
    EXPECT_THROW(
        {
          write_pieces(*behind, 4'000'000);
          behind->finish();
        },
        Error);
    EXPECT_FALSE(full.finished());
  }
}

TEST(WriteBehindTest, CanBeDroppedAtAnyTime) {
  for (std::size_t bytes : {0, 1000, 300'000, 3'000'000}) {
    FullSink out(4'000'000);
    {
      auto behind = make_write_behind(out);
      write_pieces(*behind, bytes);
    }
    EXPECT_FALSE(out.finished());
  }
}

}  // namespace
}  // namespace slipway::base
