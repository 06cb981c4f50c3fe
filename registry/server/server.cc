// Sockets and threads of the embedded registry; what is answered is api.h's business.
//
// Why not cpp-httplib: Debian has it as a shared library only, which would cost every start of the
// program 3 ms; it cuts headers at 8 KiB, lets a second server take the same port, and takes a
// client that has sent everything (shutdown) for one that is gone.
#include "registry/server/server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "registry/server/api.h"
#include "registry/server/connection_stream.h"
#include "registry/server/http_connection.h"

namespace slipway::registry {

namespace {

using base::cat;

// A connection that waits for its next request holds a thread, too; more connections wait.
constexpr unsigned kThreads = 64;
// Before the next try to accept where there are no descriptors left.
constexpr int kPauseMs = 100;

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

base::Fd listen_at(const addrinfo& address) {
  base::Fd socket(
      ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  int yes = 1;
  bool is_listening = socket &&
                      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                      ::bind(socket.get(), address.ai_addr, address.ai_addrlen) == 0 &&
                      ::listen(socket.get(), SOMAXCONN) == 0;
  return is_listening ? std::move(socket) : base::Fd();
}

base::Fd open_socket(const ServerOptions& options) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::string port = cat(options.port);
  int failed = ::getaddrinfo(options.address.c_str(), port.c_str(), &wanted, &found);
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(failed == 0 ? found : nullptr,
                                                             &::freeaddrinfo);
  for (const addrinfo* address = owner.get(); address != nullptr; address = address->ai_next) {
    if (base::Fd socket = listen_at(*address)) {
      return socket;
    }
  }
  throw base::system_error(failed == 0 ? errno : EADDRNOTAVAIL, "listen on",
                           cat(options.address, ":", options.port))
      .with_hint("another program may have the port: choose one with --addr");
}

int port_of(const base::Fd& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  base::check(
      [&] { return ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length); },
      "getsockname", "the registry's socket");
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::optional<TlsServer> tls_of(const ServerOptions& options) {
  return options.certificate_file.empty()
             ? std::nullopt
             : std::optional<TlsServer>(std::in_place,
                                        TlsServer::Files{.certificate = options.certificate_file,
                                                         .key = options.key_file,
                                                         .client_ca = options.client_ca_file});
}

std::optional<Htpasswd> people_of(const ServerOptions& options) {
  return options.htpasswd.empty() ? std::nullopt : std::optional<Htpasswd>(options.htpasswd);
}

// Until then, or a stop.
void wait_for(std::int64_t duration_ms, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, std::chrono::milliseconds(duration_ms), [] { return false; });
}

}  // namespace

struct RegistryServer::State {
  ServerOptions options;
  StoreSlot stores;
  UploadSessions uploads;
  std::optional<Htpasswd> people;
  ServerApi api;
  std::optional<TlsServer> tls;
  base::Fd socket;
  int port;

  explicit State(ServerOptions given)
      : options(std::move(given)),
        stores(options.root, options.clock),
        uploads(stores, options.clock),
        people(people_of(options)),
        api(stores, uploads,
            {.read_only = options.read_only, .people = people ? &*people : nullptr}),
        tls(tls_of(options)),
        socket(open_socket(options)),
        port(port_of(socket)) {}

  void serve(const std::stop_token& stop);
  ServerResponse answer(const ServerRequest& request);
  void collect(const std::stop_token& stop);
  void collect_now_and_then(const std::stop_token& stop);
  void log(const std::string& line) const {
    if (options.log) {
      options.log(line);
    }
  }
};

// The request boundary: errors become answers here.
ServerResponse RegistryServer::State::answer(const ServerRequest& request) {
  ServerResponse response;
  try {
    response = api.answer(request);
  } catch (const base::Error& error) {
    log(cat("ERROR: ", base::describe(error)));
    response = answer_to(error);
  }
  log(cat(request.method, " ", request.path, " ", response.status));
  return response;
}

void RegistryServer::State::serve(const std::stop_token& stop) {
  base::StopEvent event(stop);
  std::function<ServerResponse(const ServerRequest&)> answering =
      [this](const ServerRequest& request) { return answer(request); };
  std::stop_source out_of_patience;
  base::StopEvent end_event(out_of_patience.get_token());
  std::jthread patience;            // ends after the pool
  base::WorkerPool pool(kThreads);  // its end waits for requests under way
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> wanted = {pollfd{socket.get(), POLLIN, 0},
                                    pollfd{event.fd().get(), POLLIN, 0}};
    base::check([&] { return ::poll(wanted.data(), wanted.size(), -1); }, "poll");
    base::Fd client(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        ::poll(&wanted[1], 1, kPauseMs);
      }
      continue;  // a client that is gone already, or a stop
    }
    int yes = 1;
    ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    pool.submit([this, &event, &end_event, &answering, client = std::move(client)]() mutable {
      if (auto stream =
              make_connection_stream(std::move(client), tls ? &*tls : nullptr, end_event.fd())) {
        serve_connection(*stream, event.fd(), answering);
      }
    });
  }
  patience = std::jthread([this, &out_of_patience](const std::stop_token& ended) {
    wait_for(options.grace_ms, ended);
    out_of_patience.request_stop();
  });
}

void RegistryServer::State::collect(const std::stop_token& stop) {
  stores.get()->repositories().drop_unused(options.unused_seconds * 1'000'000'000);
  stores.renew();
  stores.get()->collect(stop);
}

// A failure now (a full disk, say) may be none next time.
void RegistryServer::State::collect_now_and_then(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      collect(stop);
    } catch (const base::Error& error) {
      log(cat("ERROR: collecting: ", base::describe(error)));
    }
    wait_for(options.collect_every_ms, stop);
  }
}

RegistryServer::RegistryServer(ServerOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}

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
  state_->serve(stop);
}

}  // namespace slipway::registry
