#include "builder/layer/layer_patch.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/layer_store.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::ImagePath;
using cache::DiffId;
using tests::content_of;

// By path: the content. 24 files of 256 KiB: a tar of 6 MiB.
using Files = std::map<std::string, std::string>;

Files large_files() {
  std::mt19937_64 random(1);
  Files files;
  for (int number = 10; number < 34; ++number) {
    std::string& content = files[cat("/d/file", number)];
    while (content.size() < 256 << 10) {
      std::uint64_t word = random();
      content.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
  }
  return files;
}

LayerEntries entries_of(const Files& files) {
  LayerEntries layer;
  layer.entries.push_back({.entry = make_implied_directory(ImagePath::clean("/d"))});
  for (const auto& [path, content] : files) {
    LayerEntry& file = layer.entries.emplace_back();
    file.entry.path = ImagePath::clean(path);
    file.entry.mode = 0644;
    file.entry.size = content.size();
    file.entry.digest = base::sha256_of(content);
    file.text = std::make_shared<const std::string>(content);
  }
  return layer;
}

class LayerPatchTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::can_make_overlay_marks()) {
      GTEST_SKIP() << "needs root to make whiteouts and trusted attributes";
    }
  }

  DiffId put(const Files& files, std::optional<DiffId> similar = {}) {
    StoreForm form{.form = LayerForm::kTar, .compress = {}, .similar = std::move(similar)};
    return layers_.put_entries(entries_of(files), form, {}).diff_id;
  }
  std::vector<base::Digest> blobs_of(const DiffId& diff_id) {
    return store_.layers().patch_blobs(diff_id);
  }
  std::string tar_of(const DiffId& diff_id) {
    base::StringSink out;
    layers_.write_tar(diff_id, out, {});
    return out.take();
  }
  static std::string plain_tar(const Files& files) {
    base::StringSink out;
    write_layer(entries_of(files), {.tar = &out}, {});
    return out.take();
  }
  std::uint64_t size_of(const base::Digest& blob) { return *store_.blobs().find_size(blob); }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  cache::Store store_{folder_.path() + "/store"};
  LayerStore layers_{store_, {}};
};

TEST_F(LayerPatchTest, WhatAnOlderLayerHasIsNotStoredAgain) {
  Files files = large_files();
  DiffId first = put(files);
  files["/d/file12"] = "changed";
  files.erase("/d/file15");
  files["/d/file20a"] = "new";
  DiffId second = put(files, first);
  std::vector<base::Digest> blobs = blobs_of(second);
  ASSERT_EQ(blobs.size(), 2U);
  EXPECT_EQ(blobs[1], first.digest());
  EXPECT_LT(size_of(blobs[0]), 10'000U);
  EXPECT_FALSE(store_.blobs().has(second.digest()));
  EXPECT_TRUE(tar_of(second) == plain_tar(files));
  EXPECT_EQ(second.digest(), base::sha256_of(plain_tar(files)));
}

TEST_F(LayerPatchTest, APatchedLayerHasAllForms) {
  Files files = large_files();
  DiffId first = put(files);
  files["/d/file33"] += "and more";
  DiffId second = put(files, first);
  ASSERT_FALSE(blobs_of(second).empty());
  auto view = layers_.view(std::span(&second, 1), {});
  EXPECT_TRUE(content_of(*view, "/d/file33") == files["/d/file33"]);
  EXPECT_TRUE(content_of(*view, "/d/file10") == files["/d/file10"]);
  LayerBlob gzip = layers_.ensure_blob(second, {}, LayerStore::Received::kTake, {});
  auto plain = base::make_decompressor(store_.blobs().open(gzip.blob.digest),
                                       base::Compression::kGzip, "blob");
  EXPECT_TRUE(base::read_all(*plain, 1 << 24, "blob") == plain_tar(files));
  std::string tree = layers_.ensure_tree(second, {}, {});
  EXPECT_TRUE(base::find_file_content(tree + "/d/file33", 1 << 20) == files["/d/file33"]);
}

// However often something changes, a layer is put together from plain bytes only.
TEST_F(LayerPatchTest, APatchOfAPatchTakesFromWhatThatOneTakesFrom) {
  Files files = large_files();
  DiffId first = put(files);
  DiffId last = first;
  for (const char* content : {"one", "two", "three"}) {
    files["/d/file20"] = content;
    last = put(files, last);
    EXPECT_TRUE(tar_of(last) == plain_tar(files));
    EXPECT_EQ(blobs_of(last).size(), 2U);
    EXPECT_EQ(blobs_of(last)[1], first.digest());
  }
  files["/d/file21"] = "another";
  DiffId both = put(files, last);
  EXPECT_EQ(blobs_of(both),
            (std::vector<base::Digest>{blobs_of(both)[0], first.digest(), blobs_of(last)[0]}));
  EXPECT_TRUE(tar_of(both) == plain_tar(files));
}

TEST_F(LayerPatchTest, NoPatchWhereItIsNotWorthIt) {
  Files files = large_files();
  DiffId first = put(files);
  Files mostly_new = files;
  for (int number = 10; number < 20; ++number) {
    mostly_new[cat("/d/file", number)][0] ^= 1;
  }
  EXPECT_TRUE(blobs_of(put(mostly_new, first)).empty());
  // Little of a large tar would be kept alive for it.
  Files few(files.begin(), std::next(files.begin(), 8));
  EXPECT_TRUE(blobs_of(put(few, first)).empty());
  Files small{{"/d/a", "1"}, {"/d/b", "2"}};
  DiffId small_first = put(small);
  small["/d/a"] = "3";
  EXPECT_TRUE(blobs_of(put(small, small_first)).empty());
}

TEST_F(LayerPatchTest, AnEntryWithoutADigestAndOtherAttributesAreNew) {
  Files files = large_files();
  DiffId first = put(files);
  LayerEntries layer = entries_of(files);
  layer.entries[3].entry.digest.reset();
  layer.entries[5].entry.mode = 0600;
  StoreForm form{.form = LayerForm::kTar, .compress = {}, .similar = first};
  DiffId second = layers_.put_entries(layer, form, {}).diff_id;
  ASSERT_EQ(blobs_of(second).size(), 2U);
  EXPECT_GT(size_of(blobs_of(second)[0]), 2 * (256U << 10));
  EXPECT_EQ(base::sha256_of(tar_of(second)), second.digest());
}

TEST_F(LayerPatchTest, HardLinksMakeNoPatch) {
  Files files = large_files();
  DiffId first = put(files);
  LayerEntries layer = entries_of(files);
  LayerEntry& link = layer.entries.emplace_back();
  link.entry.path = ImagePath::clean("/d/link");
  link.entry.type = EntryType::kHardlink;
  link.entry.link_target = "/d/file10";
  StoreForm form{.form = LayerForm::kTar, .compress = {}, .similar = first};
  DiffId second = layers_.put_entries(layer, form, {}).diff_id;
  EXPECT_TRUE(blobs_of(second).empty());
  EXPECT_EQ(base::sha256_of(tar_of(second)), second.digest());
}

TEST_F(LayerPatchTest, ADamagedPatchIsSaidAndCountsAsAbsent) {
  Files files = large_files();
  DiffId first = put(files);
  files["/d/file12"] = "changed";
  DiffId second = put(files, first);
  base::Digest patch = blobs_of(second)[0];
  std::string path = cat(folder_.path(), "/store/blobs/sha256/", patch.hex());
  std::string bytes = *base::find_file_content(path, 1 << 20);
  for (std::size_t place : {bytes.size() - 1, bytes.size() - 20, bytes.size() - 25}) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
    ::unlink(path.c_str());  // it was set aside, but for the first time
    base::write_all(base::open_file(path, O_WRONLY | O_CREAT, 0600), damaged);
    EXPECT_NE(tests::error_of([&] { tar_of(second); }).find(" is damaged: "), std::string::npos)
        << place;
    EXPECT_FALSE(store_.blobs().has(patch));
    EXPECT_FALSE(layers_.has(second));
  }
  // And the next build makes the layer anew.
  EXPECT_EQ(put(files, first), second);
  EXPECT_TRUE(tar_of(second) == plain_tar(files));
}

// Nothing is taken from bytes that are not what the index says.
TEST_F(LayerPatchTest, OfADamagedTarIsNoPatchMade) {
  Files files = large_files();
  DiffId first = put(files);
  std::string path = cat(folder_.path(), "/store/blobs/sha256/", first.hex());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  base::Fd file = base::open_file(path, O_RDWR);
  ASSERT_EQ(::pwrite(file.get(), "x", 1, 5'000'000), 1);
  files["/d/file12"] = "changed";
  DiffId second = put(files, first);
  EXPECT_TRUE(blobs_of(second).empty());
  EXPECT_TRUE(tar_of(second) == plain_tar(files));
}

// What the patch took from was damaged since: no other bytes are given out as the layer.
TEST_F(LayerPatchTest, OtherBytesAreNoticed) {
  Files files = large_files();
  DiffId first = put(files);
  files["/d/file12"] = "changed";
  DiffId second = put(files, first);
  std::string path = cat(folder_.path(), "/store/blobs/sha256/", first.hex());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  base::Fd file = base::open_file(path, O_RDWR);
  ASSERT_EQ(::pwrite(file.get(), "x", 1, 5'000'000), 1);
  EXPECT_NE(tests::error_of([&] { tar_of(second); }).find(second.text()), std::string::npos);
}

}  // namespace
}  // namespace slipway::builder
