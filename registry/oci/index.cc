#include "registry/oci/index.h"

#include <algorithm>

namespace slipway::registry {

namespace {

bool is_same_machine(const Platform& left, const Platform& right) {
  return left.os == right.os && left.architecture == right.architecture &&
         left.variant == right.variant;
}

// Windows images run only on the same build of the system (the first three numbers).
bool version_fits(const Platform& offered, const Platform& wanted) {
  return wanted.os_version.empty() || offered.os_version.starts_with(wanted.os_version);
}

}  // namespace

bool is_attestation(const Descriptor& entry) {
  bool unknown = entry.platform && entry.platform->os == "unknown" &&
                 entry.platform->architecture == "unknown";
  return unknown || entry.annotations.contains("vnd.docker.reference.type");
}

const Descriptor* find_platform(const Index& index, const Platform& wanted) {
  std::vector<const Descriptor*> images;
  for (const Descriptor& entry : index.manifests) {
    if (!is_attestation(entry)) {
      images.push_back(&entry);
    }
  }
  for (const Platform& candidate : platforms_run_by(wanted)) {
    auto found = std::find_if(images.begin(), images.end(), [&](const Descriptor* entry) {
      return entry->platform && is_same_machine(normalise(*entry->platform), candidate) &&
             version_fits(*entry->platform, wanted);
    });
    if (found != images.end()) {
      return *found;
    }
  }
  return images.size() == 1 && !images.front()->platform ? images.front() : nullptr;
}

}  // namespace slipway::registry
