#include "builder/layer/layer_index.h"

#include <random>

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::ImagePath;
using tests::error_of;
using tests::layer_of;
using tests::listing;

constexpr std::string_view kEverything = R"(
    d:0700:5:6 /root
    f:04755:0:7 /bin/su !
    x /bin/su security.capability abc
    x /bin/su user.note with spaces
    l /lib usr/lib
    f /a/b/c text
    h /a/b/d /a/b/c
    w /gone
    o /dir
    c /dev/null 1,3
    b /dev/sda 8,0
    p /fifo
)";

TEST(LayerIndex, KeepsEveryFieldThroughItsBytes) {
  LayerIndex index = layer_of(kEverything).index;
  LayerIndex again = LayerIndex::parse(std::string(index.bytes()));
  EXPECT_EQ(again.entries(), index.entries());
  EXPECT_EQ(listing(again), R"(f 0644 0:0 4 /a/b/c
h 0644 0:0 4 /a/b/d -> /a/b/c
f 4755 0:7 1 /bin/su security.capability="abc" user.note="with spaces"
c 0644 0:0 1,3 /dev/null
b 0644 0:0 8,0 /dev/sda
d 0755 0:0 /dir opaque
p 0644 0:0 /fifo
w /gone
l 0777 0:0 /lib -> usr/lib
d 0700 5:6 /root
)");
  EXPECT_EQ(again.find(ImagePath::clean("/a/b/d"))->digest, base::sha256_of("text"));
}

TEST(LayerIndex, FindsExactPathsOnly) {
  LayerIndex index = layer_of(kEverything).index;
  EXPECT_EQ(index.find(ImagePath::clean("/bin/su"))->mode, 04755U);
  EXPECT_FALSE(index.find(ImagePath::clean("/bin")).has_value());
  EXPECT_FALSE(index.find(ImagePath::clean("/bin/s")).has_value());
  EXPECT_FALSE(index.find(ImagePath()).has_value());
  EXPECT_FALSE(index.find(ImagePath::clean("/zzz")).has_value());
}

// '/' sorts before every other byte, so /a/z comes before /a.b.
TEST(LayerIndex, WhatLiesBelowADirectoryFollowsItDirectly) {
  LayerIndex index = layer_of("d /a\nf /a/z 1\nf /a.b 2\nf /a/b/c 3\nf /ab 4").index;
  LayerIndex::Range range = index.below(ImagePath::clean("/a"));
  EXPECT_EQ(range.begin, 1U);
  EXPECT_EQ(range.end, 3U);
  EXPECT_EQ(index.child_names(ImagePath::clean("/a")), (std::vector<std::string>{"b", "z"}));
  EXPECT_EQ(index.child_names(ImagePath()), (std::vector<std::string>{"a", "a.b", "ab"}));
  EXPECT_TRUE(index.below(ImagePath::clean("/ab")).empty());
}

TEST(LayerIndex, OfNothingIsEmptyAndParses) {
  LayerIndex index;
  EXPECT_TRUE(index.empty());
  EXPECT_TRUE(LayerIndex::parse(std::string(index.bytes())).empty());
}

TEST(LayerIndex, DoesNotDependOnTheOrderOfEntries) {
  std::vector<Entry> entries = layer_of(kEverything).index.entries();
  LayerIndex sorted = LayerIndex::from_entries(entries);
  std::reverse(entries.begin(), entries.end());
  EXPECT_EQ(LayerIndex::from_entries(entries).bytes(), sorted.bytes());
}

TEST(LayerIndex, RefusesTheSamePathTwice) {
  std::vector<Entry> entries(2);
  EXPECT_NE(error_of([&] { LayerIndex::from_entries(entries); }), "no error");
}

TEST(LayerIndex, RefusesDamageOfAnyKind) {
  std::string bytes(layer_of(kEverything).index.bytes());
  EXPECT_EQ(error_of([&] { LayerIndex::parse("nothing"); }),
            "damaged layer index: it does not begin like one");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(LayerIndex::parse(bytes.substr(0, size)), base::Error) << size;
  }
  EXPECT_THROW(LayerIndex::parse(bytes + "x"), base::Error);
  std::string newer = bytes;
  newer[8] = 2;
  EXPECT_EQ(error_of([&] { LayerIndex::parse(newer); }),
            "layer index of format 2, this program knows 1");
}

// Whatever bit is wrong: an error or a readable index, never a crash or endless work.
TEST(LayerIndex, SurvivesEveryFlippedBit) {
  std::string bytes(layer_of(kEverything).index.bytes());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    error_of([&] { LayerIndex::parse(damaged).entries(); });
  }
}

TEST(ContentId, IgnoresTimesAndNothingElse) {
  std::vector<Entry> entries = layer_of(kEverything).index.entries();
  auto id_of = [&] { return content_id_of(LayerIndex::from_entries(entries)); };
  cache::ContentId before = id_of();
  entries[0].mtime = {5, 6};
  EXPECT_EQ(id_of(), before);
  auto changes = [&](auto change) {
    std::vector<Entry> kept = entries;
    change();
    bool differs = id_of() != before;
    entries = kept;
    return differs;
  };
  EXPECT_TRUE(changes([&] { entries[0].mode = 0600; }));
  EXPECT_TRUE(changes([&] { entries[0].uid = 1; }));
  EXPECT_TRUE(changes([&] { entries[0].gid = 1; }));
  EXPECT_TRUE(changes([&] { entries[0].digest = base::sha256_of("other"); }));
  EXPECT_TRUE(changes([&] { entries[0].xattrs = {{"user.a", ""}}; }));
  EXPECT_TRUE(changes([&] { entries[1].link_target = "/a/b/x"; }));
  EXPECT_TRUE(changes([&] { entries[3].device_minor = 5; }));
  EXPECT_TRUE(changes([&] { entries[5].opaque = false; }));
  EXPECT_TRUE(changes([&] { entries.pop_back(); }));
}

}  // namespace
}  // namespace slipway::builder
