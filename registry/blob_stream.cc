#include "registry/blob_stream.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "registry/http/attempt.h"

// A blob that is sent while it is made goes the way on which Docker's client sends all of them:
// POST opens an upload, one PATCH of unknown length takes the bytes, and a PUT without a body says
// which digest they have. Every registry knows that way. Whatever breaks ends it: by then the bytes
// are on their way into the store, from where an ordinary upload goes on.

namespace slipway::registry {

namespace {

using Retries = RegistryHost::Retries;

// Tells how far it was read.
class ToldSource : public base::Source {
 public:
  ToldSource(std::unique_ptr<base::Source> next, const std::function<void(std::uint64_t)>& progress)
      : next_(std::move(next)), progress_(&progress) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    place_ += count;
    if (*progress_) {
      (*progress_)(place_);
    }
    return count;
  }

 private:
  std::unique_ptr<base::Source> next_;
  const std::function<void(std::uint64_t)>* progress_;  // owned by the caller of stream_to
  std::uint64_t place_ = 0;
};

class BlobStream {
 public:
  BlobStream(RegistryHost& host, const Repository& repository, const Client::Stream& stream,
             std::stop_token stop)
      : host_(&host),
        repository_(&repository),
        stream_(&stream),
        stop_(std::move(stop)),
        scopes_({repository_scope(repository.path, {"pull", "push"})}),
        what_(base::cat("pushing ", stream.name, " to ", repository.text())) {}

  Client::StreamResult run() {
    if (!open_session() || !send_bytes()) {
      return {.is_there = false, .session = session_};
    }
    return {.is_there = finish(), .session = session_};
  }

 private:
  bool open_session() {
    Request request{
        .method = "POST",
        .url = host_->url(base::cat("v2/", repository_->path, "/blobs/uploads/"), stop_)};
    Response response = host_->send(request, scopes_, Retries::kYes, stop_);
    if (response.status == 202) {
      read_short_body(response);
      session_ = host_->location(request, response);
      return true;
    }
    if (is_worth_retrying(response.status)) {
      return false;
    }
    host_->fail(response, what_);
  }

  bool send_bytes() {
    Request request{.method = "PATCH",
                    .url = *session_,
                    .body = RequestBody{.open = [this] { return open(); }, .size = std::nullopt}};
    request.headers.set("Content-Type", "application/octet-stream");
    auto response = attempt([&] { return host_->send(request, scopes_, Retries::kNo, stop_); });
    bool is_taken =
        response && (response->status == 202 || response->status == 201 || response->status == 204);
    if (response) {
      read_short_body(*response);
    }
    if (is_taken) {
      session_ = host_->location(request, *response);
    }
    return is_taken && is_opened_;
  }

  // A redirect or a challenge after the first byte can't be followed.
  std::unique_ptr<base::Source> open() {
    if (std::exchange(is_opened_, true)) {
      base::fail(base::ErrorKind::kNetwork, base::cat(what_, ": its bytes are sent once only"));
    }
    return std::make_unique<ToldSource>(stream_->open(), stream_->progress);
  }

  bool finish() {
    const Descriptor descriptor = stream_->descriptor();
    Request request{.method = "PUT", .url = *session_, .body = body_of_text("")};
    request.url.add_query("digest", descriptor.digest.text());
    request.headers.set("Content-Type", "application/octet-stream");
    auto response = attempt([&] { return host_->send(request, scopes_, Retries::kNo, stop_); });
    if (!response) {
      return false;
    }
    read_short_body(*response);
    std::string_view claimed = response->headers.find("Docker-Content-Digest").value_or("");
    bool is_stored = response->status == 201 || response->status == 204 || response->status == 200;
    bool is_same = !claimed.starts_with("sha256:") || claimed == descriptor.digest.text();
    if (!is_stored && !is_worth_retrying(response->status)) {
      session_.reset();  // it has something else than was sent
    }
    return is_stored && is_same;
  }

  RegistryHost* host_;
  const Repository* repository_;  // these two are owned by the caller of stream_to
  const Client::Stream* stream_;
  std::stop_token stop_;
  std::set<Scope> scopes_;
  std::string what_;
  std::optional<Url> session_;
  bool is_opened_ = false;
};

}  // namespace

Client::StreamResult stream_to(RegistryHost& host, const Repository& repository,
                               const Client::Stream& stream, std::stop_token stop) {
  TransferSlots::Lease slot = host.uploads().take(stop);
  return BlobStream(host, repository, stream, std::move(stop)).run();
}

}  // namespace slipway::registry
