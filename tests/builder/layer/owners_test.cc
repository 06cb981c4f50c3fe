#include "builder/layer/owners.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using tests::error_of;

// Views of an image whose passwd and group files have these lines (';' stands for the line's end).
class Image {
 public:
  Image(std::string passwd, std::string group) {
    std::vector<ViewLayer> layers;
    view_ = tests::view_of({});
    LayerEntries layer = tests::entries_of("d /etc\nf /etc/group x\nf /etc/passwd x");
    texts_ = {std::move(group), std::move(passwd)};
    layer_ = write_layer(with_texts(layer), {}, {});
    layers.push_back({layer_->index, std::make_shared<Content>(this)});
    view_ = std::make_shared<MergedView>(std::move(layers));
  }
  const TreeView& view() const { return *view_; }

 private:
  class Content : public LayerContent {
   public:
    explicit Content(const Image* image) : image_(image) {}
    std::unique_ptr<base::Source> open(const Entry& file) const override {
      return std::make_unique<base::StringSource>(
          image_->texts_[file.path.base_name() == "passwd" ? 1 : 0]);
    }

   private:
    const Image* image_;
  };
  LayerEntries with_texts(LayerEntries layer) {
    for (std::size_t i = 0; i < 2; ++i) {
      layer.entries[i + 1].text = std::make_shared<const std::string>(texts_[i]);
      layer.entries[i + 1].entry.size = texts_[i].size();
    }
    return layer;
  }
  std::vector<std::string> texts_;
  std::optional<WrittenLayer> layer_;
  std::shared_ptr<const TreeView> view_;
};

const Image& image() {
  static const Image kImage(
      "root:x:0:0:root:/root:/bin/sh\n"
      "daemon:x:2:3::/sbin:/bin/false\n"
      "broken line\n"
      "app:x:1000:1001:App:/home/app:/bin/sh\n"
      "homeless:x:7:8\n",
      "root:x:0:\nwheel:x:10:root,app\nusers:x:100:app,other\nstaff:x:50:\n");
  return kImage;
}

std::string owner(std::string_view text) {
  Owner found = find_owner(&image().view(), text);
  return cat(found.uid, ":", found.gid);
}

TEST(FindOwner, FollowsTheRulesOfChown) {
  EXPECT_EQ(owner("5"), "5:5");
  EXPECT_EQ(owner("5:6"), "5:6");
  EXPECT_EQ(owner("root"), "0:0");
  EXPECT_EQ(owner("app"), "1000:1001");
  EXPECT_EQ(owner("app:users"), "1000:100");
  EXPECT_EQ(owner("app:7"), "1000:7");
  EXPECT_EQ(owner("12:staff"), "12:50");
  EXPECT_EQ(owner("root:root"), "0:0");
  EXPECT_EQ(owner("nobody-here"), "0:0");
  EXPECT_EQ(owner("app:no-such-group"), "1000:0");
}

TEST(FindOwner, NeedsFilesForNamesOnly) {
  EXPECT_EQ(find_owner(nullptr, "3:4"), (Owner{3, 4}));
  EXPECT_EQ(find_owner(nullptr, "root"), (Owner{0, 0}));
  EXPECT_EQ(error_of([] { find_owner(nullptr, "app"); }).substr(0, 22), "invalid user index: -1");
  auto empty = tests::view_of({"d /etc"});
  EXPECT_EQ(error_of([&] { find_owner(empty.get(), "app"); }).substr(0, 24),
            "\"/etc/passwd\": not found");
  EXPECT_EQ(error_of([&] { find_owner(empty.get(), "1:app"); }).substr(0, 23),
            "\"/etc/group\": not found");
  EXPECT_TRUE(is_numeric_owner("1:root"));
  EXPECT_TRUE(is_numeric_owner("1"));
  EXPECT_FALSE(is_numeric_owner("1:app"));
  EXPECT_FALSE(is_numeric_owner("app"));
}

TEST(FindOwner, FollowsALinkToTheFile) {
  auto view = tests::view_of({"d /etc\nl /etc/passwd /real\nf /real app:x:9:8::/:"});
  EXPECT_EQ(find_owner(view.get(), "app"), (Owner{9, 8}));
}

std::string process(std::string_view text) {
  ProcessUser user = find_process_user(image().view(), text);
  std::string out = cat(user.uid, ":", user.gid, " ", user.home);
  for (std::uint32_t group : user.groups) {
    out += cat(" ", group);
  }
  return out;
}

TEST(FindProcessUser, FollowsTheRulesOfUser) {
  EXPECT_EQ(process(""), "0:0 /root 0 10");
  EXPECT_EQ(process("root"), "0:0 /root 0 10");
  EXPECT_EQ(process("app"), "1000:1001 /home/app 10 100 1001");
  EXPECT_EQ(process("1000"), "1000:1001 /home/app 10 100 1001");
  EXPECT_EQ(process("app:staff"), "1000:50 /home/app 50");
  EXPECT_EQ(process("1000:5"), "1000:5 /home/app 5");
  EXPECT_EQ(process("4242"), "4242:0 / 0");
  EXPECT_EQ(process("homeless"), "7:8 / 8");
  EXPECT_EQ(error_of([] { process("ghost"); }),
            "unable to find user ghost: no matching entries in passwd file");
  EXPECT_EQ(error_of([] { process("app:ghosts"); }),
            "unable to find group ghosts: no matching entries in group file");
}

TEST(FindProcessUser, NumbersNeedNoFiles) {
  auto view = tests::view_of({"d /x"});
  EXPECT_EQ(find_process_user(*view, "12:13").gid, 13U);
  EXPECT_EQ(find_process_user(*view, "").home, "/");
}

}  // namespace
}  // namespace slipway::builder
