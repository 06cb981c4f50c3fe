#include "registry/blob_upload.h"

#include "base/error.h"
#include "base/text.h"
#include "registry/http/attempt.h"

// How a blob gets to a registry (distribution-spec, "Pushing blobs"): is it there (HEAD)? Can the
// registry take it from another of its repositories (POST ?mount=&from=)? Else POST opens an upload
// and one PUT sends everything, which every registry takes. The Location of the last answer is
// followed always: it holds the registry's own state.

namespace slipway::registry {

namespace {

using Retries = RegistryHost::Retries;

// More than two refused mounts are more requests than they save.
constexpr int kMountTriesMax = 2;

// Tells how much was read.
class CountedSource : public base::Source {
 public:
  CountedSource(std::unique_ptr<base::Source> next, std::function<void(std::uint64_t)> tell)
      : next_(std::move(next)), tell_(std::move(tell)) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    count_ += count;
    tell_(count_);
    return count;
  }

 private:
  std::unique_ptr<base::Source> next_;
  std::function<void(std::uint64_t)> tell_;
  std::uint64_t count_ = 0;
};

class BlobUpload {
 public:
  BlobUpload(RegistryHost& host, Sender& sender, const Repository& repository,
             const Client::Upload& upload, std::stop_token stop)
      : host_(&host),
        sender_(&sender),
        repository_(&repository),
        upload_(&upload),
        stop_(std::move(stop)),
        scopes_({repository_scope(repository.path, {"pull", "push"})}),
        what_(base::cat("pushing blob ", upload.descriptor.digest.text(), " to ",
                        repository.text())) {}

  // The retry loop of an upload: a broken one starts anew with a session of its own, because nobody
  // knows what of the old one arrived. Perhaps all: so it is looked for again, too.
  Client::UploadResult run() {
    for (int tried = 1;; ++tried) {
      auto outcome = attempt([&] { return try_once(); });
      bool is_last = tried >= sender_->attempts_max();
      if (!outcome) {
        if (is_last || !outcome.error().may_pass()) {
          outcome.error().rethrow();
        }
        sender_->wait(tried, std::nullopt, outcome.error().message, stop_);
        continue;
      }
      if (!outcome->refused) {
        return outcome->result;
      }
      Response& refused = *outcome->refused;
      if (is_last || !is_worth_retrying(refused.status)) {
        host_->fail(refused, what_);
      }
      sender_->wait(tried, retry_after_ms(refused.headers, sender_->clock().now()),
                    base::cat("status ", refused.status, " from ", host_->name()), stop_);
    }
  }

 private:
  struct Outcome {
    Client::UploadResult result;
    std::optional<Response> refused;  // then there is no result
  };

  Url uploads_url() {
    return host_->url(base::cat("v2/", repository_->path, "/blobs/uploads/"), stop_);
  }

  bool is_there() {
    Request request{.method = "HEAD",
                    .url = host_->url(base::cat("v2/", repository_->path, "/blobs/",
                                                upload_->descriptor.digest.text()),
                                      stop_)};
    Response response = host_->send(request, scopes_, Retries::kYes, stop_);
    // Whatever else it says: HEAD has no words, POST will.
    return response.status == 200;
  }

  // Opens a session. Nothing where the answer is a refusal, which is in `response` then.
  std::optional<Url> open_session(Response& response) {
    Request request{.method = "POST", .url = uploads_url()};
    response = host_->send(request, scopes_, Retries::kYes, stop_);
    if (response.status != 202) {
      return std::nullopt;
    }
    read_short_body(response);
    return host_->location(request, response);
  }

  Outcome try_once() {
    if (is_there()) {
      return {.result = {.how = Client::Uploaded::kExisted}};
    }
    Outcome outcome;
    std::optional<Url> session = mount(outcome.result);
    if (outcome.result.how == Client::Uploaded::kMounted) {
      return outcome;
    }
    if (!session) {
      Response response;
      session = open_session(response);
      if (!session) {
        outcome.refused = std::move(response);
        return outcome;
      }
    }
    outcome.refused = send_bytes(*session);
    return outcome;
  }

  // Tries known sources. A registry that can't mount opens a session instead, whose URL is given.
  std::optional<Url> mount(Client::UploadResult& result) {
    int tries = 0;
    for (const Repository& source : upload_->known_sources) {
      bool can_serve = api_host(source.domain) == api_host(repository_->domain) &&
                       source.path != repository_->path;
      if (!can_serve || tries++ >= kMountTriesMax) {
        continue;
      }
      std::set<Scope> scopes = scopes_;
      scopes.insert(repository_scope(source.path, {"pull"}));
      Request request{.method = "POST", .url = uploads_url()};
      request.url.add_query("mount", upload_->descriptor.digest.text());
      request.url.add_query("from", source.path);
      Response response = host_->send(request, scopes, Retries::kYes, stop_);
      read_short_body(response);
      if (response.status == 201) {
        result.how = Client::Uploaded::kMounted;
        result.mounted_from = source.path;
        return std::nullopt;
      }
      if (response.status == 202) {
        return host_->location(request, response);
      }
    }
    return std::nullopt;
  }

  RequestBody body() const {
    const Client::Upload& upload = *upload_;
    return {.open = [&upload]() -> std::unique_ptr<base::Source> {
              auto source = std::make_unique<base::VerifyingSource>(
                  upload.open(), upload.descriptor.digest, upload.descriptor.size,
                  base::cat("blob ", upload.descriptor.digest.text()));
              if (!upload.progress) {
                return source;
              }
              return std::make_unique<CountedSource>(std::move(source), upload.progress);
            },
            .size = static_cast<std::uint64_t>(upload.descriptor.size)};
  }

  // Nothing when the bytes are there, else the refusal.
  std::optional<Response> send_bytes(Url session) {
    session.add_query("digest", upload_->descriptor.digest.text());
    Request request{.method = "PUT", .url = std::move(session), .body = body()};
    request.headers.set("Content-Type", "application/octet-stream");
    Response response = host_->send(request, scopes_, Retries::kNo, stop_);
    if (response.status != 201 && response.status != 204 && response.status != 200) {
      return response;
    }
    read_short_body(response);
    check_claim(response);
    return std::nullopt;
  }

  void check_claim(const Response& response) const {
    std::string_view claimed = response.headers.find("Docker-Content-Digest").value_or("");
    if (claimed.starts_with("sha256:") && claimed != upload_->descriptor.digest.text()) {
      base::fail(base::ErrorKind::kIntegrity,
                 base::cat(what_, ": ", host_->name(), " stored it as ", claimed));
    }
  }

  RegistryHost* host_;
  Sender* sender_;
  const Repository* repository_;  // these two are owned by the caller of upload_blob
  const Client::Upload* upload_;
  std::stop_token stop_;
  std::set<Scope> scopes_;
  std::string what_;
};

}  // namespace

Client::UploadResult upload_blob(RegistryHost& host, Sender& sender, const Repository& repository,
                                 const Client::Upload& upload, std::stop_token stop) {
  return BlobUpload(host, sender, repository, upload, std::move(stop)).run();
}

void try_upload(RegistryHost& host, const Repository& repository, std::stop_token stop) {
  std::set<Scope> scopes = {repository_scope(repository.path, {"pull", "push"})};
  Request request{.method = "POST",
                  .url = host.url(base::cat("v2/", repository.path, "/blobs/uploads/"), stop)};
  Response response = host.send(request, scopes, Retries::kYes, stop);
  if (response.status != 202) {
    host.fail(response, base::cat("asking whether ", repository.text(), " may be pushed to"));
  }
  read_short_body(response);
  Request cancel{.method = "DELETE", .url = host.location(request, response)};
  Response answer = host.send(cancel, scopes, Retries::kNo, stop);
  read_short_body(answer);
}

}  // namespace slipway::registry
