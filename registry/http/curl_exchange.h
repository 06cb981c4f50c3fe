#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop.h"
#include "base/stream.h"
#include "registry/http/curl_line.h"
#include "registry/http/tls_settings.h"
#include "registry/http/transport.h"

// Inside of the transport.
//
// One exchange runs on one line: a multi handle (which keeps the connection for the next exchange)
// and an easy handle. The multi interface is used for its event loop, not for several transfers:
// it lets a read of the body pull just what it needs, and a stop interrupt any wait.
//
// No callback throws or calls out: the ones for bytes only copy from and to buffers, and pause the
// transfer when theirs is full or empty. The loop fills and empties the buffers between two steps.

namespace slipway::registry {

// What an exchange needs from its transport.
struct ExchangeContext {
  const TransportOptions* options;
  std::shared_ptr<const TlsSettings> tls;
  std::shared_ptr<LinePool> pool;
};

// One request and its answer. One thread at a time.
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

}  // namespace slipway::registry
