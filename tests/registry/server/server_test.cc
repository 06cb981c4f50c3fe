#include "registry/server/server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/fs.h"
#include "base/worker_pool.h"
#include "cache/store.h"
#include "registry/oci/manifest.h"
#include "tests/registry/test_client.h"

// The real server and the real client, over a socket.

namespace slipway::registry {
namespace {

using base::cat;
using base::Digest;
using testing::HasSubstr;

std::string big_text(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) {
    text += cat(i, ' ');
  }
  text.resize(size);
  return text;
}

class Server : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.port = 0;
    options.root = folder_.path() + "/store";
    options.clock = clock_;
    options.log = [this](const std::string& line) { lines_.lock()->push_back(line); };
    server_ = std::make_unique<RegistryServer>(std::move(options));
    runner_ = std::jthread([this](const std::stop_token& stop) { server_->run(stop); });
  }
  Reference reference(const std::string& name) const {
    return Reference::parse(cat("127.0.0.1:", server_->port(), "/", name)).value();
  }
  static Client::Upload upload_of(const std::string& bytes) {
    return {.descriptor = {.media_type = std::string(media_types::kOciLayer),
                           .digest = base::sha256_of(bytes),
                           .size = static_cast<std::int64_t>(bytes.size())},
            .open = [bytes] { return std::make_unique<base::StringSource>(bytes); }};
  }
  Client::Uploaded push(const std::string& repository, const std::string& bytes) {
    return client_->push_blob(repository_of(reference(repository)), upload_of(bytes), {}).how;
  }
  std::string pull(const std::string& repository, const std::string& bytes) {
    auto source =
        client_->open_blob(repository_of(reference(repository)), upload_of(bytes).descriptor, {});
    return base::read_all(*source, bytes.size(), "blob");
  }
  base::Fd send(const std::string& request) const {
    base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base::check(
        [&] {
          return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        },
        "connect");
    base::write_all(socket, request, "socket");
    return socket;
  }
  // A request that asks for the end of its connection: what comes back.
  std::string raw(const std::string& request) const {
    base::FdSource source(send(request), "socket");
    std::string answer(64 * 1024, '\0');
    answer.resize(base::read_full(source, answer));
    return answer;
  }

  base::TempDir folder_{"/tmp", "slipway-server-"};
  std::shared_ptr<tests::SteppedClock> clock_ = std::make_shared<tests::SteppedClock>();
  base::Guarded<std::vector<std::string>> lines_;
  TestClient client_;
  std::unique_ptr<RegistryServer> server_;
  std::jthread runner_;  // ends before the server
};

TEST_F(Server, BlobsSmallAndLargeComeBack) {
  start();
  std::string large = big_text(20'000'000);
  for (const std::string& bytes : {std::string(), std::string("small"), large}) {
    EXPECT_EQ(push("app", bytes), Client::Uploaded::kSent);
    EXPECT_EQ(push("app", bytes), Client::Uploaded::kExisted);
    EXPECT_EQ(pull("app", bytes), bytes);
  }
}

TEST_F(Server, ManyPushTheSameAtOnce) {
  start();
  std::string bytes = big_text(9'000'000);
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (int i = 0; i < 8; ++i) {
    jobs.emplace_back([&, i](const std::stop_token&) { push(cat("app", i % 2), bytes); });
  }
  base::run_all(std::move(jobs), 8, {});
  EXPECT_EQ(pull("app0", bytes), bytes);
  EXPECT_EQ(pull("app1", bytes), bytes);
}

TEST_F(Server, WhatIsUnderWayIsNotCollected) {
  start({.unused_seconds = 0, .collect_every_ms = 1});
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (int i = 0; i < 4; ++i) {
    jobs.emplace_back([&, i](const std::stop_token&) {
      std::string bytes = big_text(9'000'000 + static_cast<std::size_t>(i));
      EXPECT_EQ(push("app", bytes), Client::Uploaded::kSent);
    });
  }
  base::run_all(std::move(jobs), 4, {});
}

TEST_F(Server, WhatIsNamedIsKeptAndTheRestCollected) {
  start({.unused_seconds = 3600, .collect_every_ms = 1});
  push("app", "config");
  push("app", "garbage");
  Manifest manifest{.media_type = std::string(media_types::kOciManifest),
                    .config = {.media_type = std::string(media_types::kOciConfig),
                               .digest = base::sha256_of("config"),
                               .size = 6}};
  client_->put_manifest(reference("app:v1"), serialise(manifest), manifest.media_type, {});
  clock_->step_seconds(3700);
  cache::Store store(folder_.path() + "/store", {.clock = clock_});
  while (store.blobs().has(base::sha256_of("garbage"))) {
    std::this_thread::yield();
  }
  EXPECT_EQ(pull("app", "config"), "config");
  EXPECT_EQ(client_->get_manifest(reference("app:v1"), {}).bytes, serialise(manifest));
}

TEST_F(Server, AnswersHeadersThatToolsLookAt) {
  start();
  push("app", "blob");
  std::string digest = base::sha256_of("blob").text();
  std::string head =
      raw(cat("HEAD /v2/app/blobs/", digest, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(head, HasSubstr("200 OK"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(head, HasSubstr(cat("Docker-Content-Digest: ", digest)));
  EXPECT_THAT(head, testing::EndsWith("\r\n\r\n"));
  std::string part = raw(cat("GET /v2/app/blobs/", digest,
                             " HTTP/1.1\r\nRange: bytes=1-2\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(part, HasSubstr("206 "));
  EXPECT_THAT(part, HasSubstr("Content-Range: bytes 1-2/4\r\n"));
  EXPECT_THAT(part, testing::EndsWith("\r\n\r\nlo"));
  EXPECT_THAT(raw("GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("Docker-Distribution-Api-Version: registry/2.0"));
}

TEST_F(Server, ABodyThatNobodyWantedIsNotTheNextRequest) {
  start();
  std::string body;
  while (body.size() < 300'000) {
    body += "GET /v2/secret HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  std::string answer = raw(cat("PUT /nowhere HTTP/1.1\r\nContent-Length: ", body.size(),
                               "\r\nConnection: close\r\n\r\n", body));
  EXPECT_THAT(answer, HasSubstr("404 Not Found"));
  EXPECT_THAT(*lines_.lock(), testing::ElementsAre("PUT /nowhere 404"));
}

TEST_F(Server, AConnectionThatBreaksLeavesAnUploadToGoOnWith) {
  start();
  std::string answer =
      raw("POST /v2/app/blobs/uploads/ HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  std::size_t begin = answer.find("Location: ") + 10;
  std::string place = answer.substr(begin, answer.find('\r', begin) - begin);
  send(cat("PATCH ", place, " HTTP/1.1\r\nContent-Length: 1000\r\n\r\nonly this"));
  // Another connection: the server may read its request first.
  std::string progress;
  for (int tries = 0; tries < 1000 && !progress.contains("Range: 0-8\r\n"); ++tries) {
    progress = raw(cat("GET ", place, " HTTP/1.1\r\nConnection: close\r\n\r\n"));
    ASSERT_THAT(progress, HasSubstr("204 No Content"));
  }
  EXPECT_THAT(progress, HasSubstr("Range: 0-8\r\n"));
}

TEST_F(Server, AStalledUploadDoesNotKeepTheServerFromEnding) {
  start({.grace_ms = 20});
  std::string answer =
      raw("POST /v2/app/blobs/uploads/ HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  std::size_t begin = answer.find("Location: ") + 10;
  std::string place = answer.substr(begin, answer.find('\r', begin) - begin);
  base::Fd stalled = send(
      cat("PATCH ", place, " HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"));
  std::string begun(std::string_view("HTTP/1.1 100 Continue").size(), '\0');
  base::read_full(stalled, begun, "socket");
  EXPECT_EQ(begun, "HTTP/1.1 100 Continue");
  auto before = std::chrono::steady_clock::now();
  runner_.request_stop();
  runner_.join();
  // Silence alone would have ended it after a minute.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
}

TEST_F(Server, HowFarAStalledUploadGotIsToldAtOnce) {
  start({.grace_ms = 20});
  std::string answer =
      raw("POST /v2/app/blobs/uploads/ HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  std::size_t begin = answer.find("Location: ") + 10;
  std::string place = answer.substr(begin, answer.find('\r', begin) - begin);
  base::Fd stalled = send(cat("PATCH ", place, " HTTP/1.1\r\nContent-Length: 1000\r\n\r\n123"));
  auto before = std::chrono::steady_clock::now();
  std::string progress;
  for (int tries = 0; tries < 10'000 && !progress.contains("Range: 0-2\r\n"); ++tries) {
    progress = raw(cat("GET ", place, " HTTP/1.1\r\nConnection: close\r\n\r\n"));
    ASSERT_THAT(progress, HasSubstr("204 No Content"));
  }
  EXPECT_THAT(progress, HasSubstr("Range: 0-2\r\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
}

TEST_F(Server, OddRequestsHarmNobody) {
  start();
  for (const std::string& request :
       {std::string("\r\n\r\n"), std::string("GET"),
        cat("GET /", std::string(9000, 'a'), " HTTP/1.1\r\n\r\n"),
        std::string("GET /v2/%00/manifests/x HTTP/1.1\r\nConnection: close\r\n\r\n"),
        std::string("PUT /v2/app/manifests/v1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string(
            "PATCH /v2/app/blobs/uploads/../../x HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")}) {
    send(request);
  }
  EXPECT_EQ(push("app", "still here"), Client::Uploaded::kSent);
}

TEST_F(Server, ThePortMayBeTaken) {
  start();
  ServerOptions options{
      .port = server_->port(), .root = folder_.path() + "/other", .clock = clock_};
  EXPECT_THAT(error_of(base::ErrorKind::kSystem, [&] { RegistryServer other(options); }),
              HasSubstr("listen on 127.0.0.1"));
}

TEST_F(Server, ACertificateThatIsNoneIsSaidSo) {
  ServerOptions options{.port = 0,
                        .root = folder_.path() + "/other",
                        .clock = clock_,
                        .certificate_file = "/dev/null",
                        .key_file = "/dev/null"};
  EXPECT_THAT(error_of(base::ErrorKind::kInput, [&] { RegistryServer other(options); }),
              HasSubstr("can't use the certificate /dev/null"));
}

}  // namespace
}  // namespace slipway::registry
