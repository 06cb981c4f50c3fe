#include "cmd/progress/tty.h"

#include <gtest/gtest.h>

namespace slipway::cmd {
namespace {

using Lines = std::vector<BoardLine>;
constexpr WindowSize kWindow{24, 80};

TEST(Painter, APictureIsOneWriteFromTheTopOfTheLastOne) {
  Painter painter(Colours::kNone);
  EXPECT_EQ(painter.paint({}, Lines{{"a"}, {"b"}}, kWindow),
            "\x1b[?25l\ra\x1b[K\nb\x1b[K\n\x1b[J\x1b[?25h");
  EXPECT_EQ(painter.paint({}, Lines{{"c"}}, kWindow), "\x1b[?25l\r\x1b[2Ac\x1b[K\n\x1b[J\x1b[?25h");
}

TEST(Painter, NothingIsWrittenWhereNothingChanged) {
  Painter painter(Colours::kNone);
  painter.paint({}, Lines{{"a"}}, kWindow);
  EXPECT_EQ(painter.paint({}, Lines{{"a"}}, kWindow), "");
  EXPECT_NE(painter.paint({}, Lines{{"a"}}, WindowSize{20, 80}), "");
}

TEST(Painter, ANarrowerWindowHasBrokenTheLinesOfTheLastPicture) {
  Painter painter(Colours::kNone);
  painter.paint({}, Lines{{std::string(70, 'a')}, {"b"}}, kWindow);
  // 70 columns are two rows of 40, and one of "b".
  EXPECT_EQ(painter.paint({}, Lines{{"c"}}, WindowSize{24, 40}),
            "\x1b[?25l\r\x1b[3Ac\x1b[K\n\x1b[J\x1b[?25h");
}

TEST(Painter, TextAboveScrollsAway) {
  Painter painter(Colours::kNone);
  painter.paint({}, Lines{{"a"}}, kWindow);
  EXPECT_EQ(painter.paint({"note"}, Lines{{"a"}}, kWindow),
            "\x1b[?25l\r\x1b[1Anote\x1b[K\na\x1b[K\n\x1b[J\x1b[?25h");
  EXPECT_EQ(painter.paint({}, Lines{{"b"}}, kWindow), "\x1b[?25l\r\x1b[1Ab\x1b[K\n\x1b[J\x1b[?25h");
}

TEST(Painter, ColoursTellHowAStepEnded) {
  Painter painter(Colours::kSome);
  std::string text = painter.paint(
      {}, Lines{{"a", BoardLine::Look::kDone}, {"b", BoardLine::Look::kFailed}, {"c"}}, kWindow);
  EXPECT_NE(text.find("\x1b[34ma\x1b[0m\x1b[K"), std::string::npos);
  EXPECT_NE(text.find("\x1b[31mb\x1b[0m\x1b[K"), std::string::npos);
  EXPECT_NE(text.find("\nc\x1b[K"), std::string::npos);
}

}  // namespace
}  // namespace slipway::cmd
