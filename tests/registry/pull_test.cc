#include "registry/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "tests/fakes/memory_layer_sink.h"
#include "tests/registry/test_client.h"

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using tests::FakeRegistry;
using tests::FakeRequest;
using tests::FakeResponse;
using tests::MemoryLayerSink;

class Pull : public testing::Test {
 protected:
  Pulled pull_app(PullOptions options = {}) {
    options.observer = [this](const TransferEvent& event) { events_.lock()->push_back(event); };
    return pull(*client_, registry_.reference("app:v1"), host_platform(), store_, &layers_, options,
                stopper_.get_token());
  }
  std::size_t count(TransferEvent::Kind kind) {
    auto events = events_.lock();
    return static_cast<std::size_t>(
        std::count_if(events->begin(), events->end(),
                      [&](const TransferEvent& event) { return event.kind == kind; }));
  }
  cache::DiffId diff_id(std::string_view layer) { return cache::DiffId(base::sha256_of(layer)); }
  std::string name() const { return registry_.host() + "/app:v1"; }

  FakeRegistry registry_;
  base::TempDir folder_{testing::TempDir(), "pull-"};
  cache::Store store_{folder_.path() + "/store"};
  MemoryLayerSink layers_;
  base::Guarded<std::vector<TransferEvent>> events_;
  std::stop_source stopper_;
  TestClient client_;
};

TEST_F(Pull, BringsDocumentsLayersAndName) {
  Manifest manifest = registry_.put_image("app", "v1", {"one", "two", "three", "four", "five"});
  Pulled pulled = pull_app();
  EXPECT_EQ(layers_.bytes(diff_id("four")), "four");
  EXPECT_EQ(store_.blobs().read(base::sha256_of(serialise(manifest)), 1 << 20),
            serialise(manifest));
  EXPECT_EQ(store_.blobs().read(manifest.config.digest, 1 << 20), pulled.config_bytes);
  auto named = store_.images().find_name(name());
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(std::get<cache::ImageId>(named->target), pulled.image.id);
  auto row = store_.images().find(pulled.image.id);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->layers.size(), 5U);
  EXPECT_EQ(row->received->digest, base::sha256_of(serialise(manifest)));
  EXPECT_EQ(store_.images().find_by_repository_digest(registry_.host() + "/app",
                                                      base::sha256_of(serialise(manifest))),
            pulled.image.id);
  EXPECT_EQ(count(TransferEvent::Kind::kDone), 5U);
}

TEST_F(Pull, AsksForNothingThatIsHere) {
  registry_.put_image("app", "v1", {"one", "two"});
  pull_app();
  std::size_t before = registry_.server().requests().size();
  pull_app();
  // The manifest; neither config nor layers.
  EXPECT_EQ(registry_.server().requests().size(), before + 1);
  EXPECT_EQ(count(TransferEvent::Kind::kExists), 2U);
}

TEST_F(Pull, LayerThatOccursTwiceIsFetchedOnce) {
  Manifest manifest = registry_.put_image("app", "v1", {"same", "same"});
  pull_app();
  std::vector<std::string> lines = registry_.lines({"GET"});
  EXPECT_EQ(std::count(lines.begin(), lines.end(),
                       "GET /v2/app/blobs/" + manifest.layers[0].digest.text()),
            1);
}

TEST_F(Pull, LeftLayersCanBeFetchedLater) {
  registry_.put_image("app", "v1", {"one", "two"});
  pull_app({.layers = PullLayers::kLeave});
  EXPECT_EQ(layers_.count(), 0U);
  EXPECT_TRUE(store_.images().find_name(name()).has_value());
  fetch_layer(*client_, diff_id("two"), store_, layers_, {}, {});
  EXPECT_EQ(layers_.bytes(diff_id("two")), "two");
  EXPECT_EQ(layers_.count(), 1U);
}

TEST_F(Pull, LeftLayerIsSoughtWhereverItMayBe) {
  registry_.put_image("app", "v1", {"one"});
  pull_app({.layers = PullLayers::kLeave});
  cache::Batch batch;
  batch.blob_sources.push_back(
      {.digest = base::sha256_of("one"), .host = registry_.host(), .repository = "was/removed"});
  store_.commit(batch);
  fetch_layer(*client_, diff_id("one"), store_, layers_, {}, {});
  EXPECT_EQ(layers_.bytes(diff_id("one")), "one");
}

TEST_F(Pull, LayerThatNobodyIsKnownToHaveIsNotFound) {
  EXPECT_THAT(error_of(ErrorKind::kNotFound,
                       [&] { fetch_layer(*client_, diff_id("x"), store_, layers_, {}, {}); }),
              HasSubstr("no registry is known to have it"));
}

TEST_F(Pull, DamagedLayerLeavesNoName) {
  Manifest manifest = registry_.put_image("app", "v1", {"good", "evil"});
  registry_.add_fault(manifest.layers[1].digest.text(), FakeResponse{.body = "bad!"});
  std::string text = error_of(ErrorKind::kIntegrity, [&] { pull_app(); });
  EXPECT_THAT(text, HasSubstr("expected digest " + manifest.layers[1].digest.text()));
  EXPECT_THAT(text, HasSubstr("fetching layer " + manifest.layers[1].digest.text()));
  EXPECT_FALSE(store_.images().find_name(name()).has_value());
  EXPECT_TRUE(store_.images().list().empty());
  // Started again it goes on.
  pull_app();
  EXPECT_TRUE(store_.images().find_name(name()).has_value());
}

TEST_F(Pull, LayersThatDontMatchTheConfigAreRefused) {
  Manifest manifest = registry_.put_image("app", "v1", {"one", "two"});
  manifest.layers.pop_back();
  registry_.put_manifest("app", "v1", serialise(manifest), manifest.media_type);
  EXPECT_THAT(error_of(ErrorKind::kInput, [&] { pull_app(); }),
              HasSubstr("the manifest has 1 layers, but the config 2"));
}

TEST_F(Pull, OtherBytesThanTheConfigSaysAreRefused) {
  Manifest manifest = registry_.put_image("app", "v1", {"one"});
  manifest.layers[0].digest = registry_.put_blob("app", "uno");
  registry_.put_manifest("app", "v1", serialise(manifest), manifest.media_type);
  error_of(ErrorKind::kIntegrity, [&] { pull_app(); });
  EXPECT_TRUE(store_.images().list().empty());
}

TEST_F(Pull, LayerOfAStrangeTypeIsRefused) {
  Manifest manifest = registry_.put_image("app", "v1", {"one"});
  manifest.layers[0].media_type = "application/x-evil";
  registry_.put_manifest("app", "v1", serialise(manifest), manifest.media_type);
  EXPECT_THAT(error_of(ErrorKind::kInput, [&] { pull_app(); }),
              HasSubstr("is of type \"application/x-evil\""));
}

TEST_F(Pull, DigestNamesNothingButIsRemembered) {
  Manifest manifest = registry_.put_image("app", "v1", {"one"});
  Reference by_digest =
      registry_.reference("app:v1").with_digest(base::sha256_of(serialise(manifest)));
  Pulled pulled = pull(*client_, by_digest, host_platform(), store_, &layers_, {}, {});
  EXPECT_TRUE(store_.images().names().empty());
  EXPECT_EQ(store_.images().find_by_repository_digest(by_digest.name(), *by_digest.digest()),
            pulled.image.id);
}

TEST_F(Pull, StopLeavesNoName) {
  registry_.put_image("app", "v1", {"one", "two"});
  registry_.add_fault({.part = base::sha256_of("two").text(), .answer = [&](const FakeRequest&) {
                         stopper_.request_stop();
                         return FakeResponse{.hang = true};
                       }});
  error_of(ErrorKind::kCancelled, [&] { pull_app(); });
  EXPECT_TRUE(store_.images().list().empty());
}

TEST_F(Pull, ProgressAddsUp) {
  std::string layer(3'000'000, 'x');
  registry_.put_image("app", "v1", {layer});
  pull_app();
  std::uint64_t last = 0;
  auto events = events_.lock();
  for (const TransferEvent& event : *events) {
    if (event.kind == TransferEvent::Kind::kBytes) {
      EXPECT_GT(event.current, last);
      EXPECT_EQ(event.total, layer.size());
      last = event.current;
    }
  }
  EXPECT_EQ(last, layer.size());
}

}  // namespace
}  // namespace slipway::registry
