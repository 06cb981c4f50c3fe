#include "registry/http/curl_exchange.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace slipway::registry {

namespace {

using Reason = TransportError::Reason;

// More of a body is not taken before it is read.
constexpr std::size_t kBodyBufferBytes = 512 * 1024;
constexpr std::size_t kUploadPieceBytes = 1024 * 1024;
// All header lines of an answer. Signed Location values have a few KiB.
constexpr std::size_t kHeaderBytesMax = 256 * 1024;
constexpr int kPollMax_ms = 1000;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Reason reason_of(CURLcode code, long os_error) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Reason::kNameNotFound;
    case CURLE_COULDNT_CONNECT:
      return os_error == ECONNREFUSED ? Reason::kRefused : Reason::kOther;
    case CURLE_SSL_CONNECT_ERROR:
      return os_error == ECONNRESET ? Reason::kOther : Reason::kNotTls;
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

}  // namespace

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
  // TLS 1.3 tells only after the handshake that it wants to see a certificate of ours.
  bool is_alert = text.contains("SSL") && text.contains(" alert ");
  if (is_alert && reason != Reason::kCertificate) {
    TransportError refused(Reason::kTlsRefused, base::cat(where, ": ", text));
    refused.set_hint(
        "the server may want to see a certificate: NAME.cert and NAME.key in certs.d/HOST, or in "
        "the "
        "folder of --cert-dir");
    throw refused;
  }
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

}  // namespace slipway::registry
