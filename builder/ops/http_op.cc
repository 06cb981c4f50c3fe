// ADD of a URL: the file at its other end.
#include <fcntl.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/layer/file_view.h"
#include "builder/ops/services.h"
#include "cache/store.h"
#include "registry/http/redirect.h"
#include "registry/http/transport.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kContentName = "content";
constexpr std::uint32_t kDownloadedMode = 0600;

class HttpOp : public Op {
 public:
  HttpOp(const SourceHttp& source, const OpServices& services)
      : source_(&source), services_(&services) {}
  bool is_step() const override { return false; }

  VertexResult open(const OpInputs&, std::stop_token stop) override {
    registry::Response response = request(stop);
    base::TempDir scratch = services_->store->scratch_directory("http-");
    Entry entry = download(response, scratch, stop);
    VertexResult result;
    result.files = make_file_view(std::move(entry), std::move(scratch), std::string(kContentName));
    return result;
  }

 private:
  registry::Response request(const std::stop_token& stop) const {
    std::optional<registry::Url> url = registry::Url::parse(source_->url);
    if (!url) {
      base::fail(base::ErrorKind::kInput, cat("invalid URL ", base::quote(source_->url)));
    }
    registry::Request request{
        .method = "GET", .url = *url, .headers = authorization(url->host), .body = std::nullopt};
    registry::Response response = registry::send_following(services_->transport(), request, stop);
    if (response.status != 200) {
      base::fail(response.status == 404 ? base::ErrorKind::kNotFound : base::ErrorKind::kNetwork,
                 cat("invalid response status ", response.status, " for ", source_->url));
    }
    return response;
  }

  // Secrets HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> (language reference, ADD).
  registry::Headers authorization(const std::string& host) const {
    registry::Headers headers;
    const std::map<std::string, SecretValue>& secrets = services_->exec->secrets;
    if (auto found = secrets.find(cat("HTTP_AUTH_HEADER_", host)); found != secrets.end()) {
      headers.add("Authorization", found->second.reveal());
    } else if (found = secrets.find(cat("HTTP_AUTH_TOKEN_", host)); found != secrets.end()) {
      headers.add("Authorization", cat("Bearer ", found->second.reveal()));
    }
    return headers;
  }

  Entry download(registry::Response& response, const base::TempDir& scratch,
                 const std::stop_token& stop) const {
    base::Fd file =
        base::open_file(cat(scratch.path(), "/", kContentName), O_WRONLY | O_CREAT | O_EXCL, 0600);
    base::FdSink sink(file, source_->url);
    base::HashingSink hashing(&sink);
    base::copy_stream(*response.body, hashing, stop);
    hashing.finish();
    if (source_->checksum && *source_->checksum != hashing.digest()) {
      base::fail(base::ErrorKind::kIntegrity,
                 cat("digest mismatch for ", source_->url, ": expected ", source_->checksum->text(),
                     ", got ", hashing.digest().text()));
    }
    Entry entry;
    entry.path = base::ImagePath().child(source_->file_name);
    entry.mode = kDownloadedMode;
    entry.size = hashing.size();
    entry.digest = hashing.digest();
    if (auto modified = response.headers.find("Last-Modified")) {
      entry.mtime = base::parse_http_date(*modified).value_or(base::Timestamp{});
    }
    return entry;
  }

  const SourceHttp* source_;  // owned by the graph
  const OpServices* services_;
};

}  // namespace

std::unique_ptr<Op> make_http_op(const SourceHttp& source, const OpServices& services) {
  return std::make_unique<HttpOp>(source, services);
}

}  // namespace slipway::builder
