#include "registry/push.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/test_client.h"

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::HasSubstr;
using tests::FakeRegistry;
using tests::FakeRequest;
using tests::FakeResponse;

PushBlob blob_of(std::string bytes, std::string_view media_type = media_types::kOciLayer) {
  return {.descriptor = {.media_type = std::string(media_type),
                         .digest = base::sha256_of(bytes),
                         .size = static_cast<std::int64_t>(bytes.size())},
          .open = [bytes] { return std::make_unique<base::StringSource>(bytes); },
          .known_sources = {}};
}

// An image of these layers with the config "config".
Push image_of(const std::vector<std::string>& layers) {
  Push push;
  push.blobs.push_back(blob_of("config", media_types::kOciConfig));
  Manifest manifest{.media_type = std::string(media_types::kOciManifest),
                    .config = push.blobs[0].descriptor};
  for (const std::string& layer : layers) {
    push.blobs.push_back(blob_of(layer));
    manifest.layers.push_back(push.blobs.back().descriptor);
  }
  push.documents.push_back({.bytes = serialise(manifest), .media_type = manifest.media_type});
  return push;
}

class PushTest : public testing::Test {
 protected:
  Pushed push_app(const Push& what, PushOptions options = {}) {
    options.observer = [this](const TransferEvent& event) { events_.lock()->push_back(event); };
    return push(*client_, what, registry_.reference("app:v1"), options, {});
  }
  std::size_t count(TransferEvent::Kind kind) {
    auto events = events_.lock();
    return static_cast<std::size_t>(
        std::count_if(events->begin(), events->end(),
                      [&](const TransferEvent& event) { return event.kind == kind; }));
  }

  FakeRegistry registry_;
  TestClient client_{user()};
  base::Guarded<std::vector<TransferEvent>> events_;
};

TEST_F(PushTest, ManifestComesAfterEveryBlob) {
  Push image = image_of({"one", "two", "three"});
  Pushed pushed = push_app(image);
  EXPECT_EQ(registry_.find_manifest("app", "v1"), image.documents[0].bytes);
  EXPECT_EQ(pushed.root.digest, base::sha256_of(image.documents[0].bytes));
  EXPECT_EQ(pushed.sources.size(), 4U);
  EXPECT_EQ(pushed.sources[0].host, registry_.host());
  EXPECT_EQ(pushed.sources[0].repository, "app");
  EXPECT_EQ(registry_.server().requests().back().line(), "PUT /v2/app/manifests/v1");
  EXPECT_EQ(registry_.server().requests().back().header("Content-Type"), media_types::kOciManifest);
  EXPECT_EQ(count(TransferEvent::Kind::kDone), 4U);
}

TEST_F(PushTest, SameBlobTwiceIsSentOnce) {
  push_app(image_of({"same", "same"}));
  EXPECT_EQ(registry_.lines({"POST"}).size(), 2U);
}

TEST_F(PushTest, SecondPushSendsNothing) {
  push_app(image_of({"one", "two"}));
  push_app(image_of({"one", "two"}));
  EXPECT_EQ(registry_.lines({"POST"}).size(), 3U);
  EXPECT_EQ(count(TransferEvent::Kind::kExists), 3U);
}

TEST_F(PushTest, InterruptedPushLeavesNoNameAndGoesOn) {
  Push image = image_of({"one", "two"});
  registry_.add_fault({.part = "PUT", .skip = 2, .answer = [](const FakeRequest&) {
                         return tests::registry_error(403, "DENIED", "quota");
                       }});
  error_of(ErrorKind::kDenied, [&] { push_app(image, {.parallel = 1}); });
  EXPECT_FALSE(registry_.find_manifest("app", "v1").has_value());
  push_app(image, {.parallel = 1});
  EXPECT_EQ(registry_.lines({"PUT"}).size(), 5U);
}

TEST_F(PushTest, MountIsTold) {
  registry_.put_blob("base", "one");
  Push image = image_of({"one"});
  image.blobs[1].known_sources = {repository_of(registry_.reference("base"))};
  push_app(image);
  EXPECT_EQ(count(TransferEvent::Kind::kMounted), 1U);
}

TEST_F(PushTest, ChildrenComeBeforeTheirIndex) {
  Push image = image_of({"one"});
  Index index{.media_type = std::string(media_types::kOciIndex)};
  index.manifests.push_back({.media_type = image.documents[0].media_type,
                             .digest = base::sha256_of(image.documents[0].bytes),
                             .size = static_cast<std::int64_t>(image.documents[0].bytes.size())});
  image.documents.push_back({.bytes = serialise(index), .media_type = index.media_type});
  Pushed pushed = push_app(image);
  EXPECT_EQ(pushed.root.digest, base::sha256_of(serialise(index)));
  std::vector<std::string> lines = registry_.lines({"PUT"});
  EXPECT_EQ(lines[lines.size() - 2], "PUT /v2/app/manifests/" + index.manifests[0].digest.text());
  EXPECT_EQ(lines.back(), "PUT /v2/app/manifests/v1");
}

TEST_F(PushTest, ForeignLayersStayWhereTheyAre) {
  Push image = image_of({"one"});
  image.blobs[1].descriptor.media_type =
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  image.blobs[1].descriptor.urls = {"https://example.com/layer"};
  push_app(image);
  EXPECT_FALSE(registry_.find_blob("app", image.blobs[1].descriptor.digest.text()).has_value());
}

TEST_F(PushTest, RefusedManifestIsToldInTheRegistrysWords) {
  registry_.add_fault("manifests",
                      tests::registry_error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown"));
  EXPECT_THAT(error_of(ErrorKind::kNetwork, [&] { push_app(image_of({})); }),
              HasSubstr("answered 400: MANIFEST_BLOB_UNKNOWN: blob unknown"));
}

TEST_F(PushTest, OtherDigestOfTheManifestIsRefused) {
  registry_.add_fault(
      "manifests",
      FakeResponse{.status = 201,
                   .headers = {{"Docker-Content-Digest", base::sha256_of("other").text()}}});
  error_of(ErrorKind::kIntegrity, [&] { push_app(image_of({})); });
}

TEST_F(PushTest, TokensThatExpireInTheMiddleDontMatter) {
  FakeRegistry registry({.auth = FakeRegistry::Options::Auth::kBearer});
  for (int skip : {1, 3, 5}) {
    registry.add_fault({.part = "/blobs/", .skip = skip, .answer = [&](const FakeRequest&) {
                          registry.expire_tokens();
                          return std::nullopt;
                        }});
  }
  Push image = image_of({"one", "two", "three", "four", "five", "six"});
  // One after the other: a request that meets two expiries is refused, as it should be.
  push(*client_, image, registry.reference("app:v1"), {.parallel = 1}, {});
  EXPECT_EQ(registry.find_manifest("app", "v1"), image.documents[0].bytes);
}

TEST_F(PushTest, DigestReferenceIsCheckedBeforeItIsSent) {
  Reference wrong = registry_.reference("app").with_digest(base::sha256_of("other"));
  error_of(ErrorKind::kIntegrity, [&] { push(*client_, image_of({}), wrong, {}, {}); });
  EXPECT_TRUE(registry_.lines({"PUT"}).size() <= 1U);
}

}  // namespace
}  // namespace slipway::registry
