#include "base/path.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::base {
namespace {

TEST(ImagePath, ParseTakesOnlyTheCleanForm) {
  EXPECT_TRUE(ImagePath::parse("/").has_value());
  EXPECT_TRUE(ImagePath::parse("/a/b").has_value());
  for (const char* text : {"", "a", "/a/", "//a", "/a/../b", "/."}) {
    EXPECT_FALSE(ImagePath::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(ImagePath::parse(std::string_view("/a\0b", 4)).has_value());
}

TEST(ImagePath, CleaningNeverLeavesTheRoot) {
  EXPECT_EQ(ImagePath::clean("a//b/../c/").text(), "/a/c");
  EXPECT_EQ(ImagePath::clean("../../x").text(), "/x");
  EXPECT_EQ(ImagePath::clean("").text(), "/");
}

TEST(ImagePath, JoinTakesThePathAsWorkingDirectory) {
  ImagePath here = ImagePath::clean("/srv/app");
  EXPECT_EQ(here.join("../x").text(), "/srv/x");
  EXPECT_EQ(here.join("/etc").text(), "/etc");
  EXPECT_EQ(here.join("."), here);
}

TEST(ImagePath, ContainsStopsAtPartBorders) {
  EXPECT_TRUE(ImagePath::clean("/a").contains(ImagePath::clean("/a/b")));
  EXPECT_FALSE(ImagePath::clean("/a").contains(ImagePath::clean("/ab")));
  EXPECT_TRUE(ImagePath().contains(ImagePath::clean("/ab")));
}

TEST(ImagePath, RebaseMovesASubtree) {
  EXPECT_EQ(ImagePath::clean("/a/b/c").rebase(ImagePath::clean("/a"), ImagePath()).text(), "/b/c");
  EXPECT_EQ(ImagePath::clean("/a").rebase(ImagePath::clean("/a"), ImagePath::clean("/z")).text(),
            "/z");
  EXPECT_EQ(ImagePath::clean("/a").rebase(ImagePath(), ImagePath::clean("/z")).text(), "/z/a");
}

TEST(ImagePath, SortsLikeADepthFirstWalk) {
  std::vector<ImagePath> paths;
  for (const char* text : {"/a.txt", "/a/b", "/a", "/", "/a-b", "/a/b/c"}) {
    paths.push_back(ImagePath::clean(text));
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const ImagePath& path : paths) {
    texts.push_back(path.text());
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"/", "/a", "/a/b", "/a/b/c", "/a-b", "/a.txt"}));
}

}  // namespace
}  // namespace slipway::base
