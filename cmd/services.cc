// The one place where real things are made and wired.
#include "cmd/services.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "base/fs.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "builder/layer/tree_writer.h"
#include "builder/sandbox/isolation.h"
#include "cmd/registry_config.h"
#include "cmd/report.h"
#include "cmd/tree_owners.h"
#include "registry/http/credentials.h"
#include "registry/http/transport.h"

namespace slipway::cmd {

namespace {

// A value that is made when somebody first asks; safe from many threads. If making it throws, the
// next one who asks tries again.
template <typename T>
class Lazy {
 public:
  explicit Lazy(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}
  T& get() {
    std::call_once(once_, [this] {
      value_ = make_();
      made_ = true;
    });
    return *value_;
  }
  bool is_made() const { return made_; }

 private:
  std::function<std::unique_ptr<T>()> make_;
  std::once_flag once_;
  std::unique_ptr<T> value_;
  std::atomic<bool> made_ = false;
};

// More threads than this find the disk busy before they are.
constexpr unsigned kLayerThreadsMax = 8;

unsigned layer_threads() {
  unsigned cores = std::max(2U, std::thread::hardware_concurrency());
  return std::min(cores - 1, kLayerThreadsMax);
}

// The variables that programs for the web know, in either case; the lower case one wins, as in curl
// and Go.
std::string proxy_variable(const Environment& environment, const std::string& name) {
  return environment.get(base::to_lower_ascii(name), environment.get(name));
}

registry::TransportOptions transport_options(const Environment& environment,
                                             std::vector<std::string> insecure_registries,
                                             const RegistryAccess& access) {
  registry::TransportOptions options;
  options.ca_file = environment.get("SSL_CERT_FILE");
  options.ca_directory = environment.get("SSL_CERT_DIR");
  options.certs_directories = {"/etc/docker/certs.d", "/etc/containers/certs.d"};
  if (std::string home = environment.get("HOME"); !home.empty()) {
    options.certs_directories.push_back(environment.get("XDG_CONFIG_HOME", home + "/.config") +
                                        "/containers/certs.d");
  }
  options.unverified_hosts = std::move(insecure_registries);
  options.tls_verify = access.tls_verify;
  options.certs_directory_for_all = access.certificate_directory;
  if (access.idle_timeout_ms) {
    options.idle_timeout_ms = *access.idle_timeout_ms;
    options.connect_timeout_ms = std::min(options.connect_timeout_ms, *access.idle_timeout_ms);
  }
  options.http_proxy = proxy_variable(environment, "HTTP_PROXY");
  options.https_proxy = proxy_variable(environment, "HTTPS_PROXY");
  options.no_proxy = proxy_variable(environment, "NO_PROXY");
  return options;
}

std::vector<std::string> insecure_registries(const Environment& environment,
                                             const std::vector<std::string>& flags) {
  std::vector<std::string> hosts = split_hosts(environment.get("SLIPWAY_INSECURE_REGISTRIES"));
  hosts.insert(hosts.end(), flags.begin(), flags.end());
  return hosts;
}

// Before any thread: entering a user namespace is forbidden to a process that has several. A store
// goes on as it was begun: owners of its trees are what they are, or recorded.
builder::UserNamespace prepare_process(const ServicesOptions& options,
                                       const Environment& environment, const std::string& root) {
  if (options.use == StoreUse::kDocuments) {
    return {};
  }
  builder::Isolation isolation = options.isolation;
  if (isolation == builder::Isolation::kAuto) {
    isolation = isolation_of(environment.get("SLIPWAY_ISOLATION"));
  }
  bool as_begun =
      isolation == builder::Isolation::kAuto && find_tree_owners(root) == TreeOwners::kRecorded;
  builder::UserNamespace user_namespace =
      builder::enter_user_namespace(as_begun ? builder::Isolation::kOneId : isolation);
  if (as_begun) {
    user_namespace.reason = "as the store was begun";
  }
  if (!user_namespace.notice.empty()) {
    print_error(base::cat("WARNING: ", user_namespace.notice, "\n"));
  }
  return user_namespace;
}

}  // namespace

// Members are destroyed last first: what uses something stands below it.
struct Services::State {
  Environment environment;
  ServicesOptions options;
  std::string root;
  std::string aliases_file;  // of the real user, too
  std::vector<std::string> insecure;
  builder::UserNamespace user_namespace;
  Interrupts interrupts;
  std::shared_ptr<const base::Clock> clock = std::make_shared<base::SystemClock>();
  registry::SystemPause pause;
  Lazy<registry::RegistrySettings> settings;
  Lazy<registry::CredentialSource> file_credentials;
  Lazy<registry::CredentialSource> credentials;
  Lazy<registry::Transport> transport;
  Lazy<registry::Client> client;
  Lazy<cache::Store> store;
  Lazy<builder::LayerStore> layers;
  Lazy<builder::LayerReceiver> receiver;
  std::optional<base::TempDir> chroot_folder;  // of steps without namespaces
  Lazy<builder::Sandbox> sandbox;

  // The folder of the store goes by the real user: inside the namespace everybody is root.
  State(const Invocation& invocation, ServicesOptions given)
      : environment(invocation.environment),
        options(std::move(given)),
        root(store_root(invocation.root, environment, ::geteuid() == 0)),
        aliases_file(aliases_file_of(environment, ::geteuid() == 0)),
        insecure(insecure_registries(environment, options.registries.insecure)),
        user_namespace(prepare_process(options, environment, root)),
        settings([this] {
          return std::make_unique<registry::RegistrySettings>(
              read_registry_settings(environment, aliases_file));
        }),
        file_credentials([this] {
          return make_file_credentials(
              credential_options(environment, options.registries.auth_file));
        }),
        credentials([this] { return make_credentials(); }),
        transport([this] {
          return make_transport(
              transport_options(environment, insecure_hosts(), options.registries));
        }),
        client([this] { return make_client(); }),
        store([this] { return open_store(); }),
        layers([this] { return make_layers(); }),
        receiver([this] { return std::make_unique<builder::LayerReceiver>(layers.get()); }),
        sandbox([this] { return make_sandbox(); }) {}

  std::unique_ptr<builder::Sandbox> make_sandbox() {
    builder::SandboxOptions sandbox_options{.environment = environment.as_list()};
    if (user_namespace.only_chroot) {
      chroot_folder.emplace(store.get().scratch_directory("chroot-"));
      sandbox_options.chroot = builder::ChrootOptions{chroot_folder->path(), store.get().root()};
    }
    return std::make_unique<builder::Sandbox>(sandbox_options);
  }

  std::unique_ptr<cache::Store> open_store() {
    auto opened = std::make_unique<cache::Store>(root, cache::StoreOptions{.clock = clock});
    if (options.use == StoreUse::kFiles) {
      settle_tree_owners(root, user_namespace);
    }
    return opened;
  }

  std::vector<std::string> insecure_hosts() {
    std::vector<std::string> hosts = registry::insecure_hosts(settings.get());
    hosts.insert(hosts.end(), insecure.begin(), insecure.end());
    return hosts;
  }

  // Without any given by hand this only passes on.
  std::unique_ptr<registry::CredentialSource> make_credentials() {
    return std::make_unique<registry::FixedCredentials>(options.registries.credentials,
                                                        &file_credentials.get());
  }

  std::unique_ptr<registry::Client> make_client() {
    registry::ClientOptions client_options;
    client_options.tls_verify = options.registries.tls_verify;
    client_options.retry = options.registries.retry;
    client_options.insecure_registries = insecure_hosts();
    client_options.settings = settings.get();
    client_options.observer = options.observer;
    return std::make_unique<registry::Client>(
        registry::ClientServices{&transport.get(), &credentials.get(), clock.get(), &pause},
        std::move(client_options));
  }

  std::unique_ptr<builder::LayerStore> make_layers() {
    builder::LayerStoreOptions layer_options;
    layer_options.marks = user_namespace.only_chroot ? builder::OverlayMarks::kUser
                                                     : builder::overlay_marks_of_process();
    if (user_namespace.has_one_id()) {
      layer_options.owners = builder::TreeWriter::Owners::kRecord;
    }
    layer_options.threads = layer_threads();
    layer_options.fetch = [this](const cache::DiffId& diff_id, std::stop_token stop) {
      registry::fetch_layer(client.get(), diff_id, store.get(), receiver.get(), options.observer,
                            std::move(stop));
    };
    return std::make_unique<builder::LayerStore>(store.get(), std::move(layer_options));
  }
};

Services::Services(const Invocation& invocation, ServicesOptions options)
    : state_(std::make_unique<State>(invocation, std::move(options))) {}

// What failed steps and removed images left is deleted when the result has been told, and also when
// the verb failed: a disk that was full must not stay so.
Services::~Services() {
  if (!state_->store.is_made()) {
    return;
  }
  try {
    state_->store.get().empty_trash({});
  } catch (const base::Error&) {
    // A destructor can't report, and nothing is lost: the next start tries again.
  }
}

cache::Store& Services::store() {
  return state_->store.get();
}

builder::LayerStore& Services::layers() {
  return state_->layers.get();
}

registry::LayerSink& Services::layer_sink() {
  return state_->receiver.get();
}

registry::Client& Services::client() {
  return state_->client.get();
}

std::optional<std::string> Services::find_alias(const std::string& name) {
  return registry::find_alias(state_->settings.get(), name);
}

void Services::add_credential(const std::string& domain, registry::Credential credential) {
  state_->options.registries.credentials.insert_or_assign(domain, std::move(credential));
}

registry::CredentialSource& Services::credentials() {
  return state_->credentials.get();
}

registry::Transport& Services::transport() {
  return state_->transport.get();
}

void Services::end_sandbox() {
  if (state_->sandbox.is_made()) {
    state_->sandbox.get().begin_end();
  }
}

builder::Sandbox& Services::sandbox() {
  return state_->sandbox.get();
}

const base::Clock& Services::clock() const {
  return *state_->clock;
}

Interrupts& Services::interrupts() {
  return state_->interrupts;
}

std::stop_token Services::stop() const {
  return state_->interrupts.token();
}

const builder::UserNamespace& Services::user_namespace() const {
  return state_->user_namespace;
}

const Environment& Services::environment() const {
  return state_->environment;
}

registry::CredentialFileOptions credential_options(const Environment& environment,
                                                   const std::string& auth_file) {
  return {.only_file = auth_file,
          .docker_config = environment.get("DOCKER_CONFIG"),
          .registry_auth_file = environment.get("REGISTRY_AUTH_FILE"),
          .xdg_runtime_dir = environment.get("XDG_RUNTIME_DIR"),
          .xdg_config_home = environment.get("XDG_CONFIG_HOME"),
          .home = environment.get("HOME"),
          .environment = environment.as_list()};
}

builder::Isolation isolation_of(const std::string& text) {
  std::optional<builder::Isolation> isolation =
      builder::parse_isolation(text.empty() ? std::string_view("auto") : std::string_view(text));
  if (!isolation) {
    base::fail(base::ErrorKind::kUsage, base::cat("isolation ", base::quote(text), " is not known"),
               base::cat("use ", builder::kIsolationNames));
  }
  return *isolation;
}

std::vector<std::string> split_hosts(std::string_view text) {
  std::vector<std::string> hosts;
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  for (std::string_view host : base::split(spaced, ' ')) {
    if (!host.empty()) {
      hosts.emplace_back(host);
    }
  }
  return hosts;
}

}  // namespace slipway::cmd
