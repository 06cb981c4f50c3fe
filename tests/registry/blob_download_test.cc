#include "registry/blob_download.h"

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

// 300,000 bytes that differ everywhere.
std::string large_bytes() {
  std::string bytes;
  for (int i = 0; bytes.size() < 300'000; ++i) {
    bytes += base::cat(i, " ");
  }
  return bytes;
}

class BlobDownload : public testing::Test {
 protected:
  BlobDownload()
      : bytes_(large_bytes()),
        descriptor_{.media_type = std::string(media_types::kOciLayer),
                    .digest = registry_.put_blob("app", bytes_),
                    .size = static_cast<std::int64_t>(bytes_.size())} {}

  std::string fetched() {
    auto source = client_->open_blob(repository_of(registry_.reference("app")), descriptor_, {});
    return base::read_all(*source, 1 << 20, "blob");
  }
  // Ranges that were asked for, "" for none.
  std::vector<std::string> ranges() const {
    std::vector<std::string> ranges;
    for (const FakeRequest& request : registry_.server().requests()) {
      ranges.push_back(request.header("Range"));
    }
    return ranges;
  }
  FakeResponse cut_after(std::size_t count) const { return {.body = bytes_, .cut_after = count}; }

  FakeRegistry registry_;
  std::string bytes_;
  Descriptor descriptor_;
  TestClient client_;
};

TEST_F(BlobDownload, GivesTheBytes) {
  EXPECT_EQ(fetched(), bytes_);
}

TEST_F(BlobDownload, ResumesWhereTheConnectionBroke) {
  registry_.add_fault("/blobs/", cut_after(100'000));
  EXPECT_EQ(fetched(), bytes_);
  EXPECT_THAT(ranges(), ElementsAre("", "bytes=100000-"));
  EXPECT_EQ(client_.pause.waits().size(), 1U);
}

TEST_F(BlobDownload, ProgressEarnsNewTries) {
  registry_.add_fault("/blobs/", cut_after(1));
  for (int i = 1; i < 10; ++i) {
    std::size_t start = static_cast<std::size_t>(i) * 10'000;
    registry_.add_fault({.part = "/blobs/", .answer = [this, start](const FakeRequest& request) {
                           std::size_t from = std::stoul(request.header("Range").substr(6));
                           return FakeResponse{
                               .status = 206,
                               .headers = {{"Content-Range", base::cat("bytes ", from, "-/*")}},
                               .body = bytes_.substr(from),
                               .cut_after = start - from};
                         }});
  }
  EXPECT_EQ(fetched(), bytes_);
  EXPECT_EQ(ranges().size(), 11U);
}

TEST_F(BlobDownload, GivesUpWhereNothingMoves) {
  registry_.add_fault("/blobs/", cut_after(5));
  registry_.add_fault("/blobs/", FakeResponse{.drop = true}, 100);
  std::string text = error_of(ErrorKind::kNetwork, [&] { fetched(); });
  EXPECT_THAT(text, HasSubstr("/blobs/" + descriptor_.digest.text()));
}

TEST_F(BlobDownload, ServerWithoutRangesStartsAgain) {
  registry_.add_fault("/blobs/", cut_after(100'000));
  registry_.add_fault("/blobs/", FakeResponse{.body = bytes_});
  EXPECT_EQ(fetched(), bytes_);
}

TEST_F(BlobDownload, RangeThatIsRefusedStartsAgain) {
  registry_.add_fault("/blobs/", cut_after(100'000));
  registry_.add_fault("/blobs/", FakeResponse{.status = 416});
  EXPECT_EQ(fetched(), bytes_);
  EXPECT_THAT(ranges(), ElementsAre("", "bytes=100000-", ""));
}

TEST_F(BlobDownload, RangeFromAnotherPlaceStartsAgain) {
  registry_.add_fault("/blobs/", cut_after(100'000));
  registry_.add_fault("/blobs/", FakeResponse{.status = 206,
                                              .headers = {{"Content-Range", "bytes 5-99/100"}},
                                              .body = "nonsense"});
  EXPECT_EQ(fetched(), bytes_);
}

TEST_F(BlobDownload, AnswerThatEndsEarlyIsResumed) {
  // Its Content-Length fits, so only the blob's size tells.
  registry_.add_fault("/blobs/", FakeResponse{.body = bytes_.substr(0, 1000)});
  EXPECT_EQ(fetched(), bytes_);
}

TEST_F(BlobDownload, OtherBytesAreNeverGivenAsThese) {
  std::string other = bytes_;
  other[250'000] ^= 1;
  registry_.add_fault("/blobs/", FakeResponse{.body = other});
  EXPECT_THAT(error_of(ErrorKind::kIntegrity, [&] { fetched(); }),
              HasSubstr("expected digest " + descriptor_.digest.text()));
}

TEST_F(BlobDownload, MoreBytesThanExpectedAreRefused) {
  registry_.add_fault("/blobs/", FakeResponse{.body = bytes_ + "more"});
  EXPECT_THAT(error_of(ErrorKind::kIntegrity, [&] { fetched(); }), HasSubstr("or more"));
}

TEST_F(BlobDownload, OtherBytesAfterAResumeAreRefused) {
  registry_.add_fault("/blobs/", cut_after(100'000));
  registry_.add_fault("/blobs/", FakeResponse{.body = std::string(bytes_.size(), 'x')});
  error_of(ErrorKind::kIntegrity, [&] { fetched(); });
}

TEST_F(BlobDownload, MissingBlobIsNotFound) {
  descriptor_.digest = base::sha256_of("missing");
  EXPECT_THAT(error_of(ErrorKind::kNotFound, [&] { fetched(); }),
              HasSubstr("BLOB_UNKNOWN: blob unknown to registry"));
}

TEST_F(BlobDownload, TooManyRequestsAreWaitedFor) {
  registry_.add_fault("/blobs/", FakeResponse{.status = 429, .headers = {{"Retry-After", "9"}}});
  EXPECT_EQ(fetched(), bytes_);
  EXPECT_THAT(client_.pause.waits(), ElementsAre(9000));
  auto events = client_.events.lock();
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().kind, TransferEvent::Kind::kRetrying);
  EXPECT_THAT(events->front().text, HasSubstr("status 429 from http://" + registry_.host()));
}

TEST_F(BlobDownload, ForeignLayerComesFromItsUrlWithoutCredentials) {
  tests::FakeServer elsewhere([this](const FakeRequest&) { return FakeResponse{.body = bytes_}; });
  descriptor_.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  descriptor_.urls = {"nonsense", elsewhere.url("/layer")};
  registry_.add_fault("/blobs/", FakeResponse{.status = 404}, 9);
  EXPECT_EQ(fetched(), bytes_);
  EXPECT_EQ(elsewhere.requests()[0].header("Authorization"), "");
}

TEST_F(BlobDownload, UrlsOfOrdinaryLayersAreNotFollowed) {
  tests::FakeServer elsewhere([this](const FakeRequest&) { return FakeResponse{.body = bytes_}; });
  descriptor_.urls = {elsewhere.url("/layer")};
  registry_.add_fault("/blobs/", FakeResponse{.status = 404}, 9);
  error_of(ErrorKind::kNotFound, [&] { fetched(); });
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST_F(BlobDownload, StopEndsIt) {
  std::stop_source stopper;
  auto source = client_->open_blob(repository_of(registry_.reference("app")), descriptor_,
                                   stopper.get_token());
  std::vector<char> piece(10);
  source->read(piece);
  stopper.request_stop();
  std::string rest = error_of(ErrorKind::kCancelled, [&] {
    base::CountingSink sink;
    base::copy_stream(*source, sink, stopper.get_token());
  });
}

}  // namespace
}  // namespace slipway::registry
