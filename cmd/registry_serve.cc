#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/http/url.h"
#include "registry/server/server.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kHtpasswdBytesMax = 16 * 1024 * 1024;

struct ServeFlags {
  std::string address = "127.0.0.1:5000";
  std::string root;
  std::string certificate;
  std::string key;
  std::string client_ca;
  std::string htpasswd;
  std::string unused_hours = "24";
  bool read_only = false;
  bool log = false;
};

bool parse(const Invocation& invocation, ServeFlags& values) {
  Flags flags("registry", "serve [OPTIONS]", "Serve images from the store as a registry.");
  flags.text("--addr", values.address, "Host and port to listen on (default 127.0.0.1:5000)");
  flags.text("--root", values.root, "The store, as before the verb");
  flags.text("--tls-cert", values.certificate, "Certificate (PEM); with --tls-key");
  flags.text("--tls-key", values.key, "Its key (PEM)");
  flags.text("--tls-client-ca", values.client_ca,
             "CA (PEM) of certificates that clients must show");
  flags.text("--htpasswd", values.htpasswd, "File of names and bcrypt hashes: who may come in");
  flags.toggle("--read-only", values.read_only, "Refuse everything that changes something");
  flags.text("--keep-unused", values.unused_hours,
             "Hours that blobs are kept without a manifest (default 24)");
  flags.toggle("--log", values.log, "Print a line for each request to standard error");
  std::vector<std::string> words;
  flags.words(words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  if (words.front() != "serve") {
    base::fail(base::ErrorKind::kUsage,
               cat("unknown command of registry: ", base::quote(words.front())), "there is: serve");
  }
  return true;
}

// "127.0.0.1:5000", ":5000" (every address), "[::1]:0".
void set_address(const std::string& text, registry::ServerOptions& options) {
  bool is_every = text.starts_with(':');
  auto parts = registry::parse_host_port(is_every ? "0.0.0.0" + text : text);
  if (!parts || !parts->port) {
    base::fail(base::ErrorKind::kUsage, cat("--addr ", base::quote(text), " is not HOST:PORT"));
  }
  options.address = parts->host;
  options.port = *parts->port;
}

registry::ServerOptions options_of(const ServeFlags& flags) {
  registry::ServerOptions options;
  set_address(flags.address, options);
  if (flags.certificate.empty() != flags.key.empty()) {
    base::fail(base::ErrorKind::kUsage, "--tls-cert and --tls-key belong together");
  }
  if (!flags.client_ca.empty() && flags.certificate.empty()) {
    base::fail(base::ErrorKind::kUsage, "--tls-client-ca needs --tls-cert and --tls-key");
  }
  auto hours = base::parse_integer<std::int64_t>(flags.unused_hours);
  if (!hours || *hours < 0 || *hours > 24 * 365 * 100) {
    base::fail(base::ErrorKind::kUsage,
               cat("--keep-unused ", base::quote(flags.unused_hours), " is no number of hours"));
  }
  options.unused_seconds = *hours * 3600;
  options.certificate_file = flags.certificate;
  options.key_file = flags.key;
  options.client_ca_file = flags.client_ca;
  options.read_only = flags.read_only;
  if (!flags.htpasswd.empty()) {
    std::optional<std::string> text = base::find_file_content(flags.htpasswd, kHtpasswdBytesMax);
    if (!text) {
      base::fail(base::ErrorKind::kNotFound, cat("no file ", flags.htpasswd));
    }
    // An empty file would let everybody in.
    options.htpasswd = text->empty() ? "\n" : *std::move(text);
  }
  if (flags.log) {
    options.log = [](const std::string& line) { print_error(line + "\n"); };
  }
  return options;
}

void warn_of_open_doors(const registry::ServerOptions& options) {
  if (registry::is_loopback(options.address)) {
    return;
  }
  if (options.certificate_file.empty()) {
    print_error("WARNING: others can reach this registry without TLS\n");
  }
  if (options.htpasswd.empty() && options.client_ca_file.empty() && !options.read_only) {
    print_error("WARNING: everybody who reaches this registry may change what is in it\n");
  }
}

}  // namespace

int run_registry(const Invocation& given) {
  ServeFlags flags;
  if (!parse(given, flags)) {
    return 0;
  }
  registry::ServerOptions options = options_of(flags);
  Invocation invocation = given;
  if (!flags.root.empty()) {
    invocation.root = flags.root;
  }
  Services services(invocation, {.use = StoreUse::kDocuments});
  options.root = services.store().root();
  options.clock = std::make_shared<base::SystemClock>();
  warn_of_open_doors(options);
  registry::RegistryServer server(options);
  bool is_v6 = options.address.contains(':');
  print_out(cat("Serving ", options.root, " on ",
                options.certificate_file.empty() ? "http://" : "https://", is_v6 ? "[" : "",
                options.address, is_v6 ? "]" : "", ":", server.port(), "\n"));
  server.run(services.stop());
  return 0;
}

}  // namespace slipway::cmd
