#pragma once

#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "registry/client.h"
#include "registry/registry_host.h"

// Manifests that refer to another one as their subject: distribution-spec, "Listing Referrers".
// Registries without that call keep the list in an index under the tag "sha256-<hex>" (the first 64
// digits), which the one who pushes keeps up.

namespace slipway::registry {

// Nothing if the registry has no such call.
std::optional<std::vector<Descriptor>> find_referrers(RegistryHost& host, std::string_view path,
                                                      const base::Digest& subject,
                                                      std::string_view artifact_type,
                                                      std::stop_token stop);
// What the index under the tag lists; empty if there is none.
std::vector<Descriptor> find_noted_referrers(Client& client, const Repository& repository,
                                             const base::Digest& subject, std::stop_token stop);
// What the document refers to; nothing for most.
std::optional<base::Digest> subject_of(std::string_view bytes, std::string_view media_type);
// A document of a repository, and what it is called there.
struct NamedDocument {
  base::Digest digest;
  std::string_view bytes;
  std::string_view media_type;
};
// Adds the document to that index if it has a subject. Two who do this at once may lose one entry:
// there is no way to do it in one step.
void note_referrer(Client& client, const Repository& repository, const NamedDocument& document,
                   std::stop_token stop);
// Takes a document that was deleted out of that index.
void forget_referrer(Client& client, const Repository& repository, const NamedDocument& document,
                     std::stop_token stop);

}  // namespace slipway::registry
