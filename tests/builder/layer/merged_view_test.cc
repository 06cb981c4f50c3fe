#include "builder/layer/merged_view.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::ImagePath;
using tests::content_of;
using tests::error_of;
using tests::listing;
using tests::view_of;

std::string merged(const std::vector<std::string_view>& layers) {
  return listing(*view_of(layers));
}

TEST(MergedView, OneLayerIsShownAsItIs) {
  EXPECT_EQ(merged({"d:0700:1:2 /a\nf /a/b x\nl /c a"}),
            "d 0700 1:2 /a\nf 0644 0:0 1 /a/b\nl 0777 0:0 /c -> a\n");
}

TEST(MergedView, UpperLayersHideAndAdd) {
  EXPECT_EQ(merged({"d /a\nf /a/1 x\nf /a/2 x", "d:0700:0:0 /a\nf /a/2 upper\nf /a/3 x"}),
            "d 0700 0:0 /a\nf 0644 0:0 1 /a/1\nf 0644 0:0 5 /a/2\nf 0644 0:0 1 /a/3\n");
}

TEST(MergedView, WhiteoutsHideLowerLayersOnly) {
  EXPECT_EQ(merged({"d /a\nf /a/1 x\nf /b x", "w /a\nw /b", "d /a\nf /a/2 y"}),
            "d 0755 0:0 /a\nf 0644 0:0 1 /a/2\n");
}

TEST(MergedView, OpaqueDirectoriesShowTheirOwnLayerOnly) {
  EXPECT_EQ(merged({"d /a\nf /a/1 x\nd /a/d\nf /a/d/f x", "o /a\nf /a/2 y", "d /a\nf /a/3 z"}),
            "d 0755 0:0 /a\nf 0644 0:0 1 /a/2\nf 0644 0:0 1 /a/3\n");
}

TEST(MergedView, AFileInThePlaceOfADirectoryHidesItsContent) {
  EXPECT_EQ(merged({"d /a\nf /a/1 x", "f /a file"}), "f 0644 0:0 4 /a\n");
  EXPECT_EQ(merged({"d /a\nf /a/1 x", "f /a file", "d /a\nf /a/2 y"}),
            "d 0755 0:0 /a\nf 0644 0:0 1 /a/2\n");
  EXPECT_EQ(merged({"d /a\nf /a/1 x", "l /a b", "d /b"}), "l 0777 0:0 /a -> b\nd 0755 0:0 /b\n");
}

TEST(MergedView, ImpliedDirectoriesTakeTheAttributesOfLowerOnes) {
  EXPECT_EQ(merged({"d:01777:3:4 /tmp", "f /tmp/x 1", "f /new/y 2"}),
            "d 0755 0:0 /new\nf 0644 0:0 1 /new/y\nd 1777 3:4 /tmp\nf 0644 0:0 1 /tmp/x\n");
  EXPECT_EQ(merged({"f /a file", "f /a/b 1"}), "d 0755 0:0 /a\nf 0644 0:0 1 /a/b\n");
}

TEST(MergedView, FindNeverGivesWhatIsHidden) {
  auto view = view_of({"d /a\nf /a/1 x\nd /o\nf /o/1 x", "w /a/1\no /o", "d /c"});
  EXPECT_FALSE(view->find(ImagePath::clean("/a/1")).has_value());
  EXPECT_FALSE(view->find(ImagePath::clean("/o/1")).has_value());
  EXPECT_FALSE(view->find(ImagePath::clean("/a/1/x")).has_value());
  EXPECT_TRUE(view->find(ImagePath()).value().is_directory());
  EXPECT_TRUE(view->children(ImagePath::clean("/a/1")).empty());
}

TEST(MergedView, OfNoLayersIsAnEmptyRoot) {
  MergedView view({});
  EXPECT_TRUE(view.find(ImagePath()).value().is_directory());
  EXPECT_TRUE(view.children(ImagePath()).empty());
}

TEST(MergedView, HardLinksAreFilesOfOneGroup) {
  auto view = view_of({"f /a one\nh /b /a\nf /c x", "f /d y"});
  Entry a = view->find(ImagePath::clean("/a")).value();
  Entry b = view->find(ImagePath::clean("/b")).value();
  EXPECT_EQ(b.type, EntryType::kFile);
  EXPECT_EQ(b.digest, a.digest);
  EXPECT_NE(view->link_group(a), 0U);
  EXPECT_EQ(view->link_group(a), view->link_group(b));
  EXPECT_EQ(view->link_group(*view->find(ImagePath::clean("/c"))), 0U);
  EXPECT_EQ(content_of(*view, "/b"), "one");
}

TEST(MergedView, ALinkKeepsItsContentWhenTheFirstNameIsReplaced) {
  auto view = view_of({"f /a one\nh /b /a", "f /a other"});
  EXPECT_EQ(content_of(*view, "/b"), "one");
  EXPECT_EQ(content_of(*view, "/a"), "other");
  EXPECT_NE(view->link_group(*view->find(ImagePath::clean("/a"))),
            view->link_group(*view->find(ImagePath::clean("/b"))));
}

TEST(Resolve, FollowsLinksInsideTheRoot) {
  auto view =
      view_of({"d /usr\nd /usr/bin\nf /usr/bin/sh x\nl /bin usr/bin\nl /abs /bin/sh\n"
               "l /up ../../../usr\nl /usr/back ..\nl /gone /no/where"});
  auto where = [&](std::string_view path, LastLink last = LastLink::kFollow) {
    ResolvedPath resolved = resolve(*view, ImagePath::clean(path), last);
    return resolved.path.text() + (resolved.entry ? "" : " (absent)");
  };
  EXPECT_EQ(where("/bin/sh"), "/usr/bin/sh");
  EXPECT_EQ(where("/abs"), "/usr/bin/sh");
  EXPECT_EQ(where("/abs", LastLink::kKeep), "/abs");
  EXPECT_EQ(where("/up/bin"), "/usr/bin");
  EXPECT_EQ(where("/usr/back/bin/sh"), "/usr/bin/sh");
  EXPECT_EQ(where("/gone"), "/no/where (absent)");
  EXPECT_EQ(where("/bin/x/y"), "/usr/bin/x/y (absent)");
  EXPECT_EQ(where("/usr/bin/sh/x"), "/usr/bin/sh/x (absent)");
  EXPECT_EQ(where("/"), "/");
}

TEST(Resolve, EndsInLoops) {
  auto view = view_of({"l /a b\nl /b a"});
  EXPECT_EQ(error_of([&] { resolve(*view, ImagePath::clean("/a"), LastLink::kFollow); }),
            "too many links in /a");
}

// The same answers as applying the layers one after another to a plain map of paths.
class Model {
 public:
  void apply(const LayerIndex& index) {
    for (const Entry& entry : index.entries()) {
      if (entry.type == EntryType::kWhiteout) {
        erase_below(entry.path);
        paths_.erase(entry.path);
      } else if (entry.opaque) {
        erase_below(entry.path);
      }
    }
    for (const Entry& entry : index.entries()) {
      if (entry.type == EntryType::kWhiteout) {
        continue;
      }
      if (!entry.is_directory()) {
        erase_below(entry.path);
      }
      paths_[entry.path] = describe(entry);
    }
  }
  std::string text() const {
    std::string out;
    for (const auto& [path, line] : paths_) {
      out += line + "\n";
    }
    return out;
  }

 private:
  void erase_below(const ImagePath& path) {
    std::erase_if(paths_, [&](const auto& other) {
      return other.first != path && path.contains(other.first);
    });
  }
  std::map<ImagePath, std::string> paths_;
};

std::string random_layer(std::mt19937& random) {
  std::map<std::string, std::string> lines;
  for (int i = 0; i < 12; ++i) {
    std::string path;
    for (unsigned depth = random() % 3 + 1; depth > 0; --depth) {
      path += base::cat("/", std::string(1, static_cast<char>('a' + random() % 3)));
    }
    static constexpr std::string_view kKinds[] = {"d", "d", "f", "w", "l"};
    std::string kind(kKinds[random() % std::size(kKinds)]);
    lines[path] = kind + " " + path + (kind == "f" || kind == "l" ? " x" : "");
  }
  // Parents are directories in a layer that makes sense.
  std::string out;
  for (auto& [path, line] : lines) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      lines[path.substr(0, slash)] = (random() % 4 == 0 ? "o " : "d ") + path.substr(0, slash);
    }
  }
  for (const auto& [path, line] : lines) {
    out += line + "\n";
  }
  return out;
}

TEST(MergedView, AgreesWithApplyingLayersOneByOne) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 4; ++i) {
      texts.push_back(random_layer(random));
    }
    Model model;
    for (const std::string& text : texts) {
      model.apply(tests::layer_of(text).index);
    }
    std::string expected = model.text();
    for (std::size_t place = expected.find(" opaque"); place != std::string::npos;
         place = expected.find(" opaque")) {
      expected.erase(place, 7);
    }
    ASSERT_EQ(merged({texts[0], texts[1], texts[2], texts[3]}), expected) << round;
  }
}

TEST(Flatten, GivesTheMergedFilesAsOneLayer) {
  auto view = view_of({"d /a\nf /a/1 x\nf /a/2 y\nh /z /a/2", "w /a/1\nf /a/3 w"});
  EXPECT_EQ(listing(flatten(*view)),
            "d 0755 0:0 /a\nf 0644 0:0 1 /a/2\nf 0644 0:0 1 /a/3\nh 0644 0:0 1 /z -> /a/2\n");
  EXPECT_EQ(listing(write_layer(flatten(*view), {}, {}).index),
            "d 0755 0:0 /a\nf 0644 0:0 1 /a/2\nf 0644 0:0 1 /a/3\nh 0644 0:0 1 /z -> /a/2\n");
}

}  // namespace
}  // namespace slipway::builder
