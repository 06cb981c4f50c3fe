#include "registry/registry_host.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/test_client.h"

// Authorisation as the client's calls see it.

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using tests::FakeRegistry;
using tests::FakeRequest;
using tests::FakeResponse;
using Auth = FakeRegistry::Options::Auth;

Client::Upload upload_of(std::string bytes) {
  return {.descriptor = {.media_type = std::string(media_types::kOciLayer),
                         .digest = base::sha256_of(bytes),
                         .size = static_cast<std::int64_t>(bytes.size())},
          .open = [bytes] { return std::make_unique<base::StringSource>(bytes); }};
}

TEST(Auth, BasicIsSentAfterTheFirstChallengeOnly) {
  FakeRegistry registry({.auth = Auth::kBasic});
  registry.put_image("app", "v1", {});
  TestClient client(user());
  client->get_manifest(registry.reference("app:v1"), {});
  client->get_manifest(registry.reference("app:v1"), {});
  std::vector<bool> had_header;
  for (const FakeRequest& request : registry.server().requests()) {
    had_header.push_back(!request.header("Authorization").empty());
  }
  EXPECT_THAT(had_header, ElementsAre(false, true, true));
}

TEST(Auth, WrongPasswordIsDeniedOnceAndNotShown) {
  FakeRegistry registry({.auth = Auth::kBasic});
  TestClient client(Credential{.username = "user", .password = Secret("wrong-password")});
  std::string text =
      error_of(ErrorKind::kDenied, [&] { client->get_manifest(registry.reference("app:v1"), {}); });
  EXPECT_THAT(text, HasSubstr("answered 401: UNAUTHORIZED: authentication required"));
  EXPECT_THAT(text, HasSubstr("check the name, and the credentials for " + registry.host()));
  EXPECT_THAT(text, Not(HasSubstr("wrong-password")));
  EXPECT_EQ(registry.server().requests().size(), 2U);
}

TEST(Auth, NoCredentialsIsDenied) {
  FakeRegistry registry({.auth = Auth::kBasic});
  TestClient client;
  error_of(ErrorKind::kDenied, [&] { client->get_manifest(registry.reference("app:v1"), {}); });
  EXPECT_EQ(registry.server().requests().size(), 1U);
}

TEST(Auth, BearerTokenIsFetchedOncePerScope) {
  FakeRegistry registry({.auth = Auth::kBearer});
  registry.put_image("app", "v1", {"layer"});
  registry.put_image("other", "v1", {});
  TestClient client;
  Resolved image = client->resolve(registry.reference("app:v1"), host_platform(), {});
  client->fetch_config(image, {});
  EXPECT_THAT(registry.lines({"GET"}),
              ElementsAre("GET /v2/app/manifests/v1", "GET /token", "GET /v2/app/manifests/v1",
                          "GET /v2/app/blobs/" + image.manifest.config.digest.text()));
  FakeRequest token = registry.server().requests()[1];
  EXPECT_EQ(token.query("service"), "fake");
  EXPECT_EQ(token.query("scope"), "repository:app:pull");
  EXPECT_EQ(token.header("Authorization"), "");
  client->get_manifest(registry.reference("other:v1"), {});
  EXPECT_EQ(registry.lines({"GET"}).size(), 7U);
}

TEST(Auth, PushTokenServesPulls) {
  FakeRegistry registry({.auth = Auth::kBearer});
  TestClient client(user());
  Repository repository = repository_of(registry.reference("app"));
  Client::Upload upload = upload_of("bytes");
  client->push_blob(repository, upload, {});
  EXPECT_TRUE(client->has_blob(repository, upload.descriptor, {}));
  auto tokens = registry.lines({"GET"});
  EXPECT_THAT(tokens, ElementsAre("GET /token"));
  EXPECT_EQ(registry.server().requests()[1].query("scope"), "repository:app:pull,push");
  EXPECT_EQ(registry.server().requests()[1].query("account"), "user");
}

TEST(Auth, AnonymousTokenThatMayNotPushIsDenied) {
  FakeRegistry registry({.auth = Auth::kBearer});
  TestClient client;
  std::string text = error_of(ErrorKind::kDenied, [&] {
    client->push_blob(repository_of(registry.reference("app")), upload_of("bytes"), {});
  });
  EXPECT_THAT(text, HasSubstr("answered 401: UNAUTHORIZED"));
}

TEST(Auth, TokenServersRefusalIsTold) {
  FakeRegistry registry({.auth = Auth::kBearer});
  TestClient client(Credential{.username = "user", .password = Secret("wrong-password")});
  std::string text =
      error_of(ErrorKind::kDenied, [&] { client->get_manifest(registry.reference("app:v1"), {}); });
  EXPECT_THAT(text, HasSubstr("/token answered 401: incorrect username or password"));
  EXPECT_THAT(text, Not(HasSubstr("wrong-password")));
}

TEST(Auth, IdentityTokenIsPosted) {
  FakeRegistry registry({.auth = Auth::kBearer});
  registry.put_image("app", "v1", {});
  TestClient client(Credential{.identity_token = Secret("identity")});
  client->get_manifest(registry.reference("app:v1"), {});
  FakeRequest token = registry.server().requests()[1];
  EXPECT_EQ(token.line(), "POST /token");
  EXPECT_EQ(token.body,
            "grant_type=refresh_token&refresh_token=identity&service=fake&client_id=slipway&"
            "scope=repository%3aapp%3apull");
}

TEST(Auth, IdentityTokenFallsBackToGetWherePostIsUnknown) {
  FakeRegistry registry({.auth = Auth::kBearer});
  registry.put_image("app", "v1", {});
  registry.add_fault("POST /token", FakeResponse{.status = 405});
  Credential both = user();
  both.identity_token = Secret("identity");
  TestClient client(both);
  client->get_manifest(registry.reference("app:v1"), {});
  EXPECT_THAT(registry.lines({"GET", "POST"}),
              ElementsAre("GET /v2/app/manifests/v1", "POST /token", "GET /token",
                          "GET /v2/app/manifests/v1"));
}

TEST(Auth, RegistryTokenIsSentAsItIs) {
  FakeRegistry registry({.auth = Auth::kBearer});
  TestClient client(Credential{.registry_token = Secret("ready")});
  error_of(ErrorKind::kDenied, [&] { client->get_manifest(registry.reference("app:v1"), {}); });
  EXPECT_EQ(registry.server().requests()[1].header("Authorization"), "Bearer ready");
  EXPECT_EQ(registry.server().requests().size(), 2U);
}

TEST(Auth, TokenThatIsRefusedInTheMiddleIsRenewed) {
  FakeRegistry registry({.auth = Auth::kBearer});
  TestClient client(user());
  Repository repository = repository_of(registry.reference("app"));
  client->push_blob(repository, upload_of("first"), {});
  registry.add_fault({.part = "PUT", .answer = [&](const FakeRequest&) {
                        registry.expire_tokens();
                        return std::nullopt;
                      }});
  Client::Upload second = upload_of("second");
  client->push_blob(repository, second, {});
  EXPECT_EQ(registry.find_blob("app", second.descriptor.digest.text()), "second");
}

TEST(Auth, ExpiredTokenIsNotSent) {
  FakeRegistry registry({.auth = Auth::kBearer});
  registry.put_image("app", "v1", {});
  TestClient client;
  client->get_manifest(registry.reference("app:v1"), {});
  client.clock.step_seconds(301);
  client->get_manifest(registry.reference("app:v1"), {});
  EXPECT_EQ(registry.server().requests().back().header("Authorization"), "Bearer token2");
}

TEST(Auth, ThreadsShareTheToken) {
  FakeRegistry registry({.auth = Auth::kBearer});
  registry.put_image("app", "v1", {});
  TestClient client;
  client->get_manifest(registry.reference("app:v1"), {});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] { client->get_manifest(registry.reference("app:v1"), {}); });
    }
  }
  EXPECT_EQ(registry.server().requests().size(), 9U);
}

TEST(Auth, StorageBehindARedirectNeverSeesTheToken) {
  FakeRegistry registry({.auth = Auth::kBearer});
  Manifest manifest = registry.put_image("app", "v1", {"layer"});
  tests::FakeServer storage([](const FakeRequest&) { return FakeResponse{.body = "layer"}; });
  registry.add_fault(
      {.part = "/blobs/", .times = 9, .answer = [&](const FakeRequest& request) {
         return request.header("Authorization").empty()
                    ? std::nullopt
                    : std::optional(FakeResponse{
                          .status = 307, .headers = {{"Location", storage.url("/signed?x=1")}}});
       }});
  TestClient client(user());
  Repository repository = repository_of(registry.reference("app"));
  auto layer = client->open_blob(repository, manifest.layers[0], {});
  EXPECT_EQ(base::read_all(*layer, 100, "layer"), "layer");
  ASSERT_EQ(storage.requests().size(), 1U);
  EXPECT_EQ(storage.requests()[0].header("Authorization"), "");
}

TEST(Auth, ChallengeOfTheStorageIsNotAnswered) {
  FakeRegistry registry({.auth = Auth::kBasic});
  Manifest manifest = registry.put_image("app", "v1", {"layer"});
  tests::FakeServer storage([](const FakeRequest&) {
    return FakeResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"evil\""}}};
  });
  registry.add_fault("/blobs/",
                     FakeResponse{.status = 307, .headers = {{"Location", storage.url("/")}}}, 9);
  TestClient client(user());
  Repository repository = repository_of(registry.reference("app"));
  error_of(ErrorKind::kDenied, [&] { client->open_blob(repository, manifest.layers[0], {}); });
  ASSERT_EQ(storage.requests().size(), 1U);
  EXPECT_EQ(storage.requests()[0].header("Authorization"), "");
}

// `realm` as a registry may name it; answers what the client says.
std::string error_of_realm(const std::string& realm) {
  FakeRegistry registry;
  registry.add_fault(
      "manifests",
      FakeResponse{.status = 401,
                   .headers = {{"WWW-Authenticate", base::cat("Bearer realm=\"", realm, "\"")}}});
  TestClient client(user());
  try {
    client->get_manifest(registry.reference("app:v1"), {});
  } catch (const base::Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(Auth, StrangeTokenServersGetNothing) {
  EXPECT_THAT(error_of_realm("not a url"), HasSubstr("names a token server that is no URL"));
  EXPECT_THAT(error_of_realm("file:///etc/passwd"), HasSubstr("is no URL"));
}

TEST(Auth, TokenWithALineBreakIsNoToken) {
  FakeRegistry registry({.auth = Auth::kBearer});
  registry.add_fault("/token", FakeResponse{.body = R"({"token":"a\r\nX-Injected: 1"})"});
  TestClient client;
  EXPECT_THAT(error_of(ErrorKind::kNetwork,
                       [&] { client->get_manifest(registry.reference("app:v1"), {}); }),
              HasSubstr("has no usable token"));
}

TEST(RegistryHost, LoginIsChecked) {
  FakeRegistry registry({.auth = Auth::kBasic});
  TestClient(user())->check_login(registry.host(), {});
  TestClient nobody;
  error_of(ErrorKind::kDenied, [&] { nobody->check_login(registry.host(), {}); });
}

TEST(RegistryHost, UnreachableRegistryIsNamed) {
  std::string host = FakeRegistry().host();
  TestClient client;
  Reference reference = Reference::parse(host + "/app").value();
  std::string text = error_of(ErrorKind::kNetwork, [&] { client->get_manifest(reference, {}); });
  EXPECT_THAT(text, HasSubstr("http://" + host));
  EXPECT_THAT(text, HasSubstr("refused"));
  EXPECT_TRUE(client.pause.waits().empty());
}

}  // namespace
}  // namespace slipway::registry
