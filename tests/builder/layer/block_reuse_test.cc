#include "builder/layer/block_reuse.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <random>
#include <thread>

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

using Files = std::map<std::string, std::string>;

std::string words(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) {
    out += cat(random() % 100'000, random() % 9 == 0 ? "\n" : " some words ");
  }
  out.resize(size);
  return out;
}

// A tar of 16 MiB: small files and one that spans blocks.
Files make_files() {
  Files files;
  for (unsigned number = 100; number < 220; ++number) {
    files[cat("/d/file", number)] = words(number == 160 ? 4 << 20 : 60'000 + number * 321, number);
  }
  return files;
}

const Files& many_files() {
  static const Files files = make_files();
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

std::string plain_tar(const Files& files) {
  base::StringSink out;
  write_layer(entries_of(files), {.tar = &out}, {});
  return out.take();
}

std::string compressed(const Files& files, const base::CompressOptions& options = {}) {
  base::StringSink out;
  auto sink = base::make_compressor(out, options);
  sink->write(plain_tar(files));
  sink->finish();
  return out.take();
}

// Counts how its blocks come.
class CountingCompressor : public base::BlockCompressor {
 public:
  explicit CountingCompressor(base::Sink& next, const base::CompressOptions& options = {})
      : next_(base::make_block_compressor(next, options)) {}
  void write(std::string_view bytes) override { next_->write(bytes); }
  void finish() override { next_->finish(); }
  std::size_t write_some(std::string_view bytes) override {
    std::size_t count = next_->write_some(bytes);
    written += count;
    return count;
  }
  bool is_between_blocks() const override { return next_->is_between_blocks(); }
  void put(const base::CompressedBlock& block, std::string_view compressed_bytes) override {
    next_->put(block, compressed_bytes);
    taken += block.size;
  }
  const std::vector<base::CompressedBlock>& blocks() const override { return next_->blocks(); }

  std::uint64_t written = 0;  // plain bytes that had to be compressed
  std::uint64_t taken = 0;

 private:
  std::unique_ptr<base::BlockCompressor> next_;
};

class BlockReuseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::can_make_overlay_marks()) {
      GTEST_SKIP() << "needs root to make whiteouts and trusted attributes";
    }
  }

  // As a step that is the same one every time.
  DiffId put(const Files& files, LayerForm form = LayerForm::kTar,
             std::optional<DiffId> similar = {}, const base::CompressOptions& options = {}) {
    AddedLayer added = layers_.add_entries(
        entries_of(files), {.form = form, .compress = options, .similar = std::move(similar)}, {});
    DiffId diff_id = added.record.diff_id;
    added.rows.records.push_back({.key = cache::StepKey(base::sha256_of(diff_id.text())),
                                  .diff_id = diff_id,
                                  .family = "COPY . /"});
    store_.commit(added.rows);
    return diff_id;
  }
  base::Digest blob_of(const DiffId& diff_id, const base::CompressOptions& options = {}) {
    return layers_.ensure_blob(diff_id, options, LayerStore::Received::kTake, {}).blob.digest;
  }
  std::string bytes_of(const base::Digest& blob) { return store_.blobs().read(blob, 1 << 26); }
  std::string path_of(const base::Digest& blob) const {
    return cat(folder_.path(), "/store/blobs/sha256/", blob.hex());
  }
  void damage(const base::Digest& blob, std::uint64_t place) const {
    ASSERT_EQ(::chmod(path_of(blob).c_str(), 0600), 0);
    base::Fd file = base::open_file(path_of(blob), O_RDWR);
    char byte = 0;
    auto offset = static_cast<off_t>(place);
    ASSERT_EQ(::pread(file.get(), &byte, 1, offset), 1);
    byte = static_cast<char>(byte ^ 0x10);
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, offset), 1);
  }
  ReuseSources sources() {
    return {&store_, [&](const DiffId& layer) { return layers_.index(layer, {}); }};
  }
  // Compresses the layer with what it has in common with others; false where that is nothing.
  bool compress(const DiffId& diff_id, CountingCompressor& out) {
    return compress_from_sibling(sources(), *store_.layers().find(diff_id), base::encoder_id({}),
                                 out, {});
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  cache::Store store_{folder_.path() + "/store"};
  LayerStore layers_{store_, {}};
};

// Every kind of change, in every form of the layer: what is put together is what compressing
// everything gives, and little is compressed.
TEST_F(BlockReuseTest, TheBlobIsTheOneThatCompressingAllGives) {
  std::map<std::string, std::function<void(Files&)>> changes{
      {"changed", [](Files& files) { files["/d/file130"][5000] ^= 1; }},
      {"inserted", [](Files& files) { files["/d/file130a"] = words(70'000, 1); }},
      {"removed", [](Files& files) { files.erase("/d/file131"); }},
      {"grown", [](Files& files) { files["/d/file132"] += words(1'000'000, 2); }},
      {"shrunk", [](Files& files) { files["/d/file160"].resize(3'500'000); }},
      {"renamed",
       [](Files& files) {
         files["/d/file210x"] = files["/d/file110"];
         files.erase("/d/file110");
       }},
      {"first and last",
       [](Files& files) {
         files["/d/file100"] = "";
         files["/d/zzz"] = "last";
       }},
      {"in the large file", [](Files& files) { files["/d/file160"][3'000'000] ^= 1; }},
  };
  for (LayerForm form : {LayerForm::kTar, LayerForm::kTree}) {
    Files older = many_files();
    DiffId first = put(older, form);
    EXPECT_TRUE(bytes_of(blob_of(first)) == compressed(older));
    for (const auto& [name, change] : changes) {
      Files files = many_files();
      change(files);
      DiffId second = put(files, form, first);
      base::StringSink out;
      CountingCompressor counting(out);
      ASSERT_TRUE(compress(second, counting)) << name;
      std::string expected = compressed(files);
      EXPECT_TRUE(out.text() == expected) << name;
      EXPECT_GT(counting.taken, counting.written / 2) << name;
      EXPECT_TRUE(bytes_of(blob_of(second)) == expected) << name;
    }
  }
}

// Layers that are compressed while they are made take from the similar one, which has no other
// form than its blob.
TEST_F(BlockReuseTest, ALayerThatIsCompressedAtOnceIsTheSame) {
  Files files = many_files();
  DiffId first = put(files, LayerForm::kBlob);
  for (const char* name : {"/d/file105", "/d/file160", "/d/file160a", "/d/zzz"}) {
    files[name] = words(100'000, 77);
    std::string expected = compressed(files);
    LayerEntries layer = entries_of(files);
    std::optional<BlocksOfSimilar> similar =
        find_blocks_of_similar(sources(), layer, first, base::encoder_id({}));
    ASSERT_TRUE(similar.has_value()) << name;
    base::StringSink out;
    CountingCompressor counting(out);
    ReusingSink sink(std::move(similar->blocks), counting);
    EXPECT_EQ(write_layer(layer, {.tar = &sink}, {}).diff_id.digest(),
              base::sha256_of(plain_tar(files)));
    EXPECT_TRUE(out.text() == expected) << name;
    EXPECT_GT(counting.taken, 1'000'000U) << name;
    DiffId next = put(files, LayerForm::kBlob, first);
    EXPECT_TRUE(bytes_of(blob_of(next)) == expected) << name;
    EXPECT_FALSE(store_.blobs().has(next.digest()));
    first = next;
  }
}

TEST_F(BlockReuseTest, AFileThatChangedAndDoesNotLookItIsCompressed) {
  Files files = many_files();
  DiffId first = put(files, LayerForm::kBlob);
  files["/d/file101"] = "changed";
  LayerEntries layer = entries_of(files);
  std::string other = files["/d/file170"];
  other[100] ^= 1;
  files["/d/file170"] = other;
  for (LayerEntry& planned : layer.entries) {
    if (planned.entry.path.text() == "/d/file170") {
      planned.text = std::make_shared<const std::string>(other);  // its digest is the older one
    }
  }
  StoreForm form{.form = LayerForm::kBlob, .compress = {}, .similar = first};
  DiffId second = layers_.put_entries(layer, form, {}).diff_id;
  EXPECT_EQ(second.digest(), base::sha256_of(plain_tar(files)));
  EXPECT_TRUE(bytes_of(blob_of(second)) == compressed(files));
}

TEST_F(BlockReuseTest, ADamagedBlobIsNotTakenFromAtOnceEither) {
  Files files = many_files();
  DiffId first = put(files, LayerForm::kBlob);
  base::Digest blob = blob_of(first);
  damage(blob, *store_.blobs().find_size(blob) / 2);
  files["/d/file101"] = "changed";
  DiffId second = put(files, LayerForm::kBlob, first);
  EXPECT_TRUE(bytes_of(blob_of(second)) == compressed(files));
  EXPECT_FALSE(store_.blobs().has(blob));
}

TEST_F(BlockReuseTest, OneChangeOfOneAfterTheOther) {
  Files files = many_files();
  DiffId last = put(files);
  blob_of(last);
  std::mt19937 random(9);
  for (int round = 0; round < 6; ++round) {
    std::string name = cat("/d/file", 100 + random() % 120, round % 2 == 0 ? "" : "n");
    files[name] = words(random() % 200'000, static_cast<unsigned>(round));
    last = put(files, LayerForm::kTar, last);
    EXPECT_TRUE(bytes_of(blob_of(last)) == compressed(files)) << name;
  }
}

TEST_F(BlockReuseTest, FramesOfZstdAreTakenToo) {
  const base::CompressOptions zstd{.compression = base::Compression::kZstd};
  DiffId first = put(many_files());
  EXPECT_TRUE(bytes_of(blob_of(first, zstd)) == compressed(many_files(), zstd));
  Files files = many_files();
  files["/d/file205"] += "more";
  DiffId second = put(files, LayerForm::kTar, first);
  base::StringSink out;
  CountingCompressor counting(out, zstd);
  ASSERT_TRUE(compress_from_sibling(sources(), *store_.layers().find(second),
                                    base::encoder_id(zstd), counting, {}));
  EXPECT_TRUE(out.text() == compressed(files, zstd));
  EXPECT_GT(counting.taken, counting.written);
  EXPECT_TRUE(bytes_of(blob_of(second, zstd)) == compressed(files, zstd));

  files["/d/file204"] += "compressed at once";
  EXPECT_TRUE(find_blocks_of_similar(sources(), entries_of(files), second, base::encoder_id(zstd)));
  DiffId third = put(files, LayerForm::kBlob, second, zstd);
  EXPECT_TRUE(bytes_of(blob_of(third, zstd)) == compressed(files, zstd));
}

TEST_F(BlockReuseTest, ThreadsDoNotShow) {
  Files files = many_files();
  DiffId first = put(files);
  blob_of(first);
  files["/d/file140"] += "more";
  files["/d/file200"] = "less";
  DiffId second = put(files, LayerForm::kTar, first);
  for (unsigned threads : {0U, 1U, 3U}) {
    base::StringSink out;
    auto sink = base::make_block_compressor(out, {.threads = threads});
    ASSERT_TRUE(compress_from_sibling(sources(), *store_.layers().find(second),
                                      base::encoder_id({}), *sink, {}));
    EXPECT_TRUE(out.text() == compressed(files)) << threads;
  }
}

TEST_F(BlockReuseTest, NothingIsTakenWhereThereIsNothingInCommon) {
  Files files = many_files();
  DiffId alone = put(files);
  base::StringSink out;
  CountingCompressor counting(out);
  EXPECT_FALSE(compress(alone, counting));  // no other layer
  blob_of(alone);
  for (auto& [path, content] : files) {
    content += "changed";
  }
  EXPECT_FALSE(compress(put(files), counting));
  EXPECT_FALSE(compress(put({{"/d/small", "file"}}), counting));
  EXPECT_EQ(counting.written + counting.taken, 0U);
}

// Nothing of a layer but what changed is read: neither the older tar's nor the tree's bytes.
TEST_F(BlockReuseTest, WhatIsCommonIsNotRead) {
  Files files = many_files();
  DiffId first = put(files);
  blob_of(first);
  files["/d/file101"] = "changed";
  DiffId second = put(files, LayerForm::kTar, first);
  damage(first.digest(), 12'000'000);
  EXPECT_TRUE(bytes_of(blob_of(second)) == compressed(files));
}

TEST_F(BlockReuseTest, DamageOfWhatHasToBeReadIsSaid) {
  Files files = many_files();
  DiffId first = put(files);
  blob_of(first);
  files["/d/file101"] = "changed";
  DiffId second = put(files, LayerForm::kTar, first);
  damage(first.digest(), 20'000);  // of file100, which shares a block with the changed one
  EXPECT_NE(tests::error_of([&] { blob_of(second); }).find("file100 is damaged"),
            std::string::npos);
}

TEST_F(BlockReuseTest, ADamagedBlobIsNotTakenFromAndSetAside) {
  Files files = many_files();
  DiffId first = put(files);
  base::Digest blob = blob_of(first);
  std::uint64_t size = *store_.blobs().find_size(blob);
  files["/d/file101"] = "changed";
  DiffId second = put(files, LayerForm::kTar, first);
  damage(blob, size / 2);
  base::StringSink out;
  CountingCompressor counting(out);
  ASSERT_TRUE(compress(second, counting));
  EXPECT_TRUE(out.text() == compressed(files));
  EXPECT_GT(counting.taken, 0U);
  EXPECT_FALSE(store_.blobs().has(blob));
  // Gone: all is compressed.
  EXPECT_TRUE(bytes_of(blob_of(second)) == compressed(files));
  EXPECT_EQ(blob_of(first), blob);
}

TEST_F(BlockReuseTest, ATruncatedBlobIsNotTakenFrom) {
  Files files = many_files();
  DiffId first = put(files);
  base::Digest blob = blob_of(first);
  files["/d/file101"] = "changed";
  DiffId second = put(files, LayerForm::kTar, first);
  ASSERT_EQ(::truncate(path_of(blob).c_str(), 1'000'000), 0);
  EXPECT_TRUE(bytes_of(blob_of(second)) == compressed(files));
}

TEST_F(BlockReuseTest, TwoStoresMakeTheSameBlobAtOnce) {
  Files files = many_files();
  DiffId first = put(files);
  blob_of(first);
  files["/d/file150"] = "changed";
  DiffId second = put(files, LayerForm::kTar, first);
  std::vector<std::string> digests(3);
  std::vector<std::jthread> threads;
  for (std::string& digest : digests) {
    threads.emplace_back([&] {
      cache::Store store(folder_.path() + "/store");
      LayerStore layers(store, {});
      digest = layers.ensure_blob(second, {}, LayerStore::Received::kTake, {}).blob.digest.text();
    });
  }
  threads.clear();
  for (const std::string& digest : digests) {
    EXPECT_EQ(digest, base::sha256_of(compressed(files)).text());
  }
}

TEST_F(BlockReuseTest, ATarIsReadFromAnyPlaceOn) {
  Files files = many_files();
  DiffId diff_id = put(files, LayerForm::kTree);
  LayerIndex index = layers_.index(diff_id, {});
  std::optional<TarComparison> itself = compare_tars(index, index);
  ASSERT_TRUE(itself.has_value());
  std::string tar = plain_tar(files);
  CanonicalTar canonical(index, itself->starts, [&](const Entry& file, std::uint64_t offset) {
    return std::make_unique<base::StringSource>(tar.substr(offset, file.size));
  });
  ASSERT_EQ(canonical.size(), tar.size());
  std::mt19937_64 random(3);
  std::string buffer(200'000, '\0');
  std::uint64_t place = 0;
  for (int round = 0; round < 1000; ++round) {
    // Mostly onwards; also back, within an entry and between them.
    place = random() % 4 == 0 ? random() % tar.size() / 512 * 512 : place;
    std::size_t count = canonical.read(place, std::span(buffer).first(1 + random() % 200'000));
    ASSERT_TRUE(count > 0 && tar.compare(place, count, buffer, 0, count) == 0) << place;
    place = (place + count) % tar.size();
  }
  canonical.finish();
}

TEST(BlockRows, ComeBackAsTheyWere) {
  std::vector<base::CompressedBlock> blocks{
      {base::kBlockBytesMin, 500'000, 1, 2},
      {base::kBlockBytesMax, 7, 0xffffffff, ~std::uint64_t{0}},
      {1000, 10, 3, 4}};
  std::string bytes = serialise_blocks(blocks);
  blocks.pop_back();
  EXPECT_EQ(parse_blocks(bytes), blocks);
  EXPECT_EQ(serialise_blocks(std::span(blocks).first(1)), "");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(parse_blocks(std::string_view(bytes).substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(parse_blocks(bytes + "x"), std::nullopt);
  bytes[0] = 2;
  EXPECT_EQ(parse_blocks(bytes), std::nullopt);
}

}  // namespace
}  // namespace slipway::builder
