#include "registry/referrers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/test_client.h"

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::FakeRegistry;

class Referrers : public testing::Test {
 protected:
  // A document of the type that refers to `subject`, pushed under its digest.
  base::Digest push_referrer(FakeRegistry& registry, const Descriptor& subject,
                             const std::string& type) {
    base::Digest config = registry.put_blob("app", "{}");
    Manifest manifest{
        .media_type = std::string(media_types::kOciManifest),
        .artifact_type = type,
        .config = {.media_type = std::string(media_types::kOciEmpty), .digest = config, .size = 2},
        .subject = subject};
    std::string bytes = serialise(manifest);
    Reference name = registry.reference("app@" + base::sha256_of(bytes).text());
    return client_->put_manifest(name, bytes, manifest.media_type, {});
  }
  Descriptor image(FakeRegistry& registry) {
    registry.put_image("app", "v1", {"layer"});
    return *client_->find_manifest(registry.reference("app:v1"), {});
  }
  std::vector<base::Digest> found(const FakeRegistry& registry, const base::Digest& subject,
                                  std::string_view type) {
    std::vector<base::Digest> digests;
    Repository repository = repository_of(registry.reference("app"));
    for (const Descriptor& entry : client_->referrers(repository, subject, type, {})) {
      digests.push_back(entry.digest);
    }
    return digests;
  }

  TestClient client_;
};

TEST_F(Referrers, AreListedByTheRegistry) {
  FakeRegistry registry({.has_referrers = true});
  Descriptor subject = image(registry);
  EXPECT_THAT(found(registry, subject.digest, ""), ElementsAre());
  base::Digest signature = push_referrer(registry, subject, "application/signature");
  base::Digest list = push_referrer(registry, subject, "application/list");
  EXPECT_EQ(found(registry, subject.digest, "").size(), 2U);
  EXPECT_THAT(found(registry, subject.digest, "application/list"), ElementsAre(list));
  EXPECT_THAT(found(registry, signature, ""), ElementsAre());
  EXPECT_FALSE(registry.find_manifest("app", "sha256-" + std::string(subject.digest.hex())));
}

TEST_F(Referrers, AreNotedUnderATagWhereTheRegistryHasNoSuchCall) {
  FakeRegistry registry;
  Descriptor subject = image(registry);
  base::Digest signature = push_referrer(registry, subject, "application/signature");
  push_referrer(registry, subject, "application/signature");  // again: noted once
  base::Digest list = push_referrer(registry, subject, "application/list");
  EXPECT_TRUE(registry.find_manifest("app", "sha256-" + std::string(subject.digest.hex())));
  EXPECT_THAT(found(registry, subject.digest, ""), ElementsAre(signature, list));
  EXPECT_THAT(found(registry, subject.digest, "application/signature"), ElementsAre(signature));
}

// distribution-spec, "Referrers Tag Schema": a tag can't hold all digits of a SHA-512.
TEST_F(Referrers, OfALongDigestAreNotedUnderItsBeginning) {
  FakeRegistry registry;
  std::string hex = std::string(64, 'a') + std::string(64, 'b');
  Descriptor subject{.media_type = std::string(media_types::kOciManifest),
                     .digest = *base::Digest::parse("sha512:" + hex),
                     .size = 5};
  base::Digest signature = push_referrer(registry, subject, "application/signature");
  EXPECT_TRUE(registry.find_manifest("app", "sha512-" + hex.substr(0, 64)));
  EXPECT_THAT(found(registry, subject.digest, ""), ElementsAre(signature));
}

TEST_F(Referrers, AnImageWithoutASubjectCostsNothing) {
  FakeRegistry registry;
  image(registry);
  std::size_t before = registry.server().requests().size();
  client_->put_manifest(registry.reference("app:v2"), registry.find_manifest("app", "v1").value(),
                        media_types::kOciManifest, {});
  EXPECT_EQ(registry.server().requests().size(), before + 1);
}

class Deleting : public Referrers {};

TEST_F(Deleting, TakesAReferrerOutOfTheIndexUnderTheTag) {
  FakeRegistry registry;
  Descriptor subject = image(registry);
  base::Digest signature = push_referrer(registry, subject, "application/signature");
  base::Digest list = push_referrer(registry, subject, "application/list");
  client_->delete_manifest(registry.reference("app@" + signature.text()), {});
  EXPECT_THAT(found(registry, subject.digest, ""), ElementsAre(list));
  client_->delete_manifest(registry.reference("app@" + list.text()), {});
  EXPECT_THAT(found(registry, subject.digest, ""), ElementsAre());
}

TEST_F(Deleting, RemovesManifestsTagsAndBlobs) {
  FakeRegistry registry({.auth = FakeRegistry::Options::Auth::kNone});
  Descriptor manifest = image(registry);
  base::Digest blob = registry.put_blob("app", "blob");
  client_->delete_manifest(registry.reference("app:v1"), {});
  EXPECT_FALSE(registry.find_manifest("app", "v1"));
  EXPECT_TRUE(registry.find_manifest("app", manifest.digest.text()));
  client_->delete_manifest(registry.reference("app@" + manifest.digest.text()), {});
  EXPECT_FALSE(registry.find_manifest("app", manifest.digest.text()));
  client_->delete_blob(repository_of(registry.reference("app")), blob, {});
  EXPECT_FALSE(registry.find_blob("app", blob.text()));
}

TEST_F(Deleting, SaysWhatIsNotThereAndWhatIsNotAllowed) {
  FakeRegistry registry;
  EXPECT_THAT(error_of(ErrorKind::kNotFound,
                       [&] { client_->delete_manifest(registry.reference("app:gone"), {}); }),
              HasSubstr("answered 404"));
  registry.add_fault("DELETE", tests::registry_error(405, "UNSUPPORTED", "no"));
  EXPECT_THAT(error_of(ErrorKind::kDenied,
                       [&] { client_->delete_manifest(registry.reference("app:v1"), {}); }),
              HasSubstr("does not delete anything"));
}

// The administrator's rules, applied by the client.
TEST(Rules, NamesMoveToTheirLocationAndMirrorsComeFirst) {
  FakeRegistry home;
  FakeRegistry mirror;
  home.put_image("moved/app", "v1", {"layer"});
  mirror.put_image("copy/app", "v2", {"other"});
  RegistrySettings settings{.rules = {{.prefix = "r.example/team",
                                       .location = home.host() + "/moved",
                                       .mirrors = {{.location = mirror.host() + "/copy"}}}}};
  TestClient client({}, {.settings = settings});
  auto reference = [](std::string_view text) { return Reference::parse(text).value(); };
  EXPECT_TRUE(client->find_manifest(reference("r.example/team/app:v1"), {}).has_value());
  EXPECT_TRUE(client->find_manifest(reference("r.example/team/app:v2"), {}).has_value());
  EXPECT_EQ(mirror.server().requests().size(), 2U);
  client->put_manifest(reference("r.example/team/app:v3"),
                       home.find_manifest("moved/app", "v1").value(), media_types::kOciManifest,
                       {});
  EXPECT_TRUE(home.find_manifest("moved/app", "v3").has_value());
  EXPECT_FALSE(mirror.find_manifest("copy/app", "v3").has_value());
}

TEST(Rules, ABlockedRegistryIsNotAsked) {
  FakeRegistry registry;
  TestClient client(
      {},
      {.settings = {
           .rules = {{.prefix = registry.host(), .location = registry.host(), .blocked = true}}}});
  EXPECT_THAT(
      error_of(ErrorKind::kDenied, [&] { client->get_manifest(registry.reference("app"), {}); }),
      HasSubstr("is blocked"));
  EXPECT_TRUE(registry.server().requests().empty());
}

}  // namespace
}  // namespace slipway::registry
