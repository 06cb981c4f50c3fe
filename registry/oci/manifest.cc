#include "registry/oci/manifest.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/oci/index.h"
#include "registry/oci/json_fields.h"

namespace slipway::registry {

using json_fields::Json;
using json_fields::OrderedJson;

namespace {

OrderedJson start_document(std::string_view media_type, const std::string& artifact_type) {
  OrderedJson object;
  object["schemaVersion"] = 2;
  object["mediaType"] = media_type;
  json_fields::put(object, "artifactType", artifact_type);
  return object;
}

void finish_document(OrderedJson& object, const std::optional<Descriptor>& subject,
                     const Annotations& annotations) {
  if (subject) {
    object["subject"] = json_fields::to_json(*subject);
  }
  json_fields::put(object, "annotations", annotations);
}

OrderedJson list_of(const std::vector<Descriptor>& descriptors) {
  OrderedJson list = OrderedJson::array();
  for (const Descriptor& descriptor : descriptors) {
    list.push_back(json_fields::to_json(descriptor));
  }
  return list;
}

Json parse_document(std::string_view bytes, std::string_view what) {
  if (bytes.size() > kManifestBytesMax) {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, " has ", bytes.size(), " bytes, more than ", kManifestBytesMax));
  }
  Json document = base::parse_json(bytes, what);
  json_fields::require_object(document, what);
  return document;
}

// The media type that the document, its Content-Type and its members agree on. A document that says
// one thing in its header and another inside could be read as two different images by two tools
// (image-spec, "content confusion"), so a disagreement is an error.
std::string agreed_media_type(const Json& document, std::string_view media_type,
                              std::string_view what) {
  std::string inner = base::json_text(document, "mediaType", what);
  // text/plain and application/json come from static file servers; they say nothing.
  bool outer_says_something =
      is_index(media_type) || is_manifest(media_type) || is_schema1(media_type);
  if (base::json_integer(document, "schemaVersion", 2, what) == 1 || is_schema1(media_type)) {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, " is of Docker's schema 1, which is no longer used"),
               "push the image again with a tool of this decade");
  }
  if (!inner.empty() && outer_says_something && inner != media_type) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " was served as ", media_type,
                                                  " but calls itself ", base::quote(inner)));
  }
  bool has_layers = document.contains("layers") || document.contains("config");
  bool has_manifests = document.contains("manifests");
  if (has_layers && has_manifests) {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, " has members of both an index and an image manifest"));
  }
  if (inner.empty() && outer_says_something) {
    inner = media_type;
  }
  if (inner.empty()) {
    // The OCI specification lets mediaType be absent.
    inner = has_manifests ? media_types::kOciIndex : media_types::kOciManifest;
  }
  bool members_fit = is_index(inner) ? !has_layers : !has_manifests;
  if ((!is_index(inner) && !is_manifest(inner)) || !members_fit) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " of media type ", base::quote(inner),
                                                  " is no image manifest or index"));
  }
  return inner;
}

}  // namespace

Manifest parse_manifest(std::string_view bytes, std::string_view media_type,
                        std::string_view what) {
  Json document = parse_document(bytes, what);
  std::string agreed = agreed_media_type(document, media_type, what);
  if (!is_manifest(agreed)) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " is an index, not an image manifest"));
  }
  std::optional<Descriptor> config = json_fields::find_descriptor(document, "config", what);
  if (!config) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " has no config"));
  }
  return {.media_type = std::move(agreed),
          .artifact_type = base::json_text(document, "artifactType", what),
          .config = *std::move(config),
          .layers = json_fields::descriptors(document, "layers", what),
          .subject = json_fields::find_descriptor(document, "subject", what),
          .annotations = json_fields::text_map(document, "annotations", what)};
}

std::string serialise(const Manifest& manifest) {
  OrderedJson object = start_document(manifest.media_type, manifest.artifact_type);
  object["config"] = json_fields::to_json(manifest.config);
  object["layers"] = list_of(manifest.layers);
  finish_document(object, manifest.subject, manifest.annotations);
  return json_fields::dump(object, 2);
}

Index parse_index(std::string_view bytes, std::string_view media_type, std::string_view what) {
  Json document = parse_document(bytes, what);
  std::string agreed = agreed_media_type(document, media_type, what);
  if (!is_index(agreed)) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " is an image manifest, not an index"));
  }
  return {.media_type = std::move(agreed),
          .artifact_type = base::json_text(document, "artifactType", what),
          .manifests = json_fields::descriptors(document, "manifests", what),
          .subject = json_fields::find_descriptor(document, "subject", what),
          .annotations = json_fields::text_map(document, "annotations", what)};
}

std::string serialise(const Index& index) {
  OrderedJson object = start_document(index.media_type, index.artifact_type);
  object["manifests"] = list_of(index.manifests);
  finish_document(object, index.subject, index.annotations);
  return json_fields::dump(object, 2);
}

std::string document_media_type(std::string_view bytes, std::string_view content_type,
                                std::string_view what) {
  return agreed_media_type(parse_document(bytes, what), content_type, what);
}

}  // namespace slipway::registry
