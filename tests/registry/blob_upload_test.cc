#include "registry/blob_upload.h"

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

class BlobUpload : public testing::Test {
 protected:
  BlobUpload()
      : bytes_(200'000, 'b'),
        upload_{.descriptor = {.media_type = std::string(media_types::kOciLayer),
                               .digest = base::sha256_of(bytes_),
                               .size = static_cast<std::int64_t>(bytes_.size())},
                .open = [this] { return std::make_unique<base::StringSource>(bytes_); }} {}

  Repository repository(std::string_view name) const {
    return repository_of(registry_.reference(name));
  }
  Client::UploadResult push() { return client_->push_blob(repository("app"), upload_, {}); }
  bool arrived() const {
    return registry_.find_blob("app", upload_.descriptor.digest.text()) == bytes_;
  }
  std::string failure(ErrorKind kind) {
    return error_of(kind, [&] { push(); });
  }

  FakeRegistry registry_;
  std::string bytes_;
  Client::Upload upload_;
  TestClient client_;
};

TEST_F(BlobUpload, SendsWhatIsMissing) {
  std::uint64_t progress = 0;
  upload_.progress = [&](std::uint64_t sent) { progress = sent; };
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_EQ(progress, bytes_.size());
  EXPECT_EQ(registry_.server().requests().back().header("Content-Type"),
            "application/octet-stream");
}

TEST_F(BlobUpload, LooksBeforeItSends) {
  registry_.put_blob("app", bytes_);
  EXPECT_EQ(push().how, Client::Uploaded::kExisted);
  EXPECT_THAT(registry_.lines({"POST", "PUT", "PATCH"}), ElementsAre());
}

TEST_F(BlobUpload, MountsFromAKnownRepository) {
  registry_.put_blob("base", bytes_);
  upload_.known_sources = {
      {.domain = "elsewhere.example", .path = "other"}, repository("app"), repository("base")};
  Client::UploadResult result = push();
  EXPECT_EQ(result.how, Client::Uploaded::kMounted);
  EXPECT_EQ(result.mounted_from, "base");
  EXPECT_TRUE(arrived());
  EXPECT_THAT(registry_.lines({"POST", "PUT"}), ElementsAre("POST /v2/app/blobs/uploads/"));
}

TEST_F(BlobUpload, MountThatOpensASessionGoesOnThere) {
  upload_.known_sources = {repository("base")};  // the registry does not have it there
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_EQ(registry_.lines({"POST"}).size(), 1U);
}

TEST_F(BlobUpload, MountThatIsRefusedFallsBackToSending) {
  for (int status : {401, 403, 404, 405, 400}) {
    registry_.add_fault("mount=", FakeResponse{.status = status});
    upload_.known_sources = {repository("base")};
    bytes_ = base::cat(status);
    upload_.descriptor.digest = base::sha256_of(bytes_);
    upload_.descriptor.size = static_cast<std::int64_t>(bytes_.size());
    EXPECT_EQ(push().how, Client::Uploaded::kSent) << status;
    EXPECT_TRUE(arrived()) << status;
  }
}

TEST_F(BlobUpload, MountAsksForBothScopes) {
  FakeRegistry registry({.auth = FakeRegistry::Options::Auth::kBearer});
  registry.put_blob("base", bytes_);
  TestClient client(user());
  upload_.known_sources = {repository_of(registry.reference("base"))};
  EXPECT_EQ(client->push_blob(repository_of(registry.reference("app")), upload_, {}).how,
            Client::Uploaded::kMounted);
  std::string scopes;
  for (const FakeRequest& request : registry.server().requests()) {
    scopes += request.path() == "/token" ? request.target + " " : "";
  }
  EXPECT_THAT(scopes, HasSubstr("scope=repository:base:pull"));
}

TEST_F(BlobUpload, AnswerBeforeTheEndIsHeard) {
  bytes_ = std::string(30'000'000, 'c');
  upload_.descriptor.digest = base::sha256_of(bytes_);
  upload_.descriptor.size = static_cast<std::int64_t>(bytes_.size());
  registry_.add_fault(
      {.part = "PATCH", .times = 100, .early = true, .answer = [](const FakeRequest&) {
         return tests::registry_error(413, "SIZE_INVALID", "quota exceeded");
       }});
  EXPECT_THAT(failure(ErrorKind::kNetwork),
              HasSubstr("answered 413: SIZE_INVALID: quota exceeded"));
}

TEST_F(BlobUpload, EarlyChallengeIsAnswered) {
  FakeRegistry registry({.auth = FakeRegistry::Options::Auth::kBearer});
  bytes_ = std::string(30'000'000, 'c');
  upload_.descriptor.digest = base::sha256_of(bytes_);
  upload_.descriptor.size = static_cast<std::int64_t>(bytes_.size());
  registry.add_fault(
      {.part = "PATCH", .early = true, .answer = [&](const FakeRequest&) {
         registry.expire_tokens();
         return FakeResponse{
             .status = 401,
             .headers = {{"WWW-Authenticate",
                          base::cat("Bearer realm=\"", registry.server().url("/token"), "\"")}}};
       }});
  TestClient client(user());
  EXPECT_EQ(client->push_blob(repository_of(registry.reference("app")), upload_, {}).how,
            Client::Uploaded::kSent);
  EXPECT_TRUE(registry.find_blob("app", upload_.descriptor.digest.text()).has_value());
}

TEST_F(BlobUpload, BrokenUploadStartsAnewWithItsOwnSession) {
  registry_.add_fault("PUT", FakeResponse{.drop = true});
  registry_.add_fault("PUT", FakeResponse{.status = 502});
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_EQ(registry_.lines({"POST"}).size(), 3U);
  EXPECT_EQ(client_.pause.waits().size(), 2U);
}

TEST_F(BlobUpload, UploadWhoseAnswerWasLostIsFound) {
  registry_.add_fault({.part = "PUT", .answer = [this](const FakeRequest& request) {
                         registry_.put_blob("app", request.body);
                         return FakeResponse{.drop = true};
                       }});
  push();
  EXPECT_EQ(registry_.lines({"PUT"}).size(), 1U);
}

TEST_F(BlobUpload, RefusalsAreToldInTheRegistrysWords) {
  for (const char* step : {"POST", "PUT"}) {
    registry_.add_fault(step, tests::registry_error(403, "DENIED", "read-only"));
    EXPECT_THAT(failure(ErrorKind::kDenied),
                HasSubstr(base::cat("pushing blob ", upload_.descriptor.digest.text(), " to ",
                                    registry_.host(), "/app: ", registry_.host(),
                                    " answered 403: DENIED: read-only")))
        << step;
  }
}

TEST_F(BlobUpload, ServerErrorsEndAfterTheTries) {
  registry_.add_fault("PUT", FakeResponse{.status = 503}, 100);
  failure(ErrorKind::kNetwork);
  EXPECT_EQ(registry_.lines({"PUT"}).size(), 3U);
}

TEST_F(BlobUpload, DamagedBytesAreNotSentToTheEnd) {
  bytes_[100] = 'x';
  EXPECT_THAT(failure(ErrorKind::kIntegrity), HasSubstr("expected digest"));
  EXPECT_TRUE(registry_.lines({"PUT"}).empty());
  bytes_ = bytes_.substr(1);
  failure(ErrorKind::kIntegrity);
}

TEST_F(BlobUpload, OtherDigestInTheAnswerIsRefused) {
  registry_.add_fault(
      "PUT", FakeResponse{.status = 201,
                          .headers = {{"Docker-Content-Digest", base::sha256_of("other").text()}}});
  EXPECT_THAT(failure(ErrorKind::kIntegrity), HasSubstr("stored it as sha256:"));
}

TEST_F(BlobUpload, SessionWithoutALocationIsAnError) {
  registry_.add_fault("POST", FakeResponse{.status = 202});
  EXPECT_THAT(failure(ErrorKind::kNetwork), HasSubstr("without a usable Location"));
}

TEST_F(BlobUpload, EmptyBlobIsSent) {
  bytes_.clear();
  upload_.descriptor.digest = base::sha256_of("");
  upload_.descriptor.size = 0;
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
}

TEST_F(BlobUpload, CheckPushOpensAndCancels) {
  client_->check_push(repository("app"), {});
  EXPECT_EQ(registry_.lines({"POST", "DELETE"}).size(), 2U);
  registry_.add_fault("POST", tests::registry_error(403, "DENIED", "no"));
  error_of(ErrorKind::kDenied, [&] { client_->check_push(repository("app"), {}); });
}

class LargeUpload : public BlobUpload {
 protected:
  void SetUp() override {
    for (int i = 0; bytes_.size() < kSize; ++i) {
      bytes_ += base::cat(i, ' ');
    }
    bytes_.resize(kSize);
    upload_.descriptor.digest = base::sha256_of(bytes_);
    upload_.descriptor.size = static_cast<std::int64_t>(bytes_.size());
  }
  // The Content-Range of each PATCH.
  static std::vector<std::string> ranges(const FakeRegistry& registry) {
    std::vector<std::string> result;
    for (const FakeRequest& request : registry.server().requests()) {
      if (request.method == "PATCH") {
        result.push_back(request.header("Content-Range"));
      }
    }
    return result;
  }
  static constexpr std::size_t kSize = 10'000'000;
};

TEST_F(LargeUpload, GoesInOnePieceAndAPutThatEndsIt) {
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_THAT(ranges(registry_), ElementsAre("0-9999999"));
  EXPECT_EQ(registry_.lines({"PUT"}).size(), 1U);
}

TEST_F(LargeUpload, GoesOnWhereTheConnectionBroke) {
  registry_.break_next_patch(7'000'000);
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_THAT(ranges(registry_), ElementsAre("0-9999999", "7000000-9999999"));
  EXPECT_EQ(registry_.lines({"POST"}).size(), 1U);
}

TEST_F(LargeUpload, BeginsAnewWhereTheSessionIsGone) {
  registry_.break_next_patch(7'000'000);
  registry_.add_fault("GET /v2/app/blobs/uploads/",
                      tests::registry_error(404, "BLOB_UPLOAD_UNKNOWN", "gone"));
  EXPECT_EQ(push().how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_THAT(ranges(registry_), ElementsAre("0-9999999", "0-9999999"));
  EXPECT_EQ(registry_.lines({"POST"}).size(), 2U);
}

TEST_F(LargeUpload, GetsSmallerForThoseThatTakeNoMore) {
  FakeRegistry registry({.body_bytes_max = 3'000'000});
  TestClient client;
  client->push_blob(repository_of(registry.reference("app")), upload_, {});
  EXPECT_EQ(registry.find_blob("app", upload_.descriptor.digest.text()), bytes_);
  EXPECT_THAT(ranges(registry), ElementsAre("0-9999999", "0-2499999", "2500000-4999999",
                                            "5000000-7499999", "7500000-9999999"));
}

TEST_F(LargeUpload, FollowsARegistryThatStandsElsewhere) {
  registry_.add_fault(
      {.part = "PATCH", .answer = [](const FakeRequest&) { return FakeResponse{.status = 416}; }});
  std::string words = failure(ErrorKind::kNetwork);
  EXPECT_THAT(words, HasSubstr("answered 416"));
}

TEST_F(LargeUpload, WrongBytesNeverGetTheirDigest) {
  std::string good = bytes_;
  bytes_.back() = '!';
  EXPECT_THAT(failure(ErrorKind::kIntegrity), HasSubstr("expected digest"));
  EXPECT_THAT(registry_.lines({"PUT"}), ElementsAre());
}

}  // namespace
}  // namespace slipway::registry
