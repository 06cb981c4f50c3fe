#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/cleanup.h"
#include "base/guarded.h"
#include "base/stop.h"
#include "base/text.h"
#include "registry/http/curl_library.h"
#include "registry/http/tls_settings.h"
#include "registry/http/transport.h"

// One exchange runs on one line: a multi handle (which keeps the connection for the next exchange)
// and an easy handle. The multi interface is used for its event loop, not for several transfers:
// it lets a read of the body pull just what it needs, and a stop interrupt any wait.
//
// No callback throws or calls out: the ones for bytes only copy from and to buffers, and pause the
// transfer when theirs is full or empty. The loop fills and empties the buffers between two steps.
//
// Why not cpp-httplib: when a server answers an upload before its end and closes (413, 401, 429),
// it reports a failed write and the answer is lost; its reads are pushed, so a Source on top needs
// a thread for each; connecting can't be interrupted; and over TLS it has half the throughput.

namespace slipway::registry {

namespace {

using Reason = TransportError::Reason;

constexpr long kReceiveBufferBytes = 256 * 1024;
constexpr long kSendBufferBytes = 1024 * 1024;
// More of a body is not taken before it is read.
constexpr std::size_t kBodyBufferBytes = 512 * 1024;
constexpr std::size_t kUploadPieceBytes = 1024 * 1024;
// All header lines of an answer. Signed Location values have a few KiB.
constexpr std::size_t kHeaderBytesMax = 256 * 1024;
constexpr std::size_t kIdleLinesMax = 16;
constexpr int kPollMax_ms = 1000;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

template <auto CurlLibrary::* function>
struct CurlDelete {
  template <typename Handle>
  void operator()(Handle* handle) const {
    (curl_library().*function)(handle);
  }
};
using EasyHandle = std::unique_ptr<CURL, CurlDelete<&CurlLibrary::easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, CurlDelete<&CurlLibrary::multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, CurlDelete<&CurlLibrary::slist_free_all>>;

struct Line {
  MultiHandle multi;
  EasyHandle easy;  // destroyed before `multi`
  std::string origin;
};

Line make_line() {
  Line line{.multi = MultiHandle(curl_library().multi_init()),
            .easy = EasyHandle(curl_library().easy_init()),
            .origin = {}};
  if (!line.multi || !line.easy) {
    base::fail(base::ErrorKind::kSystem, "curl_easy_init: out of memory");
  }
  return line;
}

// Lines that wait for their next exchange. Shared by the transport and its running exchanges.
class LinePool {
 public:
  // One that was connected to the origin last, else any, else a new one.
  Line take(const std::string& origin) {
    auto idle = idle_.lock();
    if (idle->empty()) {
      return make_line();
    }
    auto found = std::find_if(idle->rbegin(), idle->rend(),
                              [&](const Line& line) { return line.origin == origin; });
    auto place = found == idle->rend() ? idle->begin() : std::prev(found.base());
    Line line = std::move(*place);
    idle->erase(place);
    line.origin = origin;
    return line;
  }
  void give_back(Line line) {
    auto idle = idle_.lock();
    if (idle->size() < kIdleLinesMax) {
      idle->push_back(std::move(line));
    }
  }

 private:
  base::Guarded<std::vector<Line>> idle_;
};

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Reason reason_of(CURLcode code, long os_error) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Reason::kNameNotFound;
    case CURLE_COULDNT_CONNECT:
      return os_error == ECONNREFUSED ? Reason::kRefused : Reason::kOther;
    case CURLE_SSL_CONNECT_ERROR:
      return Reason::kNotTls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return Reason::kCertificate;
    case CURLE_OPERATION_TIMEDOUT:
      return Reason::kTimeout;
    default:
      return Reason::kOther;
  }
}

// What an exchange needs from its transport.
struct ExchangeContext {
  const TransportOptions* options;
  std::shared_ptr<const TlsSettings> tls;
  std::shared_ptr<LinePool> pool;
};

class Exchange {
 public:
  Exchange(const Request& request, const ExchangeContext& context, std::stop_token stop);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Runs until the answer's head is here.
  void run_to_head();
  std::size_t read(std::span<char> bytes);

  int status() const { return status_; }
  Headers& headers() { return headers_; }

 private:
  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* bytes, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

  template <typename Value>
  void set(CURLoption option, Value value);
  void set_request();
  void set_method();
  void set_headers();
  void set_tls();
  void set_proxy();
  void take_header_line(std::string_view line);
  // One turn of the loop: moves what can be moved, waits if nothing could.
  void step();
  void feed_upload();
  void take_result();
  void wait_for_activity();
  void finish_line();
  [[noreturn]] void fail_transfer();

  Request request_;
  ExchangeContext context_;
  std::stop_token stop_;
  base::StopEvent stop_event_;
  Line line_;
  HeaderList header_list_;
  char error_text_[CURL_ERROR_SIZE] = {};

  int status_ = 0;
  Headers headers_;
  std::size_t header_bytes_ = 0;
  bool head_complete_ = false;

  std::vector<char> body_;  // received and not read yet: from body_place_ to the end
  std::size_t body_place_ = 0;
  std::uint64_t body_bytes_ = 0;  // received so far
  bool receive_paused_ = false;

  std::unique_ptr<base::Source> upload_;
  std::vector<char> upload_piece_;
  std::size_t upload_place_ = 0;
  std::size_t upload_end_ = 0;
  std::uint64_t upload_bytes_ = 0;
  bool upload_wanted_ = false;
  bool upload_ended_ = false;

  bool added_ = false;
  bool done_ = false;
  CURLcode result_ = CURLE_OK;
  bool moved_ = false;  // a callback ran in this turn
  std::int64_t last_move_ms_ = 0;
};

Exchange::Exchange(const Request& request, const ExchangeContext& context, std::stop_token stop)
    : request_(request),
      context_(context),
      stop_(stop),
      stop_event_(std::move(stop)),
      line_(context_.pool->take(request_.url.authority())) {
  body_.reserve(kBodyBufferBytes + CURL_MAX_WRITE_SIZE);
  if (request_.body) {
    upload_ = request_.body->open();
    upload_piece_.resize(static_cast<std::size_t>(std::clamp<std::uint64_t>(
        request_.body->size.value_or(kUploadPieceBytes), 4096, kUploadPieceBytes)));
  }
  set_request();
  CURLMcode code = curl_library().multi_add_handle(line_.multi.get(), line_.easy.get());
  if (code != CURLM_OK) {
    base::fail(base::ErrorKind::kInternal,
               base::cat("curl_multi_add_handle: ", curl_library().multi_strerror(code)));
  }
  added_ = true;
  last_move_ms_ = steady_ms();
}

Exchange::~Exchange() {
  // Taking out a transfer that has not ended closes its connection.
  if (added_) {
    curl_library().multi_remove_handle(line_.multi.get(), line_.easy.get());
  }
}

template <typename Value>
void Exchange::set(CURLoption option, Value value) {
  CURLcode code = curl_library().easy_setopt(line_.easy.get(), option, value);
  if (code != CURLE_OK) {
    base::fail(base::ErrorKind::kInternal, base::cat("curl_easy_setopt ", static_cast<int>(option),
                                                     ": ", curl_library().easy_strerror(code)));
  }
}

void Exchange::set_request() {
  curl_library().easy_reset(line_.easy.get());
  set(CURLOPT_ERRORBUFFER, &error_text_[0]);
  set(CURLOPT_URL, request_.url.text().c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, long{context_.options->connect_timeout_ms});
  set(CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kSendBufferBytes);
  set(CURLOPT_OPENSOCKETFUNCTION, &Exchange::on_open_socket);
  set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Exchange::on_write);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set_method();
  set_headers();
  if (request_.url.tls) {
    set_tls();
  }
  set_proxy();
}

void Exchange::set_method() {
  bool may_have_body = request_.method != "GET" && request_.method != "HEAD";
  if (request_.body || (may_have_body && request_.method != "DELETE")) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Exchange::on_read);
    set(CURLOPT_READDATA, this);
    // A size of -1 makes the body chunked. POST without a body still says Content-Length: 0.
    curl_off_t size = 0;
    if (request_.body) {
      size = request_.body->size ? static_cast<curl_off_t>(*request_.body->size) : -1;
    }
    set(CURLOPT_INFILESIZE_LARGE, size);
    upload_ended_ = !request_.body;
  } else if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
  set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Exchange::set_headers() {
  auto append = [&](const std::string& text) {
    curl_slist* longer = curl_library().slist_append(header_list_.get(), text.c_str());
    if (longer == nullptr) {
      base::fail(base::ErrorKind::kSystem, "curl_slist_append: out of memory");
    }
    (void)header_list_.release();
    header_list_.reset(longer);
  };
  // Waiting for "100 Continue" costs a second at servers that don't know it; see the top of the
  // file for what happens to early answers.
  append("Expect:");
  append(base::cat("User-Agent: ", context_.options->user_agent));
  for (const auto& [name, value] : request_.headers.fields()) {
    if (!is_header_text(name) || !is_header_text(value)) {
      base::fail(base::ErrorKind::kInput,
                 base::cat("header ", base::quote(name), " has a line break in its value"));
    }
    // curl's way to send a header without a value.
    append(value.empty() ? name + ";" : base::cat(name, ": ", value));
  }
  set(CURLOPT_HTTPHEADER, header_list_.get());
}

void Exchange::set_tls() {
  const TlsSettings& tls = *context_.tls;
  set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!tls.verify) {
    set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  } else if (!tls.ca_text.empty()) {
    // The text lives as long as this exchange, so it need not be copied.
    curl_blob blob{.data = const_cast<char*>(tls.ca_text.data()),
                   .len = tls.ca_text.size(),
                   .flags = CURL_BLOB_NOCOPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  } else if (!context_.options->ca_file.empty() || !context_.options->ca_directory.empty()) {
    const std::string& file = context_.options->ca_file;
    const std::string& directory = context_.options->ca_directory;
    set(CURLOPT_CAINFO, file.empty() ? nullptr : file.c_str());
    set(CURLOPT_CAPATH, directory.empty() ? nullptr : directory.c_str());
  }
  if (!tls.client_certificate.empty()) {
    set(CURLOPT_SSLCERT, tls.client_certificate.c_str());
    set(CURLOPT_SSLKEY, tls.client_key.c_str());
  }
}

void Exchange::set_proxy() {
  const TransportOptions& options = *context_.options;
  const std::string& proxy = request_.url.tls ? options.https_proxy : options.http_proxy;
  // The empty text also keeps the library from reading the environment. Loopback is never reached
  // through a proxy, as with all Go clients.
  set(CURLOPT_PROXY, is_loopback(request_.url.host) ? "" : proxy.c_str());
  set(CURLOPT_NOPROXY, options.no_proxy.c_str());
}

curl_socket_t Exchange::on_open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Exchange::on_header(char* text, std::size_t size, std::size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  std::size_t length = size * count;
  exchange->moved_ = true;
  exchange->header_bytes_ += length;
  if (exchange->header_bytes_ > kHeaderBytesMax) {
    return 0;
  }
  exchange->take_header_line({text, length});
  return length;
}

void Exchange::take_header_line(std::string_view line) {
  line = base::trim(line);
  if (line.starts_with("HTTP/")) {
    // Another block: the one before was "100 Continue" or the like.
    headers_ = {};
    std::string_view rest = line.substr(std::min(line.find(' '), line.size()));
    status_ = base::parse_integer<int>(base::trim(rest).substr(0, 3)).value_or(0);
    return;
  }
  if (line.empty()) {
    head_complete_ = head_complete_ || status_ >= 200;
    return;
  }
  // Lines after the head are trailers of a chunked body.
  if (auto field = base::split_once(line, ':'); field && !head_complete_) {
    headers_.add(std::string(base::trim(field->before)), std::string(base::trim(field->after)));
  }
}

std::size_t Exchange::on_write(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  std::size_t length = size * count;
  if (exchange->body_place_ == exchange->body_.size()) {
    exchange->body_.clear();
    exchange->body_place_ = 0;
  }
  // The reserve holds one more piece than the limit, so nothing is allocated here.
  if (exchange->body_.size() >= kBodyBufferBytes) {
    exchange->receive_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  exchange->moved_ = true;
  exchange->body_bytes_ += length;
  exchange->body_.insert(exchange->body_.end(), bytes, bytes + length);
  return length;
}

std::size_t Exchange::on_read(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  std::size_t length = std::min(size * count, exchange->upload_end_ - exchange->upload_place_);
  if (length == 0) {
    if (exchange->upload_ended_) {
      return 0;
    }
    exchange->upload_wanted_ = true;
    return CURL_READFUNC_PAUSE;
  }
  exchange->moved_ = true;
  std::memcpy(bytes, exchange->upload_piece_.data() + exchange->upload_place_, length);
  exchange->upload_place_ += length;
  return length;
}

void Exchange::feed_upload() {
  upload_wanted_ = false;
  upload_place_ = 0;
  upload_end_ = base::read_full(*upload_, upload_piece_);
  upload_bytes_ += upload_end_;
  upload_ended_ = upload_end_ < upload_piece_.size();
  std::optional<std::uint64_t> size = request_.body->size;
  if (size && upload_bytes_ == *size && !upload_ended_) {
    // A source that checks what it gives says so at its end: ask for that before the last bytes are
    // sent, so that the other side never has a whole body that is wrong.
    char beyond = 0;
    upload_bytes_ += upload_->read({&beyond, 1});
    upload_ended_ = true;
  }
  if (size && (upload_bytes_ > *size || (upload_ended_ && upload_bytes_ != *size))) {
    base::fail(base::ErrorKind::kIntegrity,
               base::cat("what is sent to ", request_.url.display(), " has ", upload_bytes_,
                         upload_bytes_ > *size ? " or more" : "", " bytes, not ", *size));
  }
  curl_library().easy_pause(line_.easy.get(), receive_paused_ ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

void Exchange::take_result() {
  int left = 0;
  while (CURLMsg* message = curl_library().multi_info_read(line_.multi.get(), &left)) {
    if (message->msg == CURLMSG_DONE) {
      done_ = true;
      result_ = message->data.result;
    }
  }
}

void Exchange::wait_for_activity() {
  int idle_limit_ms = context_.options->idle_timeout_ms;
  std::int64_t idle_ms = steady_ms() - last_move_ms_;
  if (idle_ms >= idle_limit_ms) {
    throw TransportError(Reason::kTimeout,
                         base::cat(request_.method, " ", request_.url.display(),
                                   ": nothing moved for ", idle_limit_ms / 1000.0, " seconds"));
  }
  curl_waitfd stop_fd{.fd = stop_event_.fd().get(), .events = CURL_WAIT_POLLIN, .revents = 0};
  int wait_ms = static_cast<int>(std::min<std::int64_t>(idle_limit_ms - idle_ms, kPollMax_ms));
  curl_library().multi_poll(line_.multi.get(), &stop_fd, 1, wait_ms, nullptr);
}

void Exchange::step() {
  base::throw_if_stopped(stop_);
  int running = 0;
  moved_ = false;
  CURLMcode code = curl_library().multi_perform(line_.multi.get(), &running);
  if (code != CURLM_OK) {
    base::fail(base::ErrorKind::kInternal,
               base::cat("curl_multi_perform: ", curl_library().multi_strerror(code)));
  }
  take_result();
  if (done_) {
    // What was received of a body before its connection broke is handed out first.
    if (result_ != CURLE_OK && !head_complete_) {
      fail_transfer();
    }
    return;
  }
  if (upload_wanted_) {
    feed_upload();
    moved_ = true;
  }
  if (moved_) {
    last_move_ms_ = steady_ms();
  } else {
    wait_for_activity();
  }
}

void Exchange::fail_transfer() {
  long os_error = 0;
  curl_library().easy_getinfo(line_.easy.get(), CURLINFO_OS_ERRNO, &os_error);
  std::string_view text = base::trim(std::string_view(&error_text_[0]));
  if (text.empty()) {
    text = curl_library().easy_strerror(result_);
  }
  std::string system_text;
  if (result_ == CURLE_COULDNT_CONNECT && os_error != 0) {
    system_text = base::to_lower_ascii(std::generic_category().message(static_cast<int>(os_error)));
    text = system_text;
  }
  std::string where = base::cat(request_.method, " ", request_.url.display());
  if (head_complete_) {
    throw TransportError(Reason::kOther, base::cat(where, ": connection broke after ", body_bytes_,
                                                   " bytes of the answer: ", text));
  }
  Reason reason = reason_of(result_, os_error);
  // Not a word about TLS before the connection: a proxy's or a firewall's reset looks the same.
  throw TransportError(reason, base::cat(where, ": ", text));
}

void Exchange::run_to_head() {
  // An answer to an upload is awaited to its end where it fits the buffer: a server may answer
  // while it still reads, and cutting the body off there would break the connection. That to HEAD
  // has no body, so nobody would read to its end.
  bool to_the_end = upload_ != nullptr || request_.method == "HEAD";
  while (!done_ && (!head_complete_ || (to_the_end && !receive_paused_))) {
    step();
  }
  if (!head_complete_) {
    throw TransportError(Reason::kOther, base::cat(request_.method, " ", request_.url.display(),
                                                   ": the answer has no head"));
  }
  upload_.reset();
  finish_line();
}

std::size_t Exchange::read(std::span<char> bytes) {
  while (body_place_ == body_.size() && !done_) {
    if (receive_paused_) {
      receive_paused_ = false;
      last_move_ms_ = steady_ms();
      curl_library().easy_pause(line_.easy.get(), CURLPAUSE_CONT);
      continue;
    }
    step();
  }
  std::size_t count = std::min(bytes.size(), body_.size() - body_place_);
  if (count == 0 && result_ != CURLE_OK) {
    fail_transfer();
  }
  std::memcpy(bytes.data(), body_.data() + body_place_, count);
  body_place_ += count;
  finish_line();
  return count;
}

// An ended exchange needs its connection no longer, whether its body was read or not.
void Exchange::finish_line() {
  if (done_ && added_ && result_ == CURLE_OK) {
    curl_library().multi_remove_handle(line_.multi.get(), line_.easy.get());
    added_ = false;
    context_.pool->give_back(std::move(line_));
  }
}

class BodySource : public base::Source {
 public:
  explicit BodySource(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  std::size_t read(std::span<char> bytes) override { return exchange_->read(bytes); }

 private:
  std::unique_ptr<Exchange> exchange_;
};

class CurlTransport : public Transport {
 public:
  explicit CurlTransport(TransportOptions options) : options_(std::move(options)) {}

  Response send(const Request& request, std::stop_token stop) override {
    base::throw_if_stopped(stop);
    auto exchange = std::make_unique<Exchange>(
        request, ExchangeContext{.options = &options_, .tls = tls_for(request.url), .pool = pool_},
        std::move(stop));
    exchange->run_to_head();
    Response response{.status = exchange->status(), .headers = std::move(exchange->headers())};
    response.body = std::make_unique<BodySource>(std::move(exchange));
    return response;
  }

 private:
  std::shared_ptr<const TlsSettings> tls_for(const Url& url) {
    if (!url.tls) {
      return nullptr;
    }
    auto known = tls_.lock();
    std::shared_ptr<const TlsSettings>& settings = (*known)[url.authority()];
    if (!settings) {
      settings = std::make_shared<const TlsSettings>(find_tls_settings(options_, url));
    }
    return settings;
  }

  const TransportOptions options_;
  std::shared_ptr<LinePool> pool_ = std::make_shared<LinePool>();
  base::Guarded<std::map<std::string, std::shared_ptr<const TlsSettings>>> tls_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(TransportOptions options) {
  return std::make_unique<CurlTransport>(std::move(options));
}

}  // namespace slipway::registry
