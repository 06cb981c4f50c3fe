// Why not cpp-httplib: when a server answers an upload before its end and closes (413, 401, 429),
// it reports a failed write and the answer is lost; its reads are pushed, so a Source on top needs
// a thread for each; connecting can't be interrupted; and over TLS it has half the throughput.
#include <map>
#include <utility>

#include "base/guarded.h"
#include "registry/http/curl_exchange.h"
#include "registry/http/tls_settings.h"
#include "registry/http/transport.h"

namespace slipway::registry {

namespace {

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
