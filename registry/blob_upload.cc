#include "registry/blob_upload.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "registry/http/attempt.h"

// How a blob gets to a registry (distribution-spec, "Pushing blobs"): is it there (HEAD)? Can the
// registry take it from another of its repositories (POST ?mount=&from=)? Else POST opens an
// upload. A small blob is sent with one PUT, which every registry takes. A large one goes with
// PATCH and a PUT without a body: where that breaks, the registry is asked how far it got (GET) and
// the rest is sent. PATCH takes all that is left at once, as Docker's client does; a registry (or a
// proxy before it) that finds this too large gets pieces. The Location of the last answer is
// followed always: it holds the registry's own state.

namespace slipway::registry {

namespace {

using Retries = RegistryHost::Retries;

// More than two refused mounts are more requests than they save.
constexpr int kMountTriesMax = 2;

// Blobs up to this size are sent in one request, and again from the start if that breaks.
constexpr std::uint64_t kWholeBytesMax = 8 * 1024 * 1024;
// Pieces for registries that take no larger ones; the least that is tried.
constexpr std::uint64_t kPieceBytes = 16 * 1024 * 1024;
constexpr std::uint64_t kPieceBytesMin = 1024 * 1024;

// The bytes of an upload from any place: opened anew only if they are wanted from before where they
// stand. Verified as they pass (by their own source where that does it); tells how far they were
// read.
class Bytes {
 public:
  explicit Bytes(const Client::Upload& upload) : upload_(&upload) {}

  void seek(std::uint64_t place) {
    if (!source_ || place < place_) {
      source_ = upload_->open();
      if (!upload_->is_verified) {
        source_ = std::make_unique<base::VerifyingSource>(
            std::move(source_), upload_->descriptor.digest, upload_->descriptor.size,
            base::cat("blob ", upload_->descriptor.digest.text()));
      }
      place_ = 0;
    }
    std::vector<char> skipped(base::kCopyPieceBytes);
    while (place_ < place) {
      std::size_t wanted = std::min<std::uint64_t>(skipped.size(), place - place_);
      std::size_t count = source_->read(std::span(skipped).first(wanted));
      if (count == 0) {
        break;  // the verifying source has thrown already if that is too early
      }
      place_ += count;
    }
  }
  std::size_t read(std::span<char> bytes) {
    std::size_t count = source_->read(bytes);
    place_ += count;
    if (upload_->progress) {
      upload_->progress(place_);
    }
    return count;
  }
  // Throws kIntegrity if everything was read and is not what it should be.
  void check_if_at_end() {
    if (place_ == static_cast<std::uint64_t>(upload_->descriptor.size)) {
      char byte = 0;
      source_->read(std::span(&byte, 1));
    }
  }

 private:
  const Client::Upload* upload_;  // owned by the caller of upload_blob
  std::unique_ptr<base::Source> source_;
  std::uint64_t place_ = 0;
};

// `length` bytes from where `bytes` stands. The end of the blob is checked with its last piece.
class Piece : public base::Source {
 public:
  Piece(Bytes& bytes, std::uint64_t length) : bytes_(&bytes), left_(length) {}
  std::size_t read(std::span<char> bytes) override {
    if (left_ == 0) {
      bytes_->check_if_at_end();
      return 0;
    }
    std::size_t count = bytes_->read(bytes.first(std::min<std::uint64_t>(bytes.size(), left_)));
    left_ -= count;
    return count;
  }

 private:
  Bytes* bytes_;
  std::uint64_t left_;
};

// "0-99" of a Range header: how many bytes the registry has.
std::optional<std::uint64_t> received_of(const Response& response) {
  std::string_view text = response.headers.find("Range").value_or("");
  if (text.starts_with("bytes=")) {
    text.remove_prefix(6);
  }
  auto ends = base::split_once(text, '-');
  auto last = ends ? base::parse_integer<std::uint64_t>(ends->after) : std::nullopt;
  // "0-0" says one byte or none; sending that one again is refused at worst.
  return last ? std::optional(*last == 0 ? 0 : *last + 1) : std::nullopt;
}

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
        what_(
            base::cat("pushing blob ", upload.descriptor.digest.text(), " to ", repository.text())),
        bytes_(upload),
        size_(static_cast<std::uint64_t>(upload.descriptor.size)),
        session_(upload.session) {}

  // The retry loop of an upload. Perhaps all arrived, and only the answer did not: so it is looked
  // for again, too. A large one goes on where it stood, if the registry still has it.
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

  // Nobody will go on with it. One that stays open costs its registry a little space for a while.
  void cancel_session() {
    if (session_) {
      Request request{.method = "DELETE", .url = *std::exchange(session_, std::nullopt)};
      attempt([&] {
        Response response = host_->send(request, scopes_, Retries::kNo, stop_);
        read_short_body(response);
      });
    }
  }

  Outcome try_once() {
    if (is_there()) {
      cancel_session();
      return {.result = {.how = Client::Uploaded::kExisted}};
    }
    Outcome outcome;
    if (session_ && find_progress()) {
      outcome.refused = send_rest();
      return outcome;
    }
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
    if (size_ <= kWholeBytesMax) {
      outcome.refused = send_whole(*session);
    } else {
      session_ = std::move(session);
      sent_ = 0;
      outcome.refused = send_rest();
    }
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
      // Some say so and have it not: looking costs less than a manifest that is refused.
      if (response.status == 201 && is_there()) {
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

  RequestBody body(std::uint64_t place, std::uint64_t length) {
    return {.open = [this, place, length]() -> std::unique_ptr<base::Source> {
              bytes_.seek(place);
              return std::make_unique<Piece>(bytes_, length);
            },
            .size = length};
  }

  // Nothing when the bytes are there, else the refusal.
  std::optional<Response> send_whole(const Url& session) { return finish(session, body(0, size_)); }

  std::optional<Response> finish(Url session, RequestBody last) {
    session.add_query("digest", upload_->descriptor.digest.text());
    Request request{.method = "PUT", .url = std::move(session), .body = std::move(last)};
    request.headers.set("Content-Type", "application/octet-stream");
    Response response = host_->send(request, scopes_, Retries::kNo, stop_);
    if (response.status != 201 && response.status != 204 && response.status != 200) {
      return response;
    }
    read_short_body(response);
    check_claim(response);
    return std::nullopt;
  }

  // Asks how far the session got; false, and none any more, if it is gone.
  bool find_progress() {
    Request request{.method = "GET", .url = *session_};
    Response response = host_->send(request, scopes_, Retries::kYes, stop_);
    read_short_body(response);
    std::optional<std::uint64_t> received = received_of(response);
    if ((response.status != 204 && response.status != 200) || !received || *received > size_) {
      session_.reset();
      return false;
    }
    sent_ = *received;
    if (response.headers.find("Location")) {
      session_ = host_->location(request, response);
    }
    return true;
  }

  // From sent_ to the end.
  std::optional<Response> send_rest() {
    while (sent_ < size_) {
      if (auto refused = send_piece(std::min(piece_bytes_, size_ - sent_))) {
        return refused;
      }
    }
    bytes_.seek(size_);
    bytes_.check_if_at_end();
    return finish(*session_, body_of_text(""));
  }

  std::optional<Response> send_piece(std::uint64_t length) {
    Request request{.method = "PATCH", .url = *session_, .body = body(sent_, length)};
    request.headers.set("Content-Type", "application/octet-stream");
    request.headers.set("Content-Range", base::cat(sent_, "-", sent_ + length - 1));
    Response response = host_->send(request, scopes_, Retries::kNo, stop_);
    if (response.status == 202 || response.status == 201 || response.status == 204) {
      read_short_body(response);
      session_ = host_->location(request, response);
      std::uint64_t received = received_of(response).value_or(sent_ + length);
      bool is_progress = received > sent_ && received <= sent_ + length;
      sent_ = is_progress ? received : sent_ + length;
      return std::nullopt;
    }
    bool is_too_large = response.status == 413 && length > kPieceBytesMin;
    if (!is_too_large && response.status != 416) {
      return response;
    }
    if (is_too_large) {
      piece_bytes_ = std::min(kPieceBytes, std::max(length / 4, kPieceBytesMin));
    }
    // 416: not where the registry stands. Either way, it says where that is; if it stands where the
    // refused piece began, that was not the reason.
    std::uint64_t before = sent_;
    bool is_known = find_progress();
    if (is_known && (is_too_large || sent_ != before)) {
      return std::nullopt;
    }
    return response;
  }

  void check_claim(const Response& response) const {
    const base::Digest& digest = upload_->descriptor.digest;
    std::string_view claimed = response.headers.find("Docker-Content-Digest").value_or("");
    // One of another algorithm is another name of it.
    if (claimed.starts_with(base::cat(digest.algorithm(), ":")) && claimed != digest.text()) {
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
  Bytes bytes_;
  std::uint64_t size_;
  std::optional<Url> session_;  // of a large blob: open, and to be gone on with
  std::uint64_t sent_ = 0;      // what it has
  std::uint64_t piece_bytes_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace

Client::UploadResult upload_blob(RegistryHost& host, Sender& sender, const Repository& repository,
                                 const Client::Upload& upload, std::stop_token stop) {
  TransferSlots::Lease slot = host.uploads().take(stop);
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
