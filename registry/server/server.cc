// The embedded registry on cpp-httplib, which owns sockets and threads; everything else is in
// api.h.
//
// The library's own limits (compiled into it): 8 KiB for the request line and for each header line.
// Its routing by regular expression and its answers to Range are not used: all requests come to one
// function, which gives back the exact bytes to send.
#include "registry/server/server.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <httplib.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/server/api.h"

namespace slipway::registry {

namespace {

using base::cat;

// A connection that waits for its next request holds a thread, too.
constexpr std::size_t kThreads = 64;
constexpr int kKeepAliveSeconds = 2;
constexpr std::size_t kRequestsPerConnection = 10'000;
constexpr int kIdleSeconds = 60;
constexpr std::size_t kPieceBytes = 256 * 1024;

bool has_body(const httplib::Request& request) {
  return request.get_header_value("Transfer-Encoding") == "chunked" ||
         base::parse_integer<std::uint64_t>(request.get_header_value("Content-Length"))
                 .value_or(0) > 0;
}

ServerRequest request_of(const httplib::Request& request, const httplib::ContentReader* reader) {
  ServerRequest result{.method = request.method,
                       .path = request.path,
                       .query = {request.params.begin(), request.params.end()}};
  for (const auto& [name, value] : request.headers) {
    result.headers.add(name, value);
  }
  result.has_body = reader != nullptr && has_body(request);
  result.read_body = [reader, has = result.has_body](const auto& take) {
    return !has || (*reader)([&](const char* bytes, std::size_t length) {
      take(std::string_view(bytes, length));
      return true;
    });
  };
  return result;
}

// What did not go as it should, as the client is told it: causes on our side are not explained.
ServerResponse answer_to(const base::Error& error) {
  switch (error.kind()) {
    case base::ErrorKind::kIntegrity:
      return problem(400, "DIGEST_INVALID", error.message());
    case base::ErrorKind::kInput:
      return problem(400, "MANIFEST_INVALID", error.message());
    default:
      return problem(500, "UNKNOWN", "the registry can't do this now; its own log says why");
  }
}

bool send_part(const FilePart& part, std::size_t offset, std::size_t length,
               httplib::DataSink& sink) {
  std::array<char, kPieceBytes> piece;
  std::size_t wanted = std::min(length, piece.size());
  ssize_t count =
      ::pread(part.file.get(), piece.data(), wanted, static_cast<off_t>(part.offset + offset));
  return count > 0 && sink.write(piece.data(), static_cast<std::size_t>(count));
}

void send(ServerResponse answer, httplib::Response& response) {
  response.status = answer.status;
  response.set_header("Docker-Distribution-Api-Version", "registry/2.0");
  for (const auto& [name, value] : answer.headers.fields()) {
    response.set_header(name, value);
  }
  if (answer.file && answer.file->length > 0) {
    auto part = std::make_shared<FilePart>(*std::move(answer.file));
    response.set_content_provider(
        part->length, answer.content_type,
        [part](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
          return send_part(*part, offset, length, sink);
        });
  } else if (!answer.content_type.empty()) {
    response.set_content(answer.body, answer.content_type);
  }
}

std::unique_ptr<httplib::Server> make_server(const ServerOptions& options) {
  if (options.certificate_file.empty()) {
    return std::make_unique<httplib::Server>();
  }
  const std::string& ca = options.client_ca_file;
  auto server = std::make_unique<httplib::SSLServer>(options.certificate_file.c_str(),
                                                     options.key_file.c_str(),
                                                     ca.empty() ? nullptr : ca.c_str());
  if (!server->is_valid()) {
    base::fail(base::ErrorKind::kInput,
               cat("can't use the certificate ", options.certificate_file, " with the key ",
                   options.key_file),
               "both are PEM files, and the key belongs to the certificate");
  }
  return server;
}

std::optional<Htpasswd> people_of(const ServerOptions& options) {
  return options.htpasswd.empty() ? std::nullopt : std::optional<Htpasswd>(options.htpasswd);
}

}  // namespace

struct RegistryServer::State {
  ServerOptions options;
  StoreSlot stores;
  UploadSessions uploads;
  std::optional<Htpasswd> people;
  ServerApi api;
  std::unique_ptr<httplib::Server> server;
  int port = 0;

  explicit State(ServerOptions given)
      : options(std::move(given)),
        stores(options.root, options.clock),
        uploads(stores, options.clock),
        people(people_of(options)),
        api(stores, uploads,
            {.read_only = options.read_only, .people = people ? &*people : nullptr}),
        server(make_server(options)) {}

  void set_up();
  void listen();
  void handle(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader* reader);
  void collect(const std::stop_token& stop);
  void collect_now_and_then(const std::stop_token& stop);
  void log(const std::string& line) const {
    if (options.log) {
      options.log(line);
    }
  }
};

void RegistryServer::State::set_up() {
  server->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // theirs to delete
  server->set_keep_alive_max_count(kRequestsPerConnection);
  server->set_keep_alive_timeout(kKeepAliveSeconds);
  server->set_read_timeout(kIdleSeconds);
  server->set_write_timeout(kIdleSeconds);
  server->set_tcp_nodelay(true);
  // The library would let a second server have the same port.
  server->set_socket_options([](socket_t socket) {
    int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server->set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        // The ranges are ours to apply (see the top of the file). The library's object is its own
        // variable, which it only shows as const.
        const_cast<httplib::Request&>(request).ranges.clear();
        handle(request, response, nullptr);
        return httplib::Server::HandlerResponse::Handled;
      });
  auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                          const httplib::ContentReader& reader) {
    const_cast<httplib::Request&>(request).ranges.clear();
    handle(request, response, &reader);
  };
  server->Post(".*", with_body).Put(".*", with_body).Patch(".*", with_body);
}

void RegistryServer::State::listen() {
  port = options.port;
  bool bound = false;
  if (options.port == 0) {
    port = server->bind_to_any_port(options.address);
    bound = port > 0;
  } else {
    bound = server->bind_to_port(options.address, options.port);
  }
  if (!bound) {
    base::fail(base::ErrorKind::kSystem,
               cat("can't listen on ", options.address, ":", options.port),
               "another program may have the port: choose one with --addr");
  }
}

// The request boundary: errors become answers here.
void RegistryServer::State::handle(const httplib::Request& request, httplib::Response& response,
                                   const httplib::ContentReader* reader) {
  ServerRequest asked = request_of(request, reader);
  bool body_read = !asked.has_body;
  asked.read_body = [&body_read, next = std::move(asked.read_body)](const auto& take) {
    body_read = true;
    return next(take);
  };
  ServerResponse answer;
  try {
    answer = api.answer(asked);
  } catch (const base::Error& error) {
    log(cat("ERROR: ", base::describe(error)));
    answer = answer_to(error);
  }
  // What nobody read would be taken for the next request.
  if (!body_read) {
    asked.read_body([](std::string_view) {});
  }
  log(cat(request.method, " ", request.path, " ", answer.status));
  send(std::move(answer), response);
}

void RegistryServer::State::collect(const std::stop_token& stop) {
  stores.get()->repositories().drop_unused(options.unused_seconds * 1'000'000'000);
  stores.renew();
  stores.get()->collect(stop);
}

// A failure now (a full disk, say) may be none next time.
void RegistryServer::State::collect_now_and_then(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    try {
      collect(stop);
    } catch (const base::Error& error) {
      log(cat("ERROR: collecting: ", base::describe(error)));
    }
    changed.wait_for(lock, stop, std::chrono::milliseconds(options.collect_every_ms),
                     [&] { return stop.stop_requested(); });
  }
}

RegistryServer::RegistryServer(ServerOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
  state_->set_up();
  state_->listen();
}

RegistryServer::~RegistryServer() = default;

int RegistryServer::port() const {
  return state_->port;
}

void RegistryServer::run(std::stop_token stop) {
  std::jthread collector([this](const std::stop_token& ended) {
    if (!state_->options.read_only) {
      state_->collect_now_and_then(ended);
    }
  });
  std::atomic<bool> ended = false;
  bool served = false;
  std::jthread listener([&] {
    served = state_->server->listen_after_bind();
    ended = true;
  });
  // The library forgets a stop that comes before it listens.
  std::stop_callback on_stop(stop, [&] {
    while (!ended && !state_->server->is_running()) {
      std::this_thread::yield();
    }
    if (!ended) {
      state_->server->stop();
    }
  });
  listener.join();
  if (!served && !stop.stop_requested()) {
    base::fail(base::ErrorKind::kSystem, "the registry's socket failed");
  }
}

}  // namespace slipway::registry
