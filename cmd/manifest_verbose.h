#pragma once

// `manifest inspect --verbose`: the form of docker's command, for who reads it with a program.

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "registry/client.h"
#include "registry/oci/index.h"

namespace slipway::cmd {

// Manifests as a registry has them: one image, or the members of a list.
struct ShownManifests {
  struct Member {
    registry::Reference name;  // where it is
    std::string shown;         // what it is called
    registry::Descriptor descriptor;
  };
  std::vector<Member> members;
  bool is_list = false;
};

// Of a list that was made here: members are called by the names they were added under.
ShownManifests shown_manifests(const registry::Index& draft);
// Of what a registry has under a name.
ShownManifests shown_manifests(registry::Client& client, const registry::Reference& name,
                               std::stop_token stop);

// JSON with tabs: an object for an image, an array of them for a list. Fetches the manifests; those
// of a list may have 64 MiB together. kInput for what is neither image nor artifact.
std::string verbose_text(registry::Client& client, const ShownManifests& manifests,
                         std::stop_token stop);

}  // namespace slipway::cmd
