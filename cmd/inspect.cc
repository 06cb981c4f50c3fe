#include <algorithm>
#include <iterator>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/image_json.h"
#include "cmd/image_names.h"
#include "cmd/image_set.h"
#include "cmd/output/listing.h"
#include "cmd/output/template.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/oci/manifest.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Json = nlohmann::ordered_json;

struct InspectFlags {
  std::string format;
  std::string type;
  std::string platform;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, InspectFlags& values) {
  Flags flags("inspect", "[OPTIONS] IMAGE [IMAGE...]",
              "Show all that is known of images, as JSON.");
  flags.text("-f,--format", values.format, "json, or a Go template: '{{json .Config.Env}}'");
  flags.text("--type", values.type, "image: there is nothing else");
  flags.text("--platform", values.platform, "Which image of a multi-platform name");
  flags.words(values.words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  if (!values.type.empty() && values.type != "image") {
    base::fail(base::ErrorKind::kUsage,
               cat(base::quote(values.type), " is not a valid value for --type: only image is"));
  }
  return true;
}

// Members that docker's type has and its JSON leaves out where empty: templates may name them.
void add_absent(Json& image) {
  for (const char* name : {"Variant", "OsVersion"}) {
    if (!image.contains(name)) {
      image[name] = "";
    }
  }
}

std::uint64_t content_bytes(const registry::Manifest& manifest) {
  std::int64_t bytes = manifest.config.size;
  for (const registry::Descriptor& layer : manifest.layers) {
    bytes += layer.size;
  }
  return static_cast<std::uint64_t>(bytes);
}

KeptManifest kept_manifest(const registry::PushDocument& document,
                           std::optional<base::Digest> about) {
  registry::Manifest manifest =
      registry::parse_manifest(document.bytes, document.media_type, "a manifest of the image");
  registry::Descriptor descriptor = registry::descriptor_of(document);
  descriptor.media_type = manifest.media_type;
  return {std::move(descriptor), std::move(about), content_bytes(manifest)};
}

// The manifests that attestations are about, and those of the attestations.
std::vector<KeptManifest> kept_manifests(cache::Store& store, const cache::ImageId& id) {
  std::vector<KeptManifest> images;
  std::vector<KeptManifest> about_them;
  for (const StoredAttestation& attestation : stored_attestations(store, id)) {
    bool is_new = std::ranges::none_of(images, [&](const KeptManifest& image) {
      return image.descriptor.digest == attestation.about;
    });
    if (is_new && store.blobs().has(attestation.about)) {
      images.push_back(kept_manifest(
          {.bytes = store.blobs().read(attestation.about, registry::kManifestBytesMax),
           .media_type = ""},
          std::nullopt));
    }
    about_them.push_back(kept_manifest(attestation.document.manifest, attestation.about));
  }
  std::ranges::move(about_them, std::back_inserter(images));
  return images;
}

Json inspected(cache::Store& store, const std::string& word, const registry::Platform& platform) {
  cache::ImageTable::Listed listed = get_listed_image(store, word, platform);
  builder::StoredImage image = builder::read_image(store, listed.image.id);
  Json json = image_json(listed, image);
  std::vector<KeptManifest> manifests = kept_manifests(store, listed.image.id);
  if (!manifests.empty()) {
    add_manifests(json, manifests, image);
  }
  return json;
}

std::string output_of(const std::vector<Json>& images, const std::string& format) {
  if (format.empty()) {
    return Json(images).dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::string text;
  Template line(format == "json" ? "{{json .}}" : unescape_format(format));
  for (Json image : images) {
    if (format != "json") {
      add_absent(image);
    }
    text += line.text_for(image) + "\n";
  }
  return text;
}

}  // namespace

int run_inspect(const Invocation& invocation) {
  InspectFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::Platform platform = get_platform(flags.platform);
  Services services(invocation, {.use = StoreUse::kDocuments});
  cache::Store& store = services.store();
  std::vector<Json> images;
  std::vector<base::Error> errors;
  for (const std::string& word : flags.words) {
    auto error = failure_of([&] { images.push_back(inspected(store, word, platform)); });
    if (error) {
      errors.push_back(*std::move(error));
    }
  }
  // As docker does: what was found, and then what went wrong.
  print_out(output_of(images, flags.format));
  for (const base::Error& error : errors) {
    print_error(report_text(error));
  }
  return errors.empty() ? 0 : static_cast<int>(exit_code_of(errors.front().kind()));
}

}  // namespace slipway::cmd
