#pragma once

// Inside of Client: what its files share.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "registry/client.h"
#include "registry/registry_host.h"

namespace slipway::registry {

// A repository at one of the hosts that serve it: the name may be another one there.
struct Place {
  std::shared_ptr<RegistryHost> host;
  std::string path;
};

struct Client::State {
  ClientServices services;
  ClientOptions options;
  Sender sender;
  base::Guarded<std::map<std::string, std::shared_ptr<RegistryHost>>> hosts;

  State(ClientServices given, ClientOptions wanted);

  std::shared_ptr<RegistryHost> host(std::string_view domain);
  // Where the repository is written to: as the administrator's rules say. kDenied if they block it.
  Place home(const Repository& repository);
  enum class ReadBy { kTag, kDigest };
  // Where it can be read, mirrors first; its home is the last.
  std::vector<Place> read_places(const Repository& repository, ReadBy by);
  // The first answer of 200, else what the last place says; a mirror's failures fall through.
  Response read_manifest(const Repository& repository, std::string_view method,
                         const std::string& wanted, Place& answered, std::stop_token stop);
  Document document(const Repository& repository, const std::string& wanted, std::string_view what,
                    std::stop_token stop);

 private:
  std::shared_ptr<RegistryHost> host_at(const std::string& key, const std::string& domain,
                                        const std::string& base_text);
  Place place_of(const std::string& name);
  const RegistryRule* rule_of(const Repository& repository) const;
  void report(const RetryNotice& notice) const;
};

std::set<Scope> pull_scope(std::string_view path);
std::string tag_or_digest(const Reference& reference);
// The registry's claim, where it makes one.
std::optional<base::Digest> claimed_digest(const Response& response);
// kIntegrity naming `what` if they differ.
void check_digest(const base::Digest& got, const base::Digest& expected, std::string_view what);

}  // namespace slipway::registry
