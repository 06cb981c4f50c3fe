#include "registry/server/http_connection.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace slipway::registry {

namespace {

using base::cat;

constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kHeaderLinesMax = 200;
constexpr int kKeepAliveMs = 5'000;
constexpr std::uint64_t kLeftOverBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kPieceBytes = 256 * 1024;

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    default:
      return "Internal Server Error";
  }
}

// "%2F" and, in queries, "+". Nothing for half an escape or a NUL.
std::optional<std::string> decode(std::string_view text, bool is_query) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += is_query && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    auto byte = base::parse_integer<unsigned>(text.substr(i + 1, 2), 16);
    if (i + 2 >= text.size() || !byte || *byte == 0) {
      return std::nullopt;
    }
    result += static_cast<char>(*byte);
    i += 2;
  }
  return result;
}

// One request's body, as it lies on the connection.
struct BodyPlan {
  bool chunked = false;
  std::uint64_t size = 0;
};

class HttpConnection {
 public:
  HttpConnection(ConnectionStream& stream, const base::Fd& stop_event,
                 const std::function<ServerResponse(const ServerRequest&)>& answer)
      : stream_(&stream), stop_event_(&stop_event), answer_(&answer), buffer_(kHeadBytesMax) {}

  void run() {
    while (is_open_ && (begin_ < end_ || stream_->wait_for_request(kKeepAliveMs, *stop_event_))) {
      std::optional<std::string> head = read_head();
      if (!head || !serve_one(*head)) {
        return;
      }
    }
  }

 private:
  // Up to the empty line, which is taken too; nothing if the connection ends or it is too long.
  std::optional<std::string> read_head() {
    std::string head;
    while (head.size() < kHeadBytesMax) {
      if (begin_ == end_ && !fill()) {
        return std::nullopt;
      }
      head += buffer_[begin_++];
      bool may_begin = (head[0] >= 'A' && head[0] <= 'Z') || head[0] == '\r';
      if (!may_begin) {
        // A client that tries TLS is told at once, by whatever is none.
        refuse("the request is no proper HTTP");
        return std::nullopt;
      }
      if (head.ends_with("\r\n\r\n")) {
        head.resize(head.size() - 4);
        return head;
      }
      if (head == "\r\n") {
        head.clear();  // an empty line before a request is forgiven
      }
    }
    refuse("the request's head is too long");
    return std::nullopt;
  }

  void refuse(std::string_view why) {
    is_open_ = false;
    send(problem(400, "UNSUPPORTED", why), false);
  }

  bool fill() {
    begin_ = 0;
    end_ = stream_->read(buffer_);
    return end_ > 0;
  }

  // False where the connection is to end.
  bool serve_one(const std::string& head) {
    ServerRequest request;
    BodyPlan body;
    if (!parse_head(head, request, body)) {
      refuse("the request is no proper HTTP");
      return false;
    }
    bool is_head = request.method == "HEAD";
    left_ = body.size;
    is_chunked_ = body.chunked;
    is_in_chunks_ = false;
    is_body_broken_ = false;
    request.has_body = body.chunked || body.size > 0;
    wants_continue_ =
        request.has_body &&
        base::to_lower_ascii(request.headers.find("Expect").value_or("")) == "100-continue";
    request.read_body = [this](const auto& take) { return read_body(take); };
    ServerResponse response = (*answer_)(request);
    bool is_read = drain();
    is_open_ = is_open_ && is_read;
    return send(response, is_head) && is_open_;
  }

  bool parse_head(const std::string& head, ServerRequest& request, BodyPlan& body) {
    std::vector<std::string_view> lines = base::split(head, '\n');
    for (std::string_view& line : lines) {
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
    }
    std::vector<std::string_view> words = base::split(lines.front(), ' ');
    bool fits = words.size() == 3 && (words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0") &&
                lines.size() <= kHeaderLinesMax && parse_target(words[1], request);
    if (!fits) {
      return false;
    }
    request.method = words[0];
    is_open_ = words[2] == "HTTP/1.1";
    for (std::size_t i = 1; i < lines.size(); ++i) {
      auto field = base::split_once(lines[i], ':');
      // A space before the colon and folded lines have fooled proxies: RFC 9112, section 5.
      if (!field || field->before.empty() ||
          field->before.find_first_of(" \t") != std::string::npos ||
          lines[i].find('\0') != std::string::npos || lines[i].find('\r') != std::string::npos) {
        return false;
      }
      request.headers.add(std::string(field->before), std::string(base::trim(field->after)));
    }
    if (base::to_lower_ascii(request.headers.find("Connection").value_or("")) == "close") {
      is_open_ = false;
    }
    return plan_body(request.headers, body);
  }

  static bool parse_target(std::string_view target, ServerRequest& request) {
    std::size_t question = std::min(target.find('?'), target.size());
    std::optional<std::string> path = decode(target.substr(0, question), false);
    if (!path || !path->starts_with('/')) {
      return false;
    }
    request.path = *std::move(path);
    std::string_view query = target.substr(std::min(question + 1, target.size()));
    for (std::string_view pair : base::split(query, '&')) {
      if (pair.empty()) {
        continue;
      }
      std::size_t equal = std::min(pair.find('='), pair.size());
      auto name = decode(pair.substr(0, equal), true);
      auto value = decode(pair.substr(std::min(equal + 1, pair.size())), true);
      if (!name || !value) {
        return false;
      }
      request.query.emplace(*std::move(name), *std::move(value));
    }
    return true;
  }

  // RFC 9112, section 6: two ways to tell the length are a way to smuggle a request.
  static bool plan_body(const Headers& headers, BodyPlan& body) {
    std::vector<std::string_view> codings = headers.find_all("Transfer-Encoding");
    std::vector<std::string_view> lengths = headers.find_all("Content-Length");
    if (codings.size() + lengths.size() > 1) {
      return false;
    }
    body.chunked = !codings.empty();
    if (body.chunked) {
      return base::to_lower_ascii(codings.front()) == "chunked";
    }
    if (lengths.empty()) {
      return true;
    }
    std::string_view text = lengths.front();
    auto size = base::parse_integer<std::uint64_t>(text);
    bool is_number = size && text.find_first_not_of("0123456789") == std::string_view::npos;
    body.size = is_number ? *size : 0;
    return is_number;
  }

  // To its end; false if the connection ends before.
  bool read_body(const std::function<void(std::string_view)>& take) {
    if (std::exchange(wants_continue_, false)) {
      stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    while (!is_body_broken_) {
      if (left_ == 0) {
        if (!is_chunked_) {
          return true;
        }
        std::optional<std::uint64_t> next = read_chunk_size();
        is_body_broken_ = !next;
        left_ = next.value_or(0);
        if (next == 0) {
          is_chunked_ = false;
          is_body_broken_ = !skip_trailers();
        }
        continue;
      }
      if (begin_ == end_ && !fill()) {
        is_body_broken_ = true;
        break;
      }
      std::size_t count = std::min<std::uint64_t>(left_, end_ - begin_);
      std::string_view piece(buffer_.data() + begin_, count);
      begin_ += count;
      left_ -= count;
      take(piece);
    }
    return false;
  }

  std::optional<std::string> read_line() {
    std::string line;
    while (line.size() < 4096) {
      if (begin_ == end_ && !fill()) {
        return std::nullopt;
      }
      line += buffer_[begin_++];
      if (line.ends_with("\r\n")) {
        return line.substr(0, line.size() - 2);
      }
    }
    return std::nullopt;
  }

  // The line with the size of a chunk, and before it the end of the chunk before.
  std::optional<std::uint64_t> read_chunk_size() {
    if (is_in_chunks_) {
      std::optional<std::string> end = read_line();
      if (!end || !end->empty()) {
        return std::nullopt;
      }
    }
    is_in_chunks_ = true;
    std::optional<std::string> line = read_line();
    if (!line) {
      return std::nullopt;
    }
    std::string_view digits = base::trim(std::string_view(*line).substr(0, line->find(';')));
    bool is_hex = !digits.empty() && digits.size() <= 15 &&
                  digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    return is_hex ? base::parse_integer<std::uint64_t>(digits, 16) : std::nullopt;
  }

  bool skip_trailers() {
    for (std::size_t lines = 0; lines < kHeaderLinesMax; ++lines) {
      std::optional<std::string> line = read_line();
      if (!line) {
        return false;
      }
      if (line->empty()) {
        return true;
      }
    }
    return false;
  }

  // What nobody read would be taken for the next request. A client that waits for "100 Continue"
  // has not sent it.
  bool drain() {
    if (wants_continue_ && (left_ > 0 || is_chunked_)) {
      return false;
    }
    std::uint64_t seen = 0;
    bool is_little = left_ <= kLeftOverBytesMax;
    return is_little && read_body([&](std::string_view piece) {
             seen += piece.size();
             is_body_broken_ = seen > kLeftOverBytesMax;
           });
  }

  bool send(const ServerResponse& response, bool is_head) {
    std::uint64_t length = response.file ? response.file->length : response.body.size();
    std::string text = cat("HTTP/1.1 ", response.status, " ", reason_of(response.status), "\r\n");
    for (const auto& [name, value] : response.headers.fields()) {
      text += cat(name, ": ", value, "\r\n");
    }
    if (!response.content_type.empty()) {
      text += cat("Content-Type: ", response.content_type, "\r\n");
    }
    if (response.status != 204) {
      text += cat("Content-Length: ", length, "\r\n");
    }
    text += "Docker-Distribution-Api-Version: registry/2.0\r\nX-Content-Type-Options: nosniff\r\n";
    text += is_open_ ? "\r\n" : "Connection: close\r\n\r\n";
    if (!is_head && !response.file) {
      text += response.body;
    }
    return stream_->write(text) && (is_head || !response.file || send_file(*response.file));
  }

  bool send_file(const FilePart& part) {
    std::vector<char> piece(kPieceBytes);
    for (std::uint64_t sent = 0; sent < part.length;) {
      std::size_t wanted = std::min<std::uint64_t>(piece.size(), part.length - sent);
      ssize_t count =
          ::pread(part.file.get(), piece.data(), wanted, static_cast<off_t>(part.offset + sent));
      if (count <= 0 ||
          !stream_->write(std::string_view(piece.data(), static_cast<std::size_t>(count)))) {
        return false;
      }
      sent += static_cast<std::uint64_t>(count);
    }
    return true;
  }

  ConnectionStream* stream_;
  const base::Fd* stop_event_;
  const std::function<ServerResponse(const ServerRequest&)>* answer_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // what was received and not used yet
  std::size_t end_ = 0;
  bool is_open_ = true;     // for another request
  std::uint64_t left_ = 0;  // of the body, or of its chunk
  bool is_chunked_ = false;
  bool is_in_chunks_ = false;
  bool is_body_broken_ = false;
  bool wants_continue_ = false;
};

}  // namespace

void serve_connection(ConnectionStream& stream, const base::Fd& stop_event,
                      const std::function<ServerResponse(const ServerRequest&)>& answer) {
  HttpConnection(stream, stop_event, answer).run();
}

}  // namespace slipway::registry
