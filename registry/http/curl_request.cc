// How a request is put to the library.
#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"
#include "registry/http/curl_exchange.h"

namespace slipway::registry {

namespace {

constexpr long kReceiveBufferBytes = 256 * 1024;
constexpr long kSendBufferBytes = 1024 * 1024;

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

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
  // Loopback is never reached through a proxy, as with all Go clients. The empty texts also keep
  // the library from reading the environment; its own way to read NO_PROXY knows no ports.
  bool is_direct = is_loopback(request_.url.host) || bypasses_proxy(request_.url, options.no_proxy);
  set(CURLOPT_PROXY, is_direct ? "" : proxy.c_str());
  set(CURLOPT_NOPROXY, "");
}

curl_socket_t Exchange::on_open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace slipway::registry
