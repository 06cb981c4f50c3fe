#include "registry/server/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/digester.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::registry {
namespace {

using base::cat;
using base::Digest;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ServerRoute, IsReadFromTheEnd) {
  auto text = [](std::string_view path) {
    auto route = parse_route(path);
    return route ? cat(static_cast<int>(route->kind), " ", route->repository, " ", route->rest)
                 : "none";
  };
  EXPECT_EQ(text("/v2/"), "0  ");
  EXPECT_EQ(text("/v2/_catalog"), "1  ");
  EXPECT_EQ(text("/v2/a/b/tags/list"), "2 a/b ");
  EXPECT_EQ(text("/v2/a/manifests/b/manifests/v1"), "3 a/manifests/b v1");
  EXPECT_EQ(text("/v2/a/blobs/sha256:x"), "4 a sha256:x");
  EXPECT_EQ(text("/v2/a/blobs/uploads/"), "5 a ");
  EXPECT_EQ(text("/v2/a/blobs/uploads/id"), "5 a id");
  EXPECT_EQ(text("/v2/a/referrers/sha256:x"), "6 a sha256:x");
  for (std::string_view path :
       {"/", "/v1/", "/v2/A/tags/list", "/v2/../etc/manifests/v1", "/v2//manifests/v1",
        "/v2/a/tags/list/", "/v2/a/manifests/b/c", "/v2/a", "/v2/manifests/v1"}) {
    EXPECT_EQ(text(path), "none") << path;
  }
}

class Api : public testing::Test {
 protected:
  struct Ask {
    std::string method;
    std::string path;
    std::multimap<std::string, std::string> query;
    std::string body;
    Headers headers;
    bool breaks = false;  // the connection, after the body
  };
  ServerResponse ask(Ask what) {
    ServerRequest request{.method = what.method,
                          .path = what.path,
                          .query = what.query,
                          .headers = what.headers,
                          .has_body = !what.body.empty()};
    request.read_body = [&](const auto& take) {
      take(what.body);
      return !what.breaks;
    };
    return api_.answer(request);
  }
  static std::string code_of(const ServerResponse& response) {
    return cat(response.status, " ",
               nlohmann::json::parse(response.body)["errors"][0]["code"].get<std::string>());
  }
  static std::string header(const ServerResponse& response, std::string_view name) {
    return std::string(response.headers.find(name).value_or(""));
  }
  Digest put_blob(const std::string& repository, const std::string& bytes) {
    Digest digest = base::sha256_of(bytes);
    ServerResponse response = ask({.method = "POST",
                                   .path = cat("/v2/", repository, "/blobs/uploads/"),
                                   .query = {{"digest", digest.text()}},
                                   .body = bytes});
    EXPECT_EQ(response.status, 201);
    return digest;
  }
  std::string manifest_of(const std::string& config, const std::optional<Digest>& subject = {}) {
    Manifest manifest{.media_type = std::string(media_types::kOciManifest),
                      .config = {.media_type = std::string(media_types::kOciConfig),
                                 .digest = base::sha256_of(config),
                                 .size = static_cast<std::int64_t>(config.size())}};
    if (subject) {
      manifest.subject =
          Descriptor{.media_type = manifest.media_type, .digest = *subject, .size = 1};
    }
    return serialise(manifest);
  }
  ServerResponse put_manifest(const std::string& name, const std::string& bytes) {
    return ask({.method = "PUT",
                .path = cat("/v2/app/manifests/", name),
                .body = bytes,
                .headers = {{"Content-Type", std::string(media_types::kOciManifest)}}});
  }
  std::string open_upload() {
    return header(ask({.method = "POST", .path = "/v2/app/blobs/uploads/"}), "Location");
  }

  base::TempDir folder_{"/tmp", "slipway-api-"};
  std::shared_ptr<tests::SteppedClock> clock_ = std::make_shared<tests::SteppedClock>();
  StoreSlot stores_{folder_.path() + "/store", clock_};
  UploadSessions uploads_{stores_, clock_};
  ServerApi api_{stores_, uploads_, {}};
};

TEST_F(Api, AnImageComesAndGoes) {
  put_blob("app", "config");
  std::string bytes = manifest_of("config");
  ServerResponse put = put_manifest("v1", bytes);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(header(put, "Docker-Content-Digest"), base::sha256_of(bytes).text());
  for (const std::string& name : {std::string("v1"), base::sha256_of(bytes).text()}) {
    ServerResponse got = ask({.method = "GET", .path = "/v2/app/manifests/" + name});
    EXPECT_EQ(got.body, bytes);
    EXPECT_EQ(got.content_type, media_types::kOciManifest);
  }
  EXPECT_EQ(ask({.method = "DELETE", .path = "/v2/app/manifests/v1"}).status, 202);
  EXPECT_EQ(code_of(ask({.method = "GET", .path = "/v2/app/manifests/v1"})),
            "404 MANIFEST_UNKNOWN");
  EXPECT_EQ(
      ask({.method = "GET", .path = "/v2/app/manifests/" + base::sha256_of(bytes).text()}).status,
      200);
}

TEST_F(Api, ManifestsAreChecked) {
  std::string bytes = manifest_of("config");
  EXPECT_EQ(code_of(put_manifest("v1", bytes)), "400 MANIFEST_BLOB_UNKNOWN");
  put_blob("app", "config");
  EXPECT_EQ(code_of(put_manifest(base::sha256_of("other").text(), bytes)), "400 DIGEST_INVALID");
  EXPECT_EQ(code_of(put_manifest("not a tag", bytes)), "400 TAG_INVALID");
  EXPECT_EQ(code_of(put_manifest("v1", std::string(kManifestBytesMax + 1, ' '))),
            "413 SIZE_INVALID");
  EXPECT_THROW(put_manifest("v1", "{"), base::Error);
  EXPECT_EQ(put_manifest("v1", bytes + std::string(5'000'000, ' ')).status, 201);
}

TEST_F(Api, ChunksComeInOrder) {
  std::string place = open_upload();
  auto send = [&](const std::string& range, const std::string& bytes) {
    return ask(
        {.method = "PATCH", .path = place, .body = bytes, .headers = {{"Content-Range", range}}});
  };
  EXPECT_EQ(header(send("0-3", "abcd"), "Range"), "0-3");
  ServerResponse refused = send("2-3", "xx");
  EXPECT_EQ(refused.status, 416);
  EXPECT_EQ(header(refused, "Range"), "0-3");
  ServerResponse progress = ask({.method = "GET", .path = place});
  EXPECT_EQ(progress.status, 204);
  EXPECT_EQ(header(progress, "Range"), "0-3");
  EXPECT_EQ(send("4-5", "ef").status, 202);
  Digest digest = base::sha256_of("abcdefg");
  ServerResponse done =
      ask({.method = "PUT", .path = place, .query = {{"digest", digest.text()}}, .body = "g"});
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(code_of(ask({.method = "GET", .path = place})), "404 BLOB_UPLOAD_UNKNOWN");
  ServerResponse blob = ask({.method = "GET", .path = "/v2/app/blobs/" + digest.text()});
  EXPECT_EQ(blob.file->length, 7U);
}

TEST_F(Api, ABrokenChunkCanBeGoneOnWith) {
  std::string place = open_upload();
  EXPECT_EQ(code_of(ask({.method = "PATCH", .path = place, .body = "abc", .breaks = true})),
            "400 BLOB_UPLOAD_INVALID");
  EXPECT_EQ(header(ask({.method = "GET", .path = place}), "Range"), "0-2");
}

TEST_F(Api, WrongBytesAreNotKept) {
  std::string place = open_upload();
  Digest wanted = base::sha256_of("wanted");
  EXPECT_THROW(
      ask({.method = "PUT", .path = place, .query = {{"digest", wanted.text()}}, .body = "other"}),
      base::Error);
  EXPECT_EQ(code_of(ask({.method = "GET", .path = "/v2/app/blobs/" + wanted.text()})),
            "404 BLOB_UNKNOWN");
  EXPECT_EQ(code_of(ask({.method = "GET", .path = place})), "404 BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(code_of(ask({.method = "PUT", .path = open_upload(), .body = "x"})),
            "400 DIGEST_INVALID");
}

TEST_F(Api, AnUploadBelongsToItsRepository) {
  std::string place = open_upload();
  std::string other = "/v2/other" + place.substr(7);
  EXPECT_EQ(code_of(ask({.method = "PATCH", .path = other, .body = "x"})),
            "404 BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(ask({.method = "DELETE", .path = place}).status, 204);
  EXPECT_EQ(code_of(ask({.method = "PATCH", .path = place, .body = "x"})),
            "404 BLOB_UPLOAD_UNKNOWN");
}

TEST_F(Api, BlobsAreMountedFromOneThatHasThem) {
  Digest digest = put_blob("base", "layer");
  auto mount = [&](const std::string& from) {
    return ask({.method = "POST",
                .path = "/v2/app/blobs/uploads/",
                .query = {{"mount", digest.text()}, {"from", from}}})
        .status;
  };
  EXPECT_EQ(mount("nobody"), 202);
  EXPECT_EQ(ask({.method = "HEAD", .path = "/v2/app/blobs/" + digest.text()}).status, 404);
  EXPECT_EQ(mount("base"), 201);
  EXPECT_EQ(ask({.method = "HEAD", .path = "/v2/app/blobs/" + digest.text()}).status, 200);
}

TEST_F(Api, RangesAreExact) {
  Digest digest = put_blob("app", "0123456789");
  auto part = [&](const std::string& range) {
    ServerResponse got = ask(
        {.method = "GET", .path = "/v2/app/blobs/" + digest.text(), .headers = {{"Range", range}}});
    return cat(got.status, " ", header(got, "Content-Range"), " ",
               got.file ? cat(got.file->offset, "+", got.file->length) : "");
  };
  EXPECT_EQ(part("bytes=2-4"), "206 bytes 2-4/10 2+3");
  EXPECT_EQ(part("bytes=8-"), "206 bytes 8-9/10 8+2");
  EXPECT_EQ(part("bytes=-3"), "206 bytes 7-9/10 7+3");
  EXPECT_EQ(part("bytes=5-99"), "206 bytes 5-9/10 5+5");
  for (const char* range : {"bytes=10-", "bytes=4-2", "bytes=a-b", "bytes=1-2,3-4", "lines=1-2"}) {
    EXPECT_EQ(part(range), "416 bytes */10 ") << range;
  }
}

TEST_F(Api, ListsComeInPages) {
  put_blob("app", "config");
  for (const char* tag : {"c", "a", "b"}) {
    put_manifest(tag, manifest_of("config"));
  }
  ServerResponse first = ask({.method = "GET", .path = "/v2/app/tags/list", .query = {{"n", "2"}}});
  EXPECT_EQ(nlohmann::json::parse(first.body)["tags"], nlohmann::json({"a", "b"}));
  EXPECT_EQ(header(first, "Link"), "</v2/app/tags/list?n=2&last=b>; rel=\"next\"");
  ServerResponse last =
      ask({.method = "GET", .path = "/v2/app/tags/list", .query = {{"n", "2"}, {"last", "b"}}});
  EXPECT_EQ(nlohmann::json::parse(last.body)["tags"], nlohmann::json({"c"}));
  EXPECT_EQ(header(last, "Link"), "");
  EXPECT_EQ(code_of(ask({.method = "GET", .path = "/v2/none/tags/list"})), "404 NAME_UNKNOWN");
  EXPECT_EQ(nlohmann::json::parse(ask({.method = "GET", .path = "/v2/_catalog"}).body),
            nlohmann::json({{"repositories", {"app"}}}));
}

TEST_F(Api, CapitalsDoNotComeFirst) {
  put_blob("app", "config");
  for (const char* tag : {"b", "A", "a", "B"}) {
    put_manifest(tag, manifest_of("config"));
  }
  std::vector<std::string> seen;
  for (std::string last; seen.size() < 4;) {
    ServerResponse page =
        ask({.method = "GET", .path = "/v2/app/tags/list", .query = {{"n", "1"}, {"last", last}}});
    last = nlohmann::json::parse(page.body)["tags"].at(0);
    seen.push_back(last);
  }
  EXPECT_THAT(seen, ElementsAre("A", "a", "B", "b"));
}

TEST_F(Api, SeveralTagsComeWithOneManifest) {
  put_blob("app", "config");
  std::string bytes = manifest_of("config");
  Ask put{.method = "PUT",
          .path = cat("/v2/app/manifests/", base::sha256_of(bytes).text()),
          .query = {{"tag", "v1"}, {"tag", "v2"}},
          .body = bytes,
          .headers = {{"Content-Type", std::string(media_types::kOciManifest)}}};
  ServerResponse answer = ask(put);
  EXPECT_EQ(answer.status, 201);
  EXPECT_THAT(answer.headers.find_all("OCI-Tag"), ElementsAre("v1", "v2"));
  EXPECT_EQ(ask({.method = "GET", .path = "/v2/app/manifests/v2"}).body, bytes);
  put.query = {{"tag", "not a tag"}};
  EXPECT_EQ(code_of(ask(put)), "400 TAG_INVALID");
}

TEST_F(Api, ReferrersAreFilteredByType) {
  put_blob("app", "config");
  put_manifest("v1", manifest_of("config"));
  Digest subject = base::sha256_of(manifest_of("config"));
  ServerResponse put = put_manifest("ref", manifest_of("config", subject));
  EXPECT_EQ(header(put, "OCI-Subject"), subject.text());
  auto list = [&](std::multimap<std::string, std::string> query) {
    return ask({.method = "GET", .path = "/v2/app/referrers/" + subject.text(), .query = query});
  };
  Index index = parse_index(list({}).body, media_types::kOciIndex, "list");
  ASSERT_EQ(index.manifests.size(), 1U);
  EXPECT_EQ(index.manifests[0].artifact_type, media_types::kOciConfig);
  ServerResponse none = list({{"artifactType", "other"}});
  EXPECT_EQ(header(none, "OCI-Filters-Applied"), "artifactType");
  EXPECT_TRUE(parse_index(none.body, media_types::kOciIndex, "list").manifests.empty());
  EXPECT_EQ(ask({.method = "GET", .path = "/v2/none/referrers/" + subject.text()}).status, 200);
}

TEST_F(Api, AnotherAlgorithmIsAnotherName) {
  Digest any = *Digest::parse(cat("sha512:", std::string(128, '0')));
  auto sha512 = [&](const std::string& bytes) { return base::digest_like(any, bytes); };
  auto post = [&](const Digest& digest, const std::string& bytes) {
    return ask({.method = "POST",
                .path = "/v2/app/blobs/uploads/",
                .query = {{"digest", digest.text()}},
                .body = bytes});
  };
  EXPECT_THROW(post(any, "config"), base::Error);
  ServerResponse put = post(sha512("config"), "config");
  EXPECT_EQ(header(put, "Location"), cat("/v2/app/blobs/", sha512("config").text()));
  for (const Digest& name : {sha512("config"), base::sha256_of("config")}) {
    EXPECT_EQ(ask({.method = "HEAD", .path = cat("/v2/app/blobs/", name.text())}).status, 200);
  }
  EXPECT_EQ(ask({.method = "POST",
                 .path = "/v2/other/blobs/uploads/",
                 .query = {{"mount", sha512("config").text()}, {"from", "app"}}})
                .status,
            201);
  Manifest manifest = parse_manifest(manifest_of("config"), "", "it");
  manifest.config.digest = sha512("config");
  manifest.subject = Descriptor{.media_type = manifest.media_type, .digest = any, .size = 1};
  std::string bytes = serialise(manifest);
  EXPECT_EQ(code_of(put_manifest(any.text(), bytes)), "400 DIGEST_INVALID");
  EXPECT_EQ(header(put_manifest(sha512(bytes).text(), bytes), "Docker-Content-Digest"),
            sha512(bytes).text());
  ServerResponse got = ask({.method = "GET", .path = "/v2/app/manifests/" + sha512(bytes).text()});
  EXPECT_EQ(got.body, bytes);
  EXPECT_EQ(header(got, "Docker-Content-Digest"), sha512(bytes).text());
  ServerResponse listed = ask({.method = "GET", .path = "/v2/app/referrers/" + any.text()});
  EXPECT_THAT(listed.body, HasSubstr(base::sha256_of(bytes).text()));
  // Whoever refers to the first by either of its names is found by either.
  std::string second = manifest_of("config", sha512(bytes));
  EXPECT_EQ(put_manifest("second", second).status, 201);
  for (const Digest& name : {sha512(bytes), base::sha256_of(bytes)}) {
    EXPECT_THAT(ask({.method = "GET", .path = "/v2/app/referrers/" + name.text()}).body,
                HasSubstr(base::sha256_of(second).text()));
  }
  stores_.get()->repositories().drop_unused(0);
  stores_.renew();
  stores_.get()->collect({});
  EXPECT_EQ(ask({.method = "GET", .path = "/v2/app/blobs/" + sha512("config").text()}).status, 200);
  EXPECT_EQ(ask({.method = "DELETE", .path = "/v2/app/manifests/" + sha512(bytes).text()}).status,
            202);
  EXPECT_EQ(ask({.method = "GET", .path = "/v2/app/manifests/" + sha512(bytes).text()}).status,
            404);
}

TEST_F(Api, ReadOnlyRefusesEveryChange) {
  put_blob("app", "config");
  ServerApi api(stores_, uploads_, {.read_only = true});
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    ServerRequest request{.method = method, .path = "/v2/app/manifests/v1"};
    EXPECT_EQ(code_of(api.answer(request)), "405 UNSUPPORTED") << method;
  }
  ServerRequest look{.method = "HEAD", .path = "/v2/app/blobs/" + base::sha256_of("config").text()};
  EXPECT_EQ(api.answer(look).status, 200);
}

TEST_F(Api, UploadsThatNobodyGoesOnWithEnd) {
  std::string place = open_upload();
  clock_->step_seconds(3601);
  open_upload();
  EXPECT_EQ(code_of(ask({.method = "GET", .path = place})), "404 BLOB_UPLOAD_UNKNOWN");
}

TEST(HtpasswdFile, AdmitsWhoIsInIt) {
  // htpasswd -Bbn -C 4 user s3cret
  Htpasswd people("user:$2y$04$93W3o.o1IGpB2O7eVCyMb.oaN/BWhHT4apzT2yWTDYGD2JVIsGssm\n");
  EXPECT_TRUE(people.admits("Basic " + base::to_base64("user:s3cret")));
  EXPECT_TRUE(people.admits("basic " + base::to_base64("user:s3cret")));  // from memory
  EXPECT_FALSE(people.admits(""));
  EXPECT_FALSE(people.admits("Basic " + base::to_base64("user:wrong")));
  EXPECT_FALSE(people.admits("Basic " + base::to_base64("nobody:s3cret")));
  EXPECT_FALSE(people.admits("Basic !!!"));
  EXPECT_FALSE(people.admits("Bearer token"));
}

TEST(HtpasswdFile, OnlyBcryptIsTaken) {
  for (const char* text : {"user:{SHA}abc", "user", ":$2y$05$x", "", "# nobody\n"}) {
    EXPECT_THROW(Htpasswd{text}, base::Error) << text;
  }
}

}  // namespace
}  // namespace slipway::registry
