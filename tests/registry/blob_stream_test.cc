#include "registry/blob_stream.h"

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

class BlobStream : public testing::Test {
 protected:
  BlobStream() {
    for (int i = 0; bytes_.size() < 10'000'000; ++i) {
      bytes_ += base::cat(i, ' ');
    }
    descriptor_.digest = base::sha256_of(bytes_);
    descriptor_.size = static_cast<std::int64_t>(bytes_.size());
  }

  Repository repository() const { return repository_of(registry_.reference("app")); }
  Client::StreamResult stream() {
    return client_->stream_blob(
        repository(),
        {.name = "layer one",
         .open = [this] { return std::make_unique<base::StringSource>(bytes_); },
         .descriptor = [this] { return descriptor_; },
         .progress = [this](std::uint64_t sent) { progress_ = sent; }},
        {});
  }
  // What whoever streams does where it did not arrive.
  Client::UploadResult push(const Client::StreamResult& result) {
    return client_->push_blob(
        repository(),
        {.descriptor = descriptor_,
         .open = [this] { return std::make_unique<base::StringSource>(bytes_); },
         .session = result.session},
        {});
  }
  bool arrived() const { return registry_.find_blob("app", descriptor_.digest.text()) == bytes_; }

  FakeRegistry registry_;
  std::string bytes_;
  Descriptor descriptor_{.media_type = std::string(media_types::kOciLayer),
                         .digest = base::sha256_of("")};
  std::uint64_t progress_ = 0;
  TestClient client_;
};

TEST_F(BlobStream, SendsWithoutKnowingTheSize) {
  EXPECT_TRUE(stream().is_there);
  EXPECT_TRUE(arrived());
  EXPECT_EQ(progress_, bytes_.size());
  EXPECT_THAT(registry_.lines({"HEAD", "POST"}), ElementsAre("POST /v2/app/blobs/uploads/"));
  EXPECT_EQ(registry_.lines({"PATCH"}).size(), 1U);
  EXPECT_EQ(registry_.lines({"PUT"}).size(), 1U);
}

TEST_F(BlobStream, WhatIsRefusedOrBreaksIsLeftToAnUpload) {
  for (int status : {400, 401, 404, 411, 413, 429, 500, 501, 503}) {
    for (const char* step : {"PATCH", "PUT"}) {
      FakeRegistry registry;
      TestClient client;
      registry.add_fault(step, FakeResponse{.status = status});
      Repository app = repository_of(registry.reference("app"));
      auto open = [this] { return std::make_unique<base::StringSource>(bytes_); };
      Client::StreamResult result = client->stream_blob(
          app, {.name = "it", .open = open, .descriptor = [this] { return descriptor_; }}, {});
      EXPECT_FALSE(result.is_there) << step << status;
      client->push_blob(app, {.descriptor = descriptor_, .open = open, .session = result.session},
                        {});
      EXPECT_EQ(registry.find_blob("app", descriptor_.digest.text()), bytes_) << step << status;
    }
  }
}

TEST_F(BlobStream, BrokenOneIsGoneOnWith) {
  registry_.break_next_patch(7'000'000);
  Client::StreamResult result = stream();
  EXPECT_FALSE(result.is_there);
  EXPECT_EQ(push(result).how, Client::Uploaded::kSent);
  EXPECT_TRUE(arrived());
  EXPECT_EQ(registry_.lines({"POST"}).size(), 1U);
  EXPECT_EQ(registry_.server().requests().back().header("Content-Length"), "0");
}

TEST_F(BlobStream, SessionIsClosedWhereTheBlobTurnsOutToBeThere) {
  registry_.add_fault("PATCH", FakeResponse{.drop = true});
  Client::StreamResult result = stream();
  registry_.put_blob("app", bytes_);
  EXPECT_EQ(push(result).how, Client::Uploaded::kExisted);
  EXPECT_EQ(registry_.lines({"DELETE"}).size(), 1U);
}

TEST_F(BlobStream, OtherDigestInTheAnswerIsNotBelieved) {
  registry_.add_fault(
      "PUT", FakeResponse{.status = 201,
                          .headers = {{"Docker-Content-Digest", base::sha256_of("other").text()}}});
  EXPECT_FALSE(stream().is_there);
}

TEST_F(BlobStream, RepositoryThatMayNotBePushedToIsTold) {
  registry_.add_fault("POST", tests::registry_error(403, "DENIED", "read-only"));
  EXPECT_THAT(error_of(ErrorKind::kDenied, [&] { stream(); }), HasSubstr("pushing layer one to"));
  EXPECT_TRUE(registry_.lines({"PATCH"}).empty());
}

}  // namespace
}  // namespace slipway::registry
