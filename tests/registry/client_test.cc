#include "registry/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/test_client.h"

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::FakeRegistry;
using tests::FakeRequest;
using tests::FakeResponse;

Platform platform(std::string_view text) {
  return parse_platform(text).value();
}

TEST(Client, GetsTheExactBytes) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "v1", {"layer"});
  TestClient client;
  Document document = client->get_manifest(registry.reference("app:v1"), {});
  EXPECT_EQ(document.bytes, serialise(manifest));
  EXPECT_EQ(document.descriptor.media_type, media_types::kOciManifest);
  EXPECT_EQ(document.descriptor.digest, base::sha256_of(document.bytes));
  Reference by_digest = registry.reference("app").with_digest(document.descriptor.digest);
  EXPECT_EQ(client->get_manifest(by_digest, {}).bytes, document.bytes);
}

TEST(Client, PlainHttpIsFoundOutOnce) {
  FakeRegistry registry;
  registry.put_image("app", "latest", {});
  TestClient client;
  client->get_manifest(registry.reference("app"), {});
  client->get_manifest(registry.reference("app"), {});
  // The attempt at TLS leaves no request; the two manifests share a connection.
  EXPECT_THAT(registry.server().lines(),
              ElementsAre("GET /v2/app/manifests/latest", "GET /v2/app/manifests/latest"));
  EXPECT_EQ(registry.server().connections(), 2U);
}

TEST(Client, AsksForAllKindsOfManifestsInOneLine) {
  FakeRegistry registry;
  registry.put_image("app", "latest", {});
  TestClient client;
  client->get_manifest(registry.reference("app"), {});
  EXPECT_EQ(registry.server().requests()[0].header("Accept"), media_types::kAcceptManifests);
}

TEST(Client, UnknownNameIsToldInTheRegistrysWords) {
  FakeRegistry registry;
  TestClient client;
  std::string text = error_of(ErrorKind::kNotFound,
                              [&] { client->get_manifest(registry.reference("app:nope"), {}); });
  EXPECT_THAT(text, HasSubstr(registry.host() + "/app:nope: " + registry.host() +
                              " answered 404: MANIFEST_UNKNOWN: manifest unknown"));
}

TEST(Client, ManifestUnderAWrongDigestIsRefused) {
  FakeRegistry registry;
  registry.put_image("app", "v1", {"a"});
  base::Digest wanted = base::sha256_of("something else");
  registry.put_manifest("app", wanted.text(), "{}", media_types::kOciManifest);
  TestClient client;
  std::string text = error_of(ErrorKind::kIntegrity, [&] {
    client->get_manifest(registry.reference("app").with_digest(wanted), {});
  });
  EXPECT_THAT(text, HasSubstr("expected digest " + wanted.text()));
}

TEST(Client, RegistryThatLiesAboutTheDigestIsRefused) {
  FakeRegistry registry;
  registry.put_image("app", "v1", {"a"});
  registry.add_fault(
      "GET /v2/app/manifests/v1",
      FakeResponse{.headers = {{"Docker-Content-Digest", base::sha256_of("other").text()}},
                   .body = registry.find_manifest("app", "v1").value()});
  TestClient client;
  error_of(ErrorKind::kIntegrity, [&] { client->get_manifest(registry.reference("app:v1"), {}); });
}

TEST(Client, CaptivePortalIsNoManifest) {
  FakeRegistry registry;
  registry.add_fault("manifests", FakeResponse{.headers = {{"Content-Type", "text/html"}},
                                               .body = "<html>log in</html>"});
  TestClient client;
  std::string text =
      error_of(ErrorKind::kInput, [&] { client->get_manifest(registry.reference("app"), {}); });
  EXPECT_THAT(text, HasSubstr("is not valid JSON"));
}

TEST(Client, ManifestOfFourMebibytesPasses) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "v1", {});
  manifest.annotations["large"] = std::string(4 * 1024 * 1024, 'a');
  registry.put_manifest("app", "v1", serialise(manifest), manifest.media_type);
  registry.put_manifest("app", "v2", std::string(kManifestBytesMax + 1, ' '), manifest.media_type);
  TestClient client;
  EXPECT_EQ(client->get_manifest(registry.reference("app:v1"), {}).bytes, serialise(manifest));
  EXPECT_THAT(
      error_of(ErrorKind::kInput, [&] { client->get_manifest(registry.reference("app:v2"), {}); }),
      HasSubstr("is larger than"));
}

TEST(Client, HeadTellsWhatATagIs) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "v1", {"a"});
  TestClient client;
  auto found = client->find_manifest(registry.reference("app:v1"), {});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->digest, base::sha256_of(serialise(manifest)));
  EXPECT_EQ(found->media_type, media_types::kOciManifest);
  EXPECT_FALSE(client->find_manifest(registry.reference("app:v2"), {}).has_value());
  EXPECT_TRUE(registry.lines({"GET"}).empty());
}

TEST(Client, HeadWithoutADigestAsksForTheBytes) {
  FakeRegistry registry({.has_digest_headers = false});
  Manifest manifest = registry.put_image("app", "v1", {"a"});
  TestClient client;
  EXPECT_EQ(client->find_manifest(registry.reference("app:v1"), {})->digest,
            base::sha256_of(serialise(manifest)));
}

// "app:all" is an index of these platforms; every image's only layer is the platform's name.
void put_index(FakeRegistry& registry, const std::vector<std::string>& platforms) {
  Index index{.media_type = std::string(media_types::kOciIndex)};
  for (const std::string& text : platforms) {
    Manifest manifest = registry.put_image("app", "part", {text}, platform(text));
    std::string bytes = serialise(manifest);
    index.manifests.push_back({.media_type = manifest.media_type,
                               .digest = base::sha256_of(bytes),
                               .size = static_cast<std::int64_t>(bytes.size()),
                               .platform = platform(text)});
  }
  registry.put_manifest("app", "all", serialise(index), index.media_type);
}

TEST(Resolve, FollowsAnIndexToThePlatform) {
  FakeRegistry registry;
  put_index(registry, {"linux/amd64", "linux/arm64"});
  TestClient client;
  Resolved image = client->resolve(registry.reference("app:all"), platform("linux/arm64"), {});
  EXPECT_EQ(image.platform->text(), "linux/arm64");
  EXPECT_EQ(image.root.descriptor.media_type, media_types::kOciIndex);
  EXPECT_EQ(image.manifest.layers[0].digest, base::sha256_of("linux/arm64"));
  ImageConfig config = parse_image_config(client->fetch_config(image, {}), "config");
  EXPECT_EQ(config.platform.architecture, "arm64");
}

TEST(Resolve, MissingPlatformNamesThoseThatAreThere) {
  FakeRegistry registry;
  put_index(registry, {"linux/arm64", "linux/arm/v6"});
  TestClient client;
  std::string text = error_of(ErrorKind::kNotFound, [&] {
    client->resolve(registry.reference("app:all"), platform("linux/s390x"), {});
  });
  EXPECT_THAT(text, HasSubstr("has no image for linux/s390x; there are linux/arm/v6, linux/arm64"));
}

TEST(Resolve, IndexOfIndexesHasAnEnd) {
  FakeRegistry registry;
  put_index(registry, {"linux/amd64"});
  for (const char* name : {"two", "three", "four"}) {
    std::string inner = registry.find_manifest("app", "all").value();
    Index index{.media_type = std::string(media_types::kOciIndex)};
    index.manifests.push_back({.media_type = index.media_type,
                               .digest = base::sha256_of(inner),
                               .size = static_cast<std::int64_t>(inner.size()),
                               .platform = platform("linux/amd64")});
    registry.put_manifest("app", name, serialise(index), index.media_type);
    registry.put_manifest("app", "all", serialise(index), index.media_type);
  }
  TestClient client;
  EXPECT_EQ(client->resolve(registry.reference("app:three"), platform("linux/amd64"), {})
                .manifest.layers.size(),
            1U);
  EXPECT_THAT(
      error_of(
          ErrorKind::kInput,
          [&] { client->resolve(registry.reference("app:four"), platform("linux/amd64"), {}); }),
      HasSubstr("indexes within indexes"));
}

TEST(Resolve, ChildOfTheWrongSizeIsRefused) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "part", {"a"});
  Index index{.media_type = std::string(media_types::kOciIndex)};
  index.manifests.push_back({.media_type = manifest.media_type,
                             .digest = base::sha256_of(serialise(manifest)),
                             .size = 5,
                             .platform = host_platform()});
  registry.put_manifest("app", "all", serialise(index), index.media_type);
  TestClient client;
  EXPECT_THAT(
      error_of(ErrorKind::kIntegrity,
               [&] { client->resolve(registry.reference("app:all"), host_platform(), {}); }),
      HasSubstr("expected 5 bytes"));
}

TEST(Resolve, ArtifactIsNoImage) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "chart", {});
  manifest.config.media_type = "application/vnd.cncf.helm.config.v1+json";
  registry.put_manifest("app", "chart", serialise(manifest), manifest.media_type);
  TestClient client;
  EXPECT_THAT(
      error_of(ErrorKind::kInput,
               [&] { client->resolve(registry.reference("app:chart"), host_platform(), {}); }),
      HasSubstr("is no image: its config is of type \"application/vnd.cncf.helm.config.v1+json\""));
}

TEST(Resolve, ConfigOfWrongBytesIsRefused) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "v1", {});
  registry.add_fault(
      "/blobs/",
      FakeResponse{.body = std::string(static_cast<std::size_t>(manifest.config.size), 'x')});
  TestClient client;
  Resolved image = client->resolve(registry.reference("app:v1"), host_platform(), {});
  EXPECT_THAT(error_of(ErrorKind::kIntegrity, [&] { client->fetch_config(image, {}); }),
              HasSubstr(manifest.config.digest.text()));
}

TEST(Resolve, HugeConfigIsNotFetched) {
  FakeRegistry registry;
  Manifest manifest = registry.put_image("app", "v1", {});
  manifest.config.size = 1'000'000'000'000;
  registry.put_manifest("app", "v1", serialise(manifest), manifest.media_type);
  TestClient client;
  Resolved image = client->resolve(registry.reference("app:v1"), host_platform(), {});
  EXPECT_THAT(error_of(ErrorKind::kInput, [&] { client->fetch_config(image, {}); }),
              HasSubstr("more than"));
  EXPECT_EQ(registry.server().requests().size(), 1U);
}

TEST(Client, TagsOverPages) {
  FakeRegistry registry;
  registry.add_fault({.part = "last=b", .answer = [](const FakeRequest&) {
                        return FakeResponse{.body = R"({"name":"app","tags":["c"]})"};
                      }});
  registry.add_fault(
      "/tags/list",
      FakeResponse{.headers = {{"Link", "</v2/app/tags/list?n=2&last=b>; rel=\"next\""}},
                   .body = R"({"name":"app","tags":["a","b"]})"});
  TestClient client;
  EXPECT_THAT(client->tags(repository_of(registry.reference("app")), {}),
              ElementsAre("a", "b", "c"));
}

TEST(Client, TagPagesInACircleEnd) {
  FakeRegistry registry;
  registry.add_fault("/tags/list",
                     FakeResponse{.headers = {{"Link", "</v2/app/tags/list?x>; rel=\"next\""}},
                                  .body = R"({"name":"app","tags":null})"},
                     100);
  TestClient client;
  EXPECT_TRUE(client->tags(repository_of(registry.reference("app")), {}).empty());
  EXPECT_EQ(registry.server().requests().size(), 2U);
}

TEST(Client, NameWithoutARegistryIsSaidSo) {
  EXPECT_THAT(error_of(ErrorKind::kInput,
                       [] { repository_of(Reference::parse("exa_mple.com/a").value()); }),
              HasSubstr("exa_mple.com is no host name"));
}

TEST(Client, MirrorIsAskedFirstAndFallsThrough) {
  FakeRegistry mirror;
  mirror.put_image("library/alpine", "latest", {"layer"});
  TestClient client({},
                    {.settings = {.hub_mirrors = {"http://127.0.0.1:1", mirror.server().url("")}}});
  Resolved image = client->resolve(Reference::parse("alpine").value(), host_platform(), {});
  EXPECT_EQ(image.repository.text(), "docker.io/library/alpine");
  auto layer = client->open_blob(image.repository, image.manifest.layers[0], {});
  EXPECT_EQ(base::read_all(*layer, 100, "layer"), "layer");
}

TEST(Client, WarningsOfTheRegistryAreTold) {
  FakeRegistry registry;
  registry.put_image("app", "v1", {});
  registry.add_fault("manifests",
                     FakeResponse{.headers = {{"Warning", "299 - \"read only soon\""},
                                              {"Warning", "199 x \"noise\""}},
                                  .body = registry.find_manifest("app", "v1").value()});
  TestClient client;
  client->get_manifest(registry.reference("app:v1"), {});
  auto events = client.events.lock();
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().kind, TransferEvent::Kind::kWarning);
  EXPECT_EQ(events->front().text, registry.host() + ": read only soon");
}

}  // namespace
}  // namespace slipway::registry
