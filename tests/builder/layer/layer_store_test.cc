#include "builder/layer/layer_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "tests/builder/layer/raw_tar.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::Compression;
using base::CompressOptions;
using cache::DiffId;
using tests::entries_of;
using tests::error_of;
using tests::layer_of;
using tests::listing;
using tests::run_shell;
using tests::tar_of;

constexpr std::string_view kSample = R"(
    d:0700:1:2 /d
    f /d/a hello
    h /d/b /d/a
    l /d/c a
    p /d/p
    f /top text
)";

class LayerStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::can_make_overlay_marks()) {
      GTEST_SKIP() << "needs root to make whiteouts and trusted attributes";
    }
  }

  LayerStoreOptions options(unsigned threads = 1) {
    LayerStoreOptions options;
    options.threads = threads;
    return options;
  }

  std::string plain_tar(const DiffId& diff_id) {
    base::StringSink out;
    layers_.write_tar(diff_id, out, {});
    return out.take();
  }

  std::string blob_bytes(const LayerBlob& blob) {
    return store_.blobs().read(blob.blob.digest, 1 << 24);
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  cache::Store store_{folder_.path() + "/store"};
  LayerStore layers_{store_, options()};
};

std::string compressed(const std::string& tar, CompressOptions compress = {}) {
  base::StringSink out;
  auto sink = base::make_compressor(out, compress);
  sink->write(tar);
  sink->finish();
  return out.take();
}

ReceivedBlob expected_of(const std::string& blob, const std::string& tar) {
  return {.digest = base::sha256_of(blob),
          .size = blob.size(),
          .diff_id = DiffId(base::sha256_of(tar)),
          .media_type = "application/vnd.oci.image.layer.v1.tar+gzip"};
}

// Every form gives the same layer, and every other form can be made from it.
TEST_F(LayerStoreTest, AllFormsAreOneLayer) {
  WrittenLayer expected = layer_of(kSample);
  for (LayerForm form : {LayerForm::kTree, LayerForm::kTar, LayerForm::kBlob}) {
    base::TempDir folder("/tmp", "slipway-test-");
    cache::Store store(folder.path() + "/store");
    LayerStore layers(store, options());
    LayerRecord record = layers.put_entries(entries_of(kSample), {form, {}}, {});
    EXPECT_EQ(record.diff_id, expected.diff_id);
    EXPECT_EQ(record.content_id, expected.content_id);
    EXPECT_FALSE(record.reused);
    EXPECT_EQ(layers.index(record.diff_id, {}), expected.index);

    base::StringSink tar;
    layers.write_tar(record.diff_id, tar, {});
    EXPECT_TRUE(tar.text() == tar_of(kSample));

    LayerBlob gzip = layers.ensure_blob(record.diff_id, {}, LayerStore::Received::kTake, {});
    EXPECT_TRUE(store.blobs().read(gzip.blob.digest, 1 << 20) == compressed(tar_of(kSample)));
    LayerBlob plain = layers.ensure_blob(record.diff_id, {.compression = Compression::kNone},
                                         LayerStore::Received::kTake, {});
    EXPECT_EQ(plain.blob.digest, record.diff_id.digest());

    std::string tree = layers.ensure_tree(record.diff_id, {}, {});
    EXPECT_EQ(listing(DirectoryView(base::open_directory(tree))),
              "d 0700 1:2 /d\nf 0644 0:0 5 /d/a\nf 0644 0:0 5 /d/b\nl 0777 0:0 /d/c -> a\n"
              "p 0644 0:0 /d/p\nf 0644 0:0 4 /top\n");
    auto view = layers.view(std::span(&record.diff_id, 1), {});
    EXPECT_EQ(tests::content_of(*view, "/d/b"), "hello");
  }
}

TEST_F(LayerStoreTest, ThreadsDoNotShowInBlobs) {
  LayerRecord record = layers_.put_entries(entries_of(kSample), {LayerForm::kTar, {}}, {});
  LayerBlob one = layers_.ensure_blob(record.diff_id, {}, LayerStore::Received::kTake, {});
  for (unsigned threads : {0U, 4U}) {
    base::TempDir folder("/tmp", "slipway-test-");
    cache::Store store(folder.path() + "/store");
    LayerStore layers(store, options(threads));
    LayerRecord same = layers.put_entries(entries_of(kSample), {LayerForm::kBlob, {}}, {});
    EXPECT_EQ(same.diff_id, record.diff_id);
    EXPECT_EQ(layers.ensure_blob(same.diff_id, {}, LayerStore::Received::kTake, {}).blob, one.blob);
  }
}

TEST_F(LayerStoreTest, FilesOfATarAreReadWithoutUnpacking) {
  LayerRecord record = layers_.put_entries(entries_of(kSample), {LayerForm::kTar, {}}, {});
  auto view = layers_.view(std::span(&record.diff_id, 1), {});
  EXPECT_EQ(tests::content_of(*view, "/d/b"), "hello");
  EXPECT_EQ(tests::content_of(*view, "/top"), "text");
  EXPECT_FALSE(store_.trees().find(record.diff_id).has_value());
}

TEST_F(LayerStoreTest, TheSameContentIsTheOlderLayer) {
  LayerRecord first = layers_.put_entries(entries_of(kSample), {LayerForm::kTar, {}}, {});
  LayerEntries later = entries_of(kSample);
  for (LayerEntry& planned : later.entries) {
    planned.entry.mtime.seconds = 5000;
  }
  for (LayerForm form : {LayerForm::kTar, LayerForm::kTree, LayerForm::kBlob}) {
    LayerRecord second = layers_.put_entries(later, {form, {}}, {});
    EXPECT_TRUE(second.reused);
    EXPECT_EQ(second.diff_id, first.diff_id);
  }
}

TEST_F(LayerStoreTest, ReceivedBlobsAreKeptAsTheyCame) {
  std::string tar = tar_of(kSample);
  for (CompressOptions compress : {CompressOptions{.level = 9},
                                   {.compression = Compression::kZstd},
                                   {.compression = Compression::kNone}}) {
    base::TempDir folder("/tmp", "slipway-test-");
    cache::Store store(folder.path() + "/store");
    LayerStore layers(store, options());
    std::string blob = compressed(tar, compress);
    LayerRecord record =
        layers.put_blob(std::make_unique<base::StringSource>(blob), expected_of(blob, tar), {});
    EXPECT_EQ(record.diff_id, layer_of(kSample).diff_id);
    EXPECT_EQ(layers.index(record.diff_id, {}), layer_of(kSample).index);
    CompressOptions any_level{.compression = compress.compression};
    EXPECT_EQ(
        layers.ensure_blob(record.diff_id, any_level, LayerStore::Received::kTake, {}).blob.digest,
        base::sha256_of(blob));
    EXPECT_FALSE(store.trees().find(record.diff_id).has_value());
    EXPECT_NE(
        listing(DirectoryView(base::open_directory(layers.ensure_tree(record.diff_id, {}, {})))),
        "");
  }
}

TEST_F(LayerStoreTest, AReceivedBlobIsMadeAnewIfAskedFor) {
  std::string tar = tar_of(kSample);
  std::string blob = compressed(tar, {.level = 9});
  LayerRecord record =
      layers_.put_blob(std::make_unique<base::StringSource>(blob), expected_of(blob, tar), {});
  LayerBlob own = layers_.ensure_blob(record.diff_id, {}, LayerStore::Received::kMakeOwn, {});
  EXPECT_TRUE(blob_bytes(own) == compressed(tar));
  EXPECT_NE(own.blob.digest, base::sha256_of(blob));
}

TEST_F(LayerStoreTest, ABlobCanBeUnpackedAsItPasses) {
  std::string tar = tar_of(kSample);
  std::string blob = compressed(tar);
  ReceivedBlob received = expected_of(blob, tar);
  received.make_tree = true;
  LayerRecord record = layers_.put_blob(std::make_unique<base::StringSource>(blob), received, {});
  EXPECT_TRUE(store_.trees().find(record.diff_id).has_value());
}

TEST_F(LayerStoreTest, AnImportKeepsThePlainTar) {
  base::TempDir folder("/tmp", "slipway-test-");
  std::string path = folder.path() + "/in.tar";
  base::write_all(base::open_file(path, O_WRONLY | O_CREAT, 0600), tar_of(kSample));
  if (run_shell(cat("xz ", path)) != 0) {
    GTEST_SKIP() << "xz is not installed";
  }
  auto source = std::make_unique<base::FdSource>(base::open_file(path + ".xz", O_RDONLY), path);
  LayerRecord record = layers_.put_blob(std::move(source), {}, {});
  EXPECT_EQ(record.diff_id, layer_of(kSample).diff_id);
  EXPECT_TRUE(store_.blobs().has(record.diff_id.digest()));
}

TEST_F(LayerStoreTest, NothingIsStoredOfABlobThatIsNotTheExpectedOne) {
  std::string tar = tar_of(kSample);
  std::string blob = compressed(tar);
  auto put = [&](const std::string& bytes, const ReceivedBlob& received) {
    return error_of(
        [&] { layers_.put_blob(std::make_unique<base::StringSource>(bytes), received, {}); });
  };
  ReceivedBlob other = expected_of(blob, tar);
  other.digest = base::sha256_of("other");
  EXPECT_NE(put(blob, other).find("digest"), std::string::npos);
  other = expected_of(blob, tar);
  other.size = blob.size() + 1;
  EXPECT_NE(put(blob, other), "no error");
  other = expected_of(blob, tar);
  other.diff_id = DiffId(base::sha256_of("other"));
  EXPECT_NE(put(blob, other).find("layer has diff ID"), std::string::npos);
  EXPECT_NE(put(blob.substr(0, blob.size() / 2), expected_of(blob, tar)), "no error");
  EXPECT_NE(put("rubbish", expected_of("rubbish", "rubbish")), "no error");
  EXPECT_FALSE(store_.layers().find(layer_of(kSample).diff_id).has_value());
  EXPECT_FALSE(store_.blobs().has(base::sha256_of(blob)));
}

TEST_F(LayerStoreTest, LayersThatAreNotHereAreFetchedWhenNeeded) {
  std::string tar = tar_of(kSample);
  std::string blob = compressed(tar);
  DiffId diff_id(base::sha256_of(tar));
  int fetched = 0;
  LayerStoreOptions with_fetch = options();
  LayerStore* self = nullptr;
  with_fetch.fetch = [&](const DiffId&, std::stop_token stop) {
    ++fetched;
    self->put_blob(std::make_unique<base::StringSource>(blob), expected_of(blob, tar), stop);
  };
  LayerStore layers(store_, with_fetch);
  self = &layers;
  EXPECT_EQ(layers.index(diff_id, {}), layer_of(kSample).index);
  layers.ensure_tree(diff_id, {}, {});
  layers.view(std::span(&diff_id, 1), {});
  EXPECT_EQ(fetched, 1);

  DiffId unknown(base::sha256_of("unknown"));
  EXPECT_NE(error_of([&] { layers_.index(unknown, {}); }).find("not in the store"),
            std::string::npos);
}

TEST_F(LayerStoreTest, AFetchedLayerThatIsWantedMountedIsUnpackedOnItsWay) {
  std::string tar = tar_of(kSample);
  std::string blob = compressed(tar);
  DiffId diff_id(base::sha256_of(tar));
  LayerStoreOptions with_fetch = options();
  LayerStore* self = nullptr;
  bool tree_after_fetch = false;
  with_fetch.fetch = [&](const DiffId&, std::stop_token stop) {
    self->put_blob(std::make_unique<base::StringSource>(blob), expected_of(blob, tar), stop);
    tree_after_fetch = store_.trees().find(diff_id).has_value();
  };
  LayerStore layers(store_, with_fetch);
  self = &layers;
  layers.ensure_trees(std::span(&diff_id, 1), {});
  EXPECT_TRUE(tree_after_fetch);
}

// A tar without /home unpacks with the attributes that /home has below.
TEST_F(LayerStoreTest, TreesTakeWhatTheTarOnlyImpliesFromLowerLayers) {
  LayerRecord lower =
      layers_.put_entries(entries_of("d:0700:5:6 /home\nf /home/f x"), {LayerForm::kTar, {}}, {});
  std::string tar = tests::raw({.name = "home/new", .content = "y"}) +
                    tests::raw({.name = "hard", .type = '1', .link = "home/f"}) + tests::kEnd;
  LayerRecord upper =
      layers_.put_blob(std::make_unique<base::StringSource>(tar), expected_of(tar, tar), {});
  std::vector<DiffId> stack{lower.diff_id, upper.diff_id};
  std::vector<std::string> trees = layers_.ensure_trees(stack, {});
  EXPECT_EQ(listing(DirectoryView(base::open_directory(trees[1]))),
            "f 0644 0:0 1 /hard\nd 0700 5:6 /home\nf 0644 0:0 1 /home/new\n");
  EXPECT_EQ(tests::content_of(*layers_.view(stack, {}), "/hard"), "x");
  EXPECT_EQ(layers_.ensure_trees(stack, {}), trees);
}

TEST_F(LayerStoreTest, AnUpperDirectoryBecomesTheTree) {
  LayerRecord lower = layers_.put_entries(entries_of(kSample), {LayerForm::kTree, {}}, {});
  auto view = layers_.view(std::span(&lower.diff_id, 1), {});
  auto put = [&] {
    cache::StagedTree staged = store_.trees().stage();
    base::Fd root = base::open_directory(staged.path());
    base::Fd directory = base::ensure_directory(root, "d", 0700);
    base::check([&] { return ::fchown(directory.get(), 1, 2); }, "chown");
    base::write_file_atomically(directory, "new", "content");
    base::check([&] { return ::mknodat(directory.get(), "a", S_IFCHR, 0); }, "mknod");
    base::check([&] { return ::mknodat(directory.get(), "never-was", S_IFCHR, 0); }, "mknod");
    ReadUpper read = layers_.read_upper(
        {.directory = staged.path(), .lower = view.get(), .owner_of_new = {}}, {});
    AddedLayer added = layers_.add_upper(std::move(staged), read);
    store_.commit(added.rows);
    return added.record;
  };
  LayerRecord record = put();
  EXPECT_EQ(listing(layers_.index(record.diff_id, {})),
            "d 0700 1:2 /d\nw /d/a\nf 0644 0:0 7 /d/new\n");
  EXPECT_EQ(listing(DirectoryView(base::open_directory(*store_.trees().find(record.diff_id)))),
            "d 0700 1:2 /d\nc 0000 0:0 0,0 /d/a\nf 0644 0:0 7 /d/new\n");
  EXPECT_EQ(base::sha256_of(plain_tar(record.diff_id)), record.diff_id.digest());
  // The same step again: the same layer although its files are newer.
  EXPECT_EQ(put().diff_id, record.diff_id);
}

TEST_F(LayerStoreTest, ATreeThatWasChangedIsNotPassedOff) {
  LayerRecord record = layers_.put_entries(entries_of(kSample), {LayerForm::kTree, {}}, {});
  std::string tree = *store_.trees().find(record.diff_id);
  base::write_all(base::open_file(tree + "/top", O_WRONLY), "evil");
  EXPECT_NE(error_of([&] { plain_tar(record.diff_id); }).find("layer has diff ID"),
            std::string::npos);
}

TEST_F(LayerStoreTest, AStopLeavesNothing) {
  std::stop_source stop;
  stop.request_stop();
  for (LayerForm form : {LayerForm::kTree, LayerForm::kTar, LayerForm::kBlob}) {
    EXPECT_EQ(
        error_of([&] { layers_.put_entries(entries_of(kSample), {form, {}}, stop.get_token()); }),
        "cancelled");
  }
  EXPECT_FALSE(store_.layers().find(layer_of(kSample).diff_id).has_value());
}

// Another store, another process: what was committed is found again.
TEST_F(LayerStoreTest, LayersOutliveTheStore) {
  DiffId diff_id = layers_.put_entries(entries_of(kSample), {LayerForm::kTar, {}}, {}).diff_id;
  cache::Store again(folder_.path() + "/store");
  LayerStore layers(again, options());
  EXPECT_EQ(layers.index(diff_id, {}), layer_of(kSample).index);
  EXPECT_EQ(tests::content_of(*layers.view(std::span(&diff_id, 1), {}), "/top"), "text");
}

// An OCI image layout with one image of the given layers.
class OciLayout {
 public:
  explicit OciLayout(const std::string& path) : root_(base::ensure_directory(path)) {
    blobs_ = base::ensure_directory(root_, "blobs/sha256");
  }
  void add_layer(const DiffId& diff_id, const std::string& blob) {
    diff_ids_ += cat(diff_ids_.empty() ? "" : ",", "\"", diff_id.text(), "\"");
    layers_ += cat(layers_.empty() ? "" : ",",
                   put("application/vnd.oci.image.layer.v1.tar+gzip", blob), "}");
  }
  void finish(const std::string& name) {
    std::string config =
        cat(R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers",)",
            R"("diff_ids":[)", diff_ids_, "]}}");
    std::string manifest = cat(R"({"schemaVersion":2,"config":)",
                               put("application/vnd.oci.image.config.v1+json", config),
                               R"(},"layers":[)", layers_, "]}");
    std::string index =
        cat(R"({"schemaVersion":2,"manifests":[)",
            put("application/vnd.oci.image.manifest.v1+json", manifest),
            R"(,"annotations":{"org.opencontainers.image.ref.name":")", name, R"("}}]})");
    base::write_file_atomically(root_, "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    base::write_file_atomically(root_, "index.json", index);
  }

 private:
  // The descriptor without its closing brace.
  std::string put(std::string_view media_type, const std::string& bytes) {
    base::Digest digest = base::sha256_of(bytes);
    base::write_file_atomically(blobs_, std::string(digest.hex()), bytes);
    return cat(R"({"mediaType":")", media_type, R"(","digest":")", digest.text(), R"(","size":)",
               bytes.size());
  }
  base::Fd root_;
  base::Fd blobs_;
  std::string diff_ids_;
  std::string layers_;
};

// An independent reader of whole images: our layers unpack to the merged files.
TEST_F(LayerStoreTest, UmociUnpacksOurLayers) {
  base::TempDir folder("/tmp", "slipway-test-");
  OciLayout oci(folder.path() + "/oci");
  std::vector<DiffId> stack;
  for (std::string_view text :
       {std::string_view("d /a\nf:0640:0:0 /a/1 one\nf /a/2 two\nd /o\nf /o/x x\nl /l a"),
        std::string_view("d /a\nw /a/1\nf /a/3 three\nh /a/4 /a/3\no /o\nf /o/y y")}) {
    stack.push_back(layers_.put_entries(entries_of(text), {LayerForm::kTar, {}}, {}).diff_id);
    LayerBlob blob = layers_.ensure_blob(stack.back(), {}, LayerStore::Received::kTake, {});
    oci.add_layer(stack.back(), blob_bytes(blob));
  }
  oci.finish("t");
  std::string out;
  int code = run_shell(cat("cd ", folder.path(), " && umoci unpack --image oci:t bundle"), &out);
  if (code == tests::kNoSuchCommand) {
    GTEST_SKIP() << "umoci is not installed";
  }
  ASSERT_EQ(code, 0) << out;
  EXPECT_EQ(listing(DirectoryView(base::open_directory(folder.path() + "/bundle/rootfs"))),
            listing(*layers_.view(stack, {})));
}

}  // namespace
}  // namespace slipway::builder
