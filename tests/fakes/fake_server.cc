#include "tests/fakes/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <thread>

#include "base/error.h"
#include "base/fd.h"
#include "base/guarded.h"
#include "base/text.h"

namespace slipway::tests {

namespace {

std::string percent_decode(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.starts_with('%') && text.size() >= 3) {
      result += base::from_hex(text.substr(1, 2)).value_or("?");
      text.remove_prefix(3);
    } else {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// What was received and not used yet.
class Reader {
 public:
  explicit Reader(int socket) : socket_(socket) {}

  bool fill() {
    char piece[65536];
    ssize_t count = ::recv(socket_, piece, sizeof piece, 0);
    if (count <= 0) {
      return false;
    }
    pending_.append(piece, static_cast<std::size_t>(count));
    return true;
  }
  std::optional<std::string> take(std::size_t count) {
    while (pending_.size() < count) {
      if (!fill()) {
        return std::nullopt;
      }
    }
    std::string taken = pending_.substr(0, count);
    pending_.erase(0, count);
    return taken;
  }
  std::optional<std::string> take_line() {
    std::size_t end = 0;
    while ((end = pending_.find("\r\n")) == std::string::npos) {
      if (met_tls() || !fill()) {
        return std::nullopt;
      }
    }
    std::string line = pending_.substr(0, end);
    pending_.erase(0, end + 2);
    return line;
  }

  // The other side begins a TLS handshake, which has no lines.
  bool met_tls() const { return pending_.starts_with('\x16'); }

 private:
  int socket_;
  std::string pending_;
};

std::optional<FakeRequest> read_head(Reader& reader) {
  auto line = reader.take_line();
  if (!line) {
    return std::nullopt;
  }
  std::vector<std::string_view> words = base::split(*line, ' ');
  if (words.size() != 3) {
    return std::nullopt;
  }
  FakeRequest request{.method = std::string(words[0]), .target = std::string(words[1])};
  while (true) {
    auto field = reader.take_line();
    if (!field) {
      return std::nullopt;
    }
    if (field->empty()) {
      return request;
    }
    auto pair = base::split_once(*field, ':');
    if (pair) {
      request.headers.add(std::string(pair->before), std::string(base::trim(pair->after)));
    }
  }
}

bool read_chunks(Reader& reader, std::string& body) {
  while (true) {
    auto size_line = reader.take_line();
    auto size = size_line ? base::parse_integer<std::size_t>(*size_line, 16) : std::nullopt;
    auto chunk = size ? reader.take(*size) : std::nullopt;
    if (!chunk || !reader.take_line()) {
      return false;
    }
    if (*size == 0) {
      return true;
    }
    body += *chunk;
  }
}

bool read_body(Reader& reader, FakeRequest& request) {
  if (request.header("Transfer-Encoding") == "chunked") {
    return read_chunks(reader, request.body);
  }
  std::string length = request.header("Content-Length");
  auto body = reader.take(base::parse_integer<std::size_t>(length).value_or(0));
  request.body = body.value_or("");
  return body.has_value();
}

std::string head_of(const FakeResponse& response, bool close) {
  std::string head = base::cat("HTTP/1.1 ", response.status, " Scripted\r\n");
  for (const auto& [name, value] : response.headers.fields()) {
    head += base::cat(name, ": ", value, "\r\n");
  }
  if (response.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (!response.headers.find("Content-Length") && response.status != 204) {
    head += base::cat("Content-Length: ", response.body.size(), "\r\n");
  }
  return head + (close ? "Connection: close\r\n\r\n" : "\r\n");
}

std::string body_of(const FakeResponse& response) {
  if (!response.chunked) {
    return response.body;
  }
  std::string text;
  for (std::size_t place = 0; place < response.body.size(); place += 10'000) {
    std::string piece = response.body.substr(place, 10'000);
    char size[16];
    std::snprintf(size, sizeof size, "%zx", piece.size());
    text += base::cat(size, "\r\n", piece, "\r\n");
  }
  return text + "0\r\n\r\n";
}

// False if the connection is over.
bool send_response(int socket, const FakeRequest& request, const FakeResponse& response) {
  if (response.drop || !send_all(socket, head_of(response, response.cut_after.has_value()))) {
    return false;
  }
  if (request.method == "HEAD") {
    return true;
  }
  std::string body = body_of(response);
  return send_all(socket, body.substr(0, response.cut_after.value_or(body.size()))) &&
         !response.cut_after;
}

}  // namespace

struct FakeServer::State {
  Answer answer;
  EarlyAnswer early;
  base::Fd listener;
  std::uint16_t port = 0;
  struct Shared {
    std::vector<FakeRequest> requests;
    std::list<base::Fd> sockets;  // open until the server ends, so that it can shut them down
    std::vector<std::jthread> threads;
    bool stopping = false;
  };
  base::Guarded<Shared> shared;
  std::jthread acceptor;

  void accept_all();
  void serve(int socket);
  bool serve_one(int socket, Reader& reader);
};

void FakeServer::State::accept_all() {
  while (true) {
    int number = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (number < 0) {
      return;
    }
    int on = 1;
    ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto held = shared.lock();
    held->sockets.emplace_back(number);
    held->threads.emplace_back([this, number] { serve(number); });
  }
}

void FakeServer::State::serve(int socket) {
  Reader reader(socket);
  while (serve_one(socket, reader)) {
  }
  // The answer may still be on its way while the client sends: say that ours is over, then read
  // what comes until the client closes, as careful servers do.
  ::shutdown(socket, SHUT_WR);
  while (reader.fill()) {
  }
}

bool FakeServer::State::serve_one(int socket, Reader& reader) {
  auto request = read_head(reader);
  if (!request) {
    if (reader.met_tls()) {
      send_all(socket, "HTTP/1.0 400 Bad Request\r\n\r\n");
    }
    return false;
  }
  if (early) {
    if (auto response = early(*request)) {
      shared.lock()->requests.push_back(*request);
      (void)(send_all(socket, head_of(*response, true)) && send_all(socket, body_of(*response)));
      return false;
    }
  }
  if (!read_body(reader, *request)) {
    return false;
  }
  shared.lock()->requests.push_back(*request);
  FakeResponse response = answer(*request);
  if (response.hang) {
    auto held = shared.lock();
    held.wait([](const Shared& state) { return state.stopping; });
    return false;
  }
  return send_response(socket, *request, response);
}

std::string FakeRequest::query(std::string_view name) const {
  std::size_t question = target.find('?');
  if (question == std::string::npos) {
    return "";
  }
  for (std::string_view pair : base::split(std::string_view(target).substr(question + 1), '&')) {
    auto parts = base::split_once(pair, '=');
    if (parts && parts->before == name) {
      return percent_decode(parts->after);
    }
  }
  return "";
}

FakeServer::FakeServer(Answer answer, EarlyAnswer early) : state_(std::make_unique<State>()) {
  state_->answer = std::move(answer);
  state_->early = std::move(early);
  state_->listener = base::Fd(
      base::check([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }, "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  int socket = state_->listener.get();
  base::check([&] { return ::bind(socket, generic, sizeof address); }, "bind");
  base::check([&] { return ::listen(socket, 64); }, "listen");
  socklen_t length = sizeof address;
  base::check([&] { return ::getsockname(socket, generic, &length); }, "getsockname");
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::jthread([state = state_.get()] { state->accept_all(); });
}

FakeServer::~FakeServer() {
  ::shutdown(state_->listener.get(), SHUT_RDWR);
  state_->acceptor.join();
  std::vector<std::jthread> threads;
  {
    auto held = state_->shared.lock();
    held->stopping = true;
    for (const base::Fd& socket : held->sockets) {
      ::shutdown(socket.get(), SHUT_RDWR);
    }
    threads = std::move(held->threads);
  }
  state_->shared.notify_all();
}

std::uint16_t FakeServer::port() const {
  return state_->port;
}
std::string FakeServer::host() const {
  return base::cat("127.0.0.1:", state_->port);
}
std::string FakeServer::url(std::string_view target) const {
  return base::cat("http://", host(), target);
}
std::vector<FakeRequest> FakeServer::requests() const {
  return state_->shared.lock()->requests;
}
std::vector<std::string> FakeServer::lines() const {
  std::vector<std::string> lines;
  for (const FakeRequest& request : requests()) {
    lines.push_back(request.line());
  }
  return lines;
}
std::size_t FakeServer::connections() const {
  return state_->shared.lock()->sockets.size();
}

}  // namespace slipway::tests
