// ADD of a URL: the file at its other end.
//
// What the server said last time is kept in a small file of the store: ETag, Last-Modified, digest
// and size. With a 304 these are enough to look up the step's record, so a build that is cached
// sends one request and receives no content.
#include <fcntl.h>

#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "builder/ops/remote.h"
#include "cache/store.h"
#include "registry/http/redirect.h"
#include "registry/http/transport.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kMemoryMagic = "slipway-url-1";
constexpr std::size_t kMemoryBytesMax = 64 * 1024;
constexpr std::uint32_t kDownloadedMode = 0600;

// What is known of a URL's content without having it.
struct UrlMemory {
  std::string etag;
  std::string last_modified;
  base::Digest digest;
  std::uint64_t size = 0;
};

std::string serialise(const UrlMemory& memory) {
  std::string body = cat(memory.etag, "\n", memory.last_modified, "\n", memory.digest.text(), "\n",
                         memory.size, "\n");
  return cat(kMemoryMagic, "\n", base::sha256_of(body).text(), "\n", body);
}

// Nothing for what is damaged or of another version.
std::optional<UrlMemory> parse_memory(std::string_view text) {
  std::vector<std::string_view> lines = base::split(text, '\n');
  if (lines.size() != 7 || lines[0] != kMemoryMagic) {
    return std::nullopt;
  }
  std::string_view body = text.substr(lines[0].size() + lines[1].size() + 2);
  auto digest = base::Digest::parse(lines[4]);
  auto size = base::parse_integer<std::uint64_t>(lines[5]);
  if (base::sha256_of(body).text() != lines[1] || !digest || !size) {
    return std::nullopt;
  }
  return UrlMemory{std::string(lines[2]), std::string(lines[3]), *std::move(digest), *size};
}

base::ErrorKind kind_of_status(int status) {
  return status == 404                    ? base::ErrorKind::kNotFound
         : status == 401 || status == 403 ? base::ErrorKind::kDenied
                                          : base::ErrorKind::kNetwork;
}

// One URL with what it takes to ask for it. Safe for many threads.
class UrlContent {
 public:
  UrlContent(const SourceHttp& source, const OpServices& services)
      : source_(source),
        store_(services.store),
        transport_(services.transport),
        memory_file_(services.store->stat_cache(cat("url ", source.url))) {
    std::optional<registry::Url> url = registry::Url::parse(source_.url);
    if (!url) {
      base::fail(base::ErrorKind::kInput, cat("invalid URL ", base::quote(source_.url)));
    }
    url_ = *std::move(url);
    set_authorization(services.exec->secrets);
  }

  // What is there now: asked of the server, unless a checksum has said it.
  UrlMemory look(const std::stop_token& stop) {
    std::optional<UrlMemory> known = remembered();
    if (known && source_.checksum) {
      if (known->digest == *source_.checksum) {
        return *std::move(known);
      }
      known.reset();
    }
    registry::Response response = request(known ? &*known : nullptr, stop);
    if (known && response.status == 304) {
      return *std::move(known);
    }
    return receive(response, stop);
  }

  std::unique_ptr<base::Source> open(const UrlMemory& expected) {
    std::lock_guard lock(fetching_);
    if (!content_) {
      registry::Response response = request(nullptr, {});
      if (receive(response, {}).digest != expected.digest) {
        base::fail(base::ErrorKind::kInput, cat(source_.url, " changed while it was read"),
                   "build again: the new content will be taken");
      }
    }
    return std::make_unique<base::FdRangeSource>(content_, 0, expected.size, source_.url);
  }

 private:
  // Secrets HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> (language reference, ADD).
  void set_authorization(const std::map<std::string, SecretValue>& secrets) {
    if (auto header = secrets.find(cat("HTTP_AUTH_HEADER_", url_.host)); header != secrets.end()) {
      headers_.add("Authorization", std::string(base::trim(header->second.reveal())));
    } else if (auto token = secrets.find(cat("HTTP_AUTH_TOKEN_", url_.host));
               token != secrets.end()) {
      headers_.add("Authorization", cat("Bearer ", base::trim(token->second.reveal())));
    }
  }

  std::optional<UrlMemory> remembered() const {
    std::optional<base::Fd> file = memory_file_.open();
    return file ? parse_memory(base::read_to_end(*file, kMemoryBytesMax, "url memory"))
                : std::nullopt;
  }

  registry::Response request(const UrlMemory* known, const std::stop_token& stop) const {
    registry::Request request{
        .method = "GET", .url = url_, .headers = headers_, .body = std::nullopt};
    if (known != nullptr && !known->etag.empty()) {
      request.headers.add("If-None-Match", known->etag);
    } else if (known != nullptr) {
      request.headers.add("If-Modified-Since", known->last_modified);
    }
    registry::Response response = registry::send_following(transport_(), request, stop);
    if (response.status != 200 && !(known != nullptr && response.status == 304)) {
      base::fail(kind_of_status(response.status),
                 cat("invalid response status ", response.status, " for ", source_.url));
    }
    return response;
  }

  // Keeps the content in a file of our own.
  UrlMemory receive(registry::Response& response, const std::stop_token& stop) {
    base::TempDir scratch = store_->scratch_directory("http-");
    std::string path = scratch.path() + "/content";
    base::Fd file = base::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    base::FdSink sink(file, source_.url);
    base::HashingSink hashing(&sink);
    base::copy_stream(*response.body, hashing, stop);
    hashing.finish();
    if (source_.checksum && *source_.checksum != hashing.digest()) {
      base::fail(base::ErrorKind::kIntegrity,
                 cat("digest mismatch for ", source_.url, ": expected ", source_.checksum->text(),
                     ", got ", hashing.digest().text()));
    }
    UrlMemory memory{std::string(response.headers.find("ETag").value_or("")),
                     std::string(response.headers.find("Last-Modified").value_or("")),
                     hashing.digest(), hashing.size()};
    if (!memory.etag.empty() || !memory.last_modified.empty()) {
      memory_file_.replace(serialise(memory));
    }
    // The folder goes with the last name of the file; the descriptor keeps the content.
    content_ = std::make_shared<base::Fd>(std::move(file));
    return memory;
  }

  SourceHttp source_;
  registry::Url url_;
  registry::Headers headers_;
  cache::Store* store_;
  std::function<registry::Transport&()> transport_;
  cache::StatCacheFile memory_file_;
  std::mutex fetching_;
  std::shared_ptr<base::Fd> content_;
};

// A tree with one file, whose content need not be here.
class UrlView : public TreeView {
 public:
  UrlView(std::shared_ptr<UrlContent> content, UrlMemory memory, Entry entry)
      : content_(std::move(content)), memory_(std::move(memory)), entry_(std::move(entry)) {}

  std::optional<Entry> find(const base::ImagePath& path) const override {
    if (path.is_root()) {
      return make_implied_directory(path);
    }
    return path == entry_.path ? std::optional(entry_) : std::nullopt;
  }
  std::vector<Entry> children(const base::ImagePath& path) const override {
    return path.is_root() ? std::vector<Entry>{entry_} : std::vector<Entry>();
  }
  std::unique_ptr<base::Source> open(const Entry&) const override {
    return content_->open(memory_);
  }
  base::Digest digest(const Entry&) const override { return memory_.digest; }
  std::uint64_t link_group(const Entry&) const override { return 0; }

 private:
  std::shared_ptr<UrlContent> content_;
  UrlMemory memory_;
  Entry entry_;
};

class HttpOp : public Op {
 public:
  HttpOp(const SourceHttp& source, const OpServices& services)
      : source_(&source), services_(&services) {}
  bool is_step() const override { return false; }
  VertexResult open(const OpInputs&, std::stop_token stop) override {
    VertexResult result;
    result.files = download(*source_, *services_, std::move(stop)).files;
    return result;
  }

 private:
  const SourceHttp* source_;  // owned by the graph
  const OpServices* services_;
};

}  // namespace

Download download(const SourceHttp& source, const OpServices& services, std::stop_token stop) {
  auto content = std::make_shared<UrlContent>(source, services);
  UrlMemory memory = content->look(stop);
  Entry entry;
  entry.path = base::ImagePath().child(source.file_name);
  entry.mode = kDownloadedMode;
  entry.size = memory.size;
  entry.digest = memory.digest;
  entry.mtime = base::parse_http_date(memory.last_modified).value_or(base::Timestamp{});
  return {std::make_shared<UrlView>(std::move(content), std::move(memory), entry), entry};
}

std::unique_ptr<Op> make_http_op(const SourceHttp& source, const OpServices& services) {
  return std::make_unique<HttpOp>(source, services);
}

}  // namespace slipway::builder
