#include "cmd/manifest_verbose.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cmd/image_names.h"
#include "cmd/manifest_list.h"
#include "registry/oci/manifest.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Json = nlohmann::ordered_json;

// Of all manifests of a list together: they are held in memory.
constexpr std::size_t kBytesMax = std::size_t{64} << 20;

Json json_of(const registry::Platform& platform) {
  Json json{{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.os_version.empty()) {
    json["os.version"] = platform.os_version;
  }
  if (!platform.os_features.empty()) {
    json["os.features"] = platform.os_features;
  }
  if (!platform.variant.empty()) {
    json["variant"] = platform.variant;
  }
  return json;
}

Json json_of(const ShownManifests::Member& member, const registry::Document& document) {
  const registry::Descriptor& descriptor = document.descriptor;
  // Checks the bytes, with limits: what follows may read them as they are.
  registry::Manifest manifest =
      registry::parse_manifest(document.bytes, descriptor.media_type, member.shown);
  Json described{{"mediaType", descriptor.media_type},
                 {"digest", descriptor.digest.text()},
                 {"size", descriptor.size}};
  if (member.descriptor.platform) {
    described["platform"] = json_of(*member.descriptor.platform);
  }
  bool is_dockers = manifest.media_type == registry::media_types::kDockerManifest;
  return {{"Ref", member.shown},
          {"Descriptor", std::move(described)},
          {"Raw", base::to_base64(document.bytes)},
          {is_dockers ? "SchemaV2Manifest" : "OCIManifest", Json::parse(document.bytes)}};
}

registry::Reference source_of(const registry::Descriptor& entry) {
  return get_reference(entry.annotations.at(kSourceAnnotation));
}

}  // namespace

ShownManifests shown_manifests(const registry::Index& draft) {
  ShownManifests shown{.members = {}, .is_list = true};
  for (const registry::Descriptor& entry : draft.manifests) {
    registry::Reference source = source_of(entry);
    shown.members.push_back({source, source.canonical(), entry});
  }
  return shown;
}

ShownManifests shown_manifests(registry::Client& client, const registry::Reference& name,
                               std::stop_token stop) {
  std::optional<registry::Descriptor> root = client.find_manifest(name, stop);
  ShownManifests shown{.members = {}, .is_list = root && registry::is_index(root->media_type)};
  for (registry::Descriptor& entry : entries_of(client, name, stop)) {
    registry::Reference called = shown.is_list ? name.with_digest(entry.digest) : name;
    shown.members.push_back({name, called.canonical(), std::move(entry)});
  }
  return shown;
}

std::string verbose_text(registry::Client& client, const ShownManifests& manifests,
                         std::stop_token stop) {
  Json list = Json::array();
  std::size_t bytes = 0;
  for (const ShownManifests::Member& member : manifests.members) {
    registry::Document document =
        client.get_manifest(member.name.with_digest(member.descriptor.digest).for_pull(), stop);
    bytes += document.bytes.size();
    if (bytes > kBytesMax) {
      base::fail(base::ErrorKind::kInput, cat("the manifests of ", member.name.familiar(),
                                              " are larger than ", kBytesMax, " bytes together"));
    }
    list.push_back(json_of(member, document));
  }
  const Json& shown = manifests.is_list ? list : list.at(0);
  return shown.dump(1, '\t', false, Json::error_handler_t::replace);
}

}  // namespace slipway::cmd
