#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/time.h"
#include "builder/layer/layer_store.h"
#include "builder/sandbox/rootless.h"
#include "builder/sandbox/sandbox.h"
#include "cache/store.h"
#include "cmd/interrupts.h"
#include "cmd/verbs.h"
#include "registry/client.h"
#include "registry/events.h"
#include "registry/http/credentials.h"
#include "registry/pull.h"

namespace slipway::cmd {

// What a verb does with the store.
enum class StoreUse {
  // Documents and names only: images, inspect, tag. Starts no namespace.
  kDocuments,
  // Also files of layers, whose owners must be what they are: without root the process moves into
  // its user namespace first.
  kFiles,
};

// What flags say of registries: besides what environment and files do.
struct RegistryAccess {
  // Without (verified) TLS.
  std::vector<std::string> insecure;
  registry::TlsVerify tls_verify = registry::TlsVerify::kUnlessListed;
  // Credentials that were given by hand, instead of what the files say of these registries.
  registry::FixedCredentials::ByDomain credentials;
  std::string auth_file;              // the only one that counts; empty: those of the environment
  std::string certificate_directory;  // authorities and our own certificates, for all hosts
  std::optional<int> idle_timeout_ms;
  registry::RetryPolicy retry;
};

struct ServicesOptions {
  StoreUse use = StoreUse::kFiles;
  // How steps are kept in; kAuto: $SLIPWAY_ISOLATION, else as the store was made, else the best.
  builder::Isolation isolation = builder::Isolation::kAuto;
  RegistryAccess registries;
  // Gets retries and warnings of registries, and the layers that are fetched when they are needed.
  registry::TransferObserver observer;
};

// The real things that verbs work with, made when they are first asked for: `slipway version`
// touches no store, and `slipway images` no network, thread pool or sandbox. Made once, by main's
// thread, before any other thread exists. The getters may then be called from any thread.
class Services {
 public:
  // Enters the user namespace where one is needed (kDenied where that is forbidden) and begins to
  // watch for Ctrl-C. Notices for people go to standard error.
  explicit Services(const Invocation& invocation, ServicesOptions options = {});
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  cache::Store& store();
  builder::LayerStore& layers();
  // What takes pulled and loaded layers into layers().
  registry::LayerSink& layer_sink();
  registry::Client& client();
  // What a short name stands for, by registries.conf.
  std::optional<std::string> find_alias(const std::string& name);
  // More of what the options have; before client() is called first.
  void add_credential(const std::string& domain, registry::Credential credential);
  registry::CredentialSource& credentials();
  // For what is no registry: a URL given by the user.
  registry::Transport& transport();
  builder::Sandbox& sandbox();
  // No more steps: the sandbox, if there is one, begins to end.
  void end_sandbox();
  const base::Clock& clock() const;
  Interrupts& interrupts();
  // Asked to stop by Ctrl-C, SIGTERM, SIGHUP.
  std::stop_token stop() const;
  const builder::UserNamespace& user_namespace() const;
  const Environment& environment() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Where credentials are kept: in `auth_file`, or, if that is empty, as the environment says.
registry::CredentialFileOptions credential_options(const Environment& environment,
                                                   const std::string& auth_file);

// --isolation as it was typed; empty is kAuto. kUsage for what is none.
builder::Isolation isolation_of(const std::string& text);

// Hosts as $SLIPWAY_INSECURE_REGISTRIES and the like give them: separated by commas or spaces.
std::vector<std::string> split_hosts(std::string_view text);

}  // namespace slipway::cmd
