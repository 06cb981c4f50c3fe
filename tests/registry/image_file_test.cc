#include "registry/image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "registry/oci_layout.h"
#include "tests/fakes/memory_layer_sink.h"
#include "tests/registry/image_bundles.h"

namespace slipway::registry {
namespace {

using testing::HasSubstr;
using tests::MemoryLayerSink;

class Load : public testing::Test {
 protected:
  std::vector<LoadedImage> load_bundle(const ExportBundle& bundle) {
    std::string folder = base::cat(folder_.path(), "/", base::random_hex(4));
    write_layout(bundle, folder, {});
    auto file = open_layout(folder, {});
    return load(*file, store_, layers_,
                [this](const TransferEvent& event) { events_.push_back(event); }, {});
  }
  std::string id_of_name(const std::string& name) {
    auto row = store_.images().find_name(name);
    return row ? std::get<cache::ImageId>(row->target).text() : "none";
  }

  base::TempDir folder_{testing::TempDir(), "load-"};
  cache::Store store_{folder_.path() + "/store"};
  MemoryLayerSink layers_;
  std::vector<TransferEvent> events_;
};

TEST_F(Load, StoresLayersDocumentsAndNames) {
  ExportImage image = image_of({"one", "two"}, {"app:v1", "r.example/x"});
  std::vector<LoadedImage> loaded = load_bundle({.images = {image}});
  ASSERT_EQ(loaded.size(), 1U);
  EXPECT_EQ(loaded[0].image.id.digest(), base::sha256_of(image.config));
  EXPECT_EQ(loaded[0].names.size(), 2U);
  EXPECT_EQ(loaded[0].image.received->digest, base::sha256_of(image.manifest.bytes));
  EXPECT_EQ(id_of_name("docker.io/library/app:v1"), loaded[0].image.id.text());
  EXPECT_EQ(id_of_name("r.example/x:latest"), loaded[0].image.id.text());
  EXPECT_EQ(store_.blobs().read(base::sha256_of(image.config), 1 << 20), image.config);
  EXPECT_EQ(layers_.count(), 2U);
}

TEST_F(Load, LayersThatAreHereAreNotRead) {
  load_bundle({.images = {image_of({"one", "two"}, {"app"})}});
  events_.clear();
  load_bundle({.images = {image_of({"one", "two"}, {"app"})}});
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(events_[0].kind, TransferEvent::Kind::kExists);
}

TEST_F(Load, NameOfSeveralPlatformsIsTheIndexs) {
  ExportBundle bundle = bundle_of_platforms({"linux/s390x", host_platform().text()}, {"app"});
  std::vector<LoadedImage> loaded = load_bundle(bundle);
  ASSERT_EQ(loaded.size(), 2U);
  base::Digest digest = digest_of(bundle.index->index);
  EXPECT_EQ(store_.images().find_name("docker.io/library/app:latest")->target,
            cache::NameTarget(digest));
  EXPECT_EQ(store_.images().find_index(digest)->images,
            (std::vector<cache::ImageId>{loaded[0].image.id, loaded[1].image.id}));
  EXPECT_TRUE(loaded[0].names.empty());
}

// Nothing of it would be found by who asks for the name here.
TEST_F(Load, NameOfPlatformsThatDoNotRunHereIsAnImages) {
  std::vector<LoadedImage> loaded = load_bundle(bundle_of_platforms({"linux/s390x"}, {"app"}));
  ASSERT_EQ(loaded.size(), 1U);
  EXPECT_EQ(id_of_name("docker.io/library/app:latest"), loaded[0].image.id.text());
}

// index.json of other tools: the name is whatever they like.
TEST_F(Load, BareTagsAreNoNamesAndNonsenseIsTold) {
  std::string folder = folder_.path() + "/foreign";
  write_layout({.images = {image_of({"one"}, {}), image_of({"two"}, {})}}, folder, {});
  Index index =
      parse_index(base::find_file_content(folder + "/index.json", 1 << 20).value(), "", "i");
  index.manifests[0].annotations = {{"org.opencontainers.image.ref.name", "latest"}};
  index.manifests[1].annotations = {{"org.opencontainers.image.ref.name", "NOT:A:NAME"}};
  base::write_file_atomically(base::open_directory(folder), "index.json", serialise(index));
  auto file = open_layout(folder, {});
  load(*file, store_, layers_, [this](const TransferEvent& event) { events_.push_back(event); },
       {});
  EXPECT_TRUE(store_.images().names().empty());
  EXPECT_EQ(store_.images().list().size(), 2U);
  EXPECT_EQ(events_.back().kind, TransferEvent::Kind::kWarning);
  EXPECT_THAT(events_.back().text, HasSubstr("\"NOT:A:NAME\": invalid reference format"));
}

}  // namespace
}  // namespace slipway::registry
