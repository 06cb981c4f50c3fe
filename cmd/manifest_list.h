#pragma once

// Lists of manifests (indexes) that are made by hand: `manifest create`, `annotate`, `push`. Until
// it is pushed, a list is a draft in the store under its name; each entry says in an annotation
// which name its manifest was found under, for `push` brings those that are elsewhere along. That
// annotation is taken out of what is pushed.

#include <optional>
#include <stop_token>
#include <string>

#include "cache/store.h"
#include "registry/client.h"
#include "registry/oci/index.h"

namespace slipway::cmd {

inline constexpr const char* kSourceAnnotation = "slipway.draft.source";

// The draft under a name; nothing if the name is none or stands for something else.
std::optional<registry::Index> find_draft(cache::Store& store, const registry::Reference& name);
// kNotFound with a hint where there is none.
registry::Index get_draft(cache::Store& store, const registry::Reference& name);
void keep_draft(cache::Store& store, const registry::Reference& name, const registry::Index& index);

// The entry for a manifest that a registry has: with its platform, found in its config, and its
// source. Of an index, every entry. kInput for what is no image.
std::vector<registry::Descriptor> entries_of(registry::Client& client,
                                             const registry::Reference& reference,
                                             std::stop_token stop);

// What is pushed of a draft.
registry::Index without_sources(registry::Index index);

}  // namespace slipway::cmd
