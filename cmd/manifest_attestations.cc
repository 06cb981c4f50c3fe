#include "cmd/manifest_attestations.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/attest/attestation.h"
#include "cmd/image_names.h"
#include "cmd/image_set.h"
#include "cmd/report.h"
#include "registry/oci/index.h"

namespace slipway::cmd {

namespace {

using base::cat;
using registry::Descriptor;

constexpr std::string_view kStatementMediaType = "application/vnd.in-toto+json";
constexpr std::string_view kDigestAnnotation = "vnd.docker.reference.digest";
constexpr std::string_view kPredicateAnnotation = "in-toto.io/predicate-type";
constexpr std::size_t kStatementBytesMax = std::size_t{64} << 20;

std::string get(const registry::Annotations& annotations, std::string_view key) {
  auto found = annotations.find(std::string(key));
  return found == annotations.end() ? "" : found->second;
}

bool is_wanted(const Descriptor& layer, const std::string& type) {
  return layer.media_type == kStatementMediaType &&
         (type.empty() || get(layer.annotations, kPredicateAnnotation) == type);
}

// In one line without control characters, whatever the form it was stored in.
void print_statement(const Descriptor& layer, base::Source& source) {
  std::string what = cat("attestation ", layer.digest.text());
  std::string text = base::read_all(source, kStatementBytesMax, what);
  print_out(base::dump_json(base::parse_json(text, what)) + "\n");
}

class RemoteAttestations {
 public:
  RemoteAttestations(Services& services, const registry::Resolved& image)
      : services_(services), image_(image) {}

  // Manifests that may hold statements on the image, each once.
  std::vector<Descriptor> manifests() {
    const base::Digest& digest = image_.manifest_document.descriptor.digest;
    std::vector<Descriptor> found =
        services_.client().referrers(image_.repository, digest, "", services_.stop());
    // A signature, or something else that says nothing in a form that is known here.
    std::erase_if(found, [](const Descriptor& entry) {
      return entry.artifact_type.find("attestation") == std::string::npos &&
             entry.artifact_type.find("in-toto") == std::string::npos;
    });
    if (registry::is_index(image_.root.descriptor.media_type)) {
      registry::Index index = registry::parse_index(
          image_.root.bytes, image_.root.descriptor.media_type, "the index of the image");
      for (Descriptor& entry : index.manifests) {
        bool is_new = std::none_of(found.begin(), found.end(), [&](const Descriptor& other) {
          return other.digest == entry.digest;
        });
        if (is_new && get(entry.annotations, kDigestAnnotation) == digest.text()) {
          found.push_back(std::move(entry));
        }
      }
    }
    return found;
  }

  // How many there were.
  std::size_t print(const Descriptor& entry, const std::string& type) {
    registry::Document document =
        services_.client().get_manifest(image_.repository, entry, services_.stop());
    registry::Manifest manifest = registry::parse_manifest(
        document.bytes, document.descriptor.media_type, cat("attestations ", entry.digest.text()));
    std::size_t count = 0;
    for (const Descriptor& layer : manifest.layers) {
      if (is_wanted(layer, type)) {
        print_statement(layer,
                        *services_.client().open_blob(image_.repository, layer, services_.stop()));
        ++count;
      }
    }
    return count;
  }

 private:
  Services& services_;
  const registry::Resolved& image_;
};

std::size_t print_remote(Services& services, const registry::Resolved& image,
                         const std::string& type) {
  RemoteAttestations attestations(services, image);
  std::size_t count = 0;
  for (const Descriptor& entry : attestations.manifests()) {
    count += attestations.print(entry, type);
  }
  return count;
}

// What the store keeps of the image; 0 also where it has no such image.
std::size_t print_local(Services& services, const registry::Reference& name,
                        const registry::Platform& platform, const std::string& type) {
  cache::Store& store = services.store();
  std::optional<cache::ImageId> id = builder::find_image(store, name, platform);
  std::size_t count = 0;
  for (const StoredAttestation& attestation :
       id ? stored_attestations(store, *id) : std::vector<StoredAttestation>()) {
    for (const registry::ExportBlob& layer : attestation.document.layers) {
      if (is_wanted(layer.descriptor, type)) {
        print_statement(layer.descriptor, *layer.open());
        ++count;
      }
    }
  }
  return count;
}

// The short names are those of `build --attest`.
std::string predicate_type(const std::string& type) {
  if (type == "provenance") {
    return std::string(builder::kProvenancePredicate);
  }
  return type == "sbom" ? std::string(builder::kSpdxPredicate) : type;
}

}  // namespace

int show_attestations(const Invocation& invocation) {
  std::string platform;
  std::string type;
  std::vector<std::string> words;
  RegistryFlags registry_flags;
  Flags flags("manifest", "attestations [OPTIONS] NAME",
              "Show the statements that the store or else a registry has on an image: where it "
              "comes from, what is in it.");
  flags.text("--platform", platform, "Which image of a multi-platform name");
  flags.text("--type", type, "Only these: provenance, sbom, or a predicate's type");
  registry_flags.add_to(flags);
  flags.words(words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  registry::Reference name = get_reference(words.front());
  Services services(invocation, {.use = StoreUse::kDocuments,
                                 .registries = registry_flags.access(name.domain())});
  registry::Platform wanted = get_platform(platform);
  std::size_t count = print_local(services, name, wanted, predicate_type(type));
  if (count == 0) {
    registry::Resolved image = services.client().resolve(name.for_pull(), wanted, services.stop());
    count = print_remote(services, image, predicate_type(type));
  }
  if (count == 0) {
    base::fail(base::ErrorKind::kNotFound,
               cat(name.familiar(), " has no ", type.empty() ? "" : cat(type, " "), "attestations"),
               "'slipway build' with --provenance or --sbom makes some");
  }
  return 0;
}

}  // namespace slipway::cmd
