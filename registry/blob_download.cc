#include "registry/blob_download.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "registry/http/attempt.h"

namespace slipway::registry {

namespace {

// "bytes 100-199/1000" of a 206: where it starts.
std::optional<std::uint64_t> range_start(const Response& response) {
  std::string_view value = response.headers.find("Content-Range").value_or("");
  if (!value.starts_with("bytes ")) {
    return std::nullopt;
  }
  value.remove_prefix(6);
  return base::parse_integer<std::uint64_t>(value.substr(0, value.find('-')));
}

// One way to the bytes.
class BlobPlace {
 public:
  virtual ~BlobPlace() = default;
  // The answer to a GET with this Range (none where empty), whatever its status.
  virtual Response get(const std::string& range, std::stop_token stop) = 0;
  [[noreturn]] virtual void fail(Response& response, std::string_view what) = 0;
};

class RegistryPlace : public BlobPlace {
 public:
  RegistryPlace(BlobLocation location, const base::Digest& digest)
      : host_(std::move(location.host)),
        path_(base::cat("v2/", location.path, "/blobs/", digest.text())),
        scopes_({repository_scope(location.path, {"pull"})}) {}

  Response get(const std::string& range, std::stop_token stop) override {
    if (!slot_) {
      slot_.emplace(host_->downloads().take(stop));
    }
    Request request{.url = host_->url(path_, stop)};
    if (!range.empty()) {
      request.headers.set("Range", range);
    }
    return host_->send(request, scopes_, RegistryHost::Retries::kYes, stop);
  }
  void fail(Response& response, std::string_view what) override { host_->fail(response, what); }

 private:
  std::shared_ptr<RegistryHost> host_;
  std::optional<TransferSlots::Lease> slot_;  // destroyed before its host
  std::string path_;
  std::set<Scope> scopes_;
};

// A foreign layer's own URL: no credentials of any registry.
class UrlPlace : public BlobPlace {
 public:
  UrlPlace(Sender& sender, Url url) : sender_(&sender), url_(std::move(url)) {}

  Response get(const std::string& range, std::stop_token stop) override {
    Request request{.url = url_};
    if (!range.empty()) {
      request.headers.set("Range", range);
    }
    return sender_->send(request, stop);
  }
  void fail(Response& response, std::string_view what) override {
    base::fail(base::ErrorKind::kNetwork,
               base::cat(what, ": ", url_.display(), " answered ", response.status));
  }

 private:
  Sender* sender_;
  Url url_;
};

class Download : public base::Source {
 public:
  Download(std::vector<std::unique_ptr<BlobPlace>> places, Sender& sender, std::string what,
           std::uint64_t size, std::stop_token stop)
      : places_(std::move(places)),
        sender_(&sender),
        what_(std::move(what)),
        size_(size),
        stop_(std::move(stop)) {
    open_first();
  }

  // The retry loop of a body: whatever breaks is reported, waited for and opened again.
  std::size_t read(std::span<char> bytes) override {
    while (true) {
      auto count = attempt([&] { return read_here(bytes); });
      if (count) {
        return *count;
      }
      body_.reset();
      // Progress earned a new set of tries; a server that breaks at the same byte does not. A
      // server that was there may be restarting, so a refused connection counts as one that broke.
      if (!count.error().transport || ++failures_ >= sender_->attempts_max()) {
        count.error().rethrow();
      }
      sender_->wait(failures_, std::nullopt, count.error().message, stop_);
    }
  }

 private:
  // The first place that has the blob; all before it are forgotten.
  void open_first() {
    while (places_.size() > 1) {
      auto response = attempt([&] { return places_.front()->get("", stop_); });
      if (response && response->status == 200) {
        body_ = std::move(response->body);
        return;
      }
      places_.erase(places_.begin());
    }
    Response response = places_.front()->get("", stop_);
    if (response.status != 200) {
      places_.front()->fail(response, what_);
    }
    body_ = std::move(response.body);
  }

  std::size_t read_here(std::span<char> bytes) {
    if (!body_) {
      reopen();
    }
    while (skip_ > 0) {
      std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      std::size_t count = body_->read(bytes.first(wanted));
      if (count == 0) {
        fail_early(place_ - skip_);
      }
      skip_ -= count;
    }
    std::size_t count = body_->read(bytes);
    if (count == 0 && place_ < size_) {
      fail_early(place_);
    }
    place_ += count;
    failures_ = count > 0 ? 0 : failures_;
    return count;
  }

  [[noreturn]] void fail_early(std::uint64_t place) const {
    throw TransportError(
        TransportError::Reason::kOther,
        base::cat(what_, ": the answer ends after ", place, " of ", size_, " bytes"));
  }

  void reopen() {
    Response response = places_.front()->get(base::cat("bytes=", place_, "-"), stop_);
    if (response.status == 206 && range_start(response) == place_) {
      body_ = std::move(response.body);
      return;
    }
    if (response.status == 416) {
      fail_if_refused_again();
    }
    if (response.status != 200) {
      response = places_.front()->get("", stop_);
    }
    if (response.status != 200) {
      places_.front()->fail(response, what_);
    }
    // From the start again: what was handed out already is skipped (the digest is checked over all
    // that is handed out, so other bytes than before don't pass).
    body_ = std::move(response.body);
    skip_ = place_;
  }

  // Once it may be a server that knows no ranges; that the answer ended there again says that there
  // is no more.
  void fail_if_refused_again() {
    if (refused_at_ == place_) {
      base::fail(base::ErrorKind::kIntegrity,
                 base::cat(what_, ": expected ", size_, " bytes, got ", place_));
    }
    refused_at_ = place_;
  }

  std::vector<std::unique_ptr<BlobPlace>> places_;  // the first is in use
  Sender* sender_;
  std::string what_;
  std::uint64_t size_;
  std::stop_token stop_;
  std::unique_ptr<base::Source> body_;
  std::uint64_t place_ = 0;  // bytes handed out
  std::uint64_t skip_ = 0;   // bytes of this answer that were handed out before
  int failures_ = 0;
  std::optional<std::uint64_t> refused_at_;  // a place from where there was nothing to be had
};

}  // namespace

std::unique_ptr<base::Source> download_blob(std::vector<BlobLocation> locations, Sender& sender,
                                            const Repository& repository,
                                            const Descriptor& descriptor, std::stop_token stop) {
  std::vector<std::unique_ptr<BlobPlace>> places;
  for (BlobLocation& location : locations) {
    places.push_back(std::make_unique<RegistryPlace>(std::move(location), descriptor.digest));
  }
  if (is_foreign_layer(descriptor.media_type)) {
    for (const std::string& text : descriptor.urls) {
      if (std::optional<Url> url = Url::parse(text)) {
        places.push_back(std::make_unique<UrlPlace>(sender, *std::move(url)));
      }
    }
  }
  return std::make_unique<Download>(
      std::move(places), sender,
      base::cat("blob ", descriptor.digest.text(), " of ", repository.text()),
      static_cast<std::uint64_t>(descriptor.size), std::move(stop));
}

}  // namespace slipway::registry
