#include "registry/referrers.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/pages.h"

namespace slipway::registry {

namespace {

using base::cat;

// distribution-spec, "Referrers Tag Schema": not more than 64 digits, for a tag has an end.
constexpr std::size_t kTagDigitsMax = 64;

Reference tag_reference(const Repository& repository, const base::Digest& subject) {
  auto reference =
      Reference::parse(cat(repository.domain, "/", repository.path, ":", subject.algorithm(), "-",
                           subject.hex().substr(0, kTagDigitsMax)));
  if (!reference) {
    base::fail(base::ErrorKind::kInput,
               cat("no tag can be made of ", subject.text(), ": ", reference.error()));
  }
  return *std::move(reference);
}

Index find_noted(Client& client, const Reference& tag, std::stop_token stop) {
  Index empty{.media_type = std::string(media_types::kOciIndex)};
  std::optional<Descriptor> known = client.find_manifest(tag, stop);
  if (!known) {
    return empty;
  }
  Document document = client.get_manifest(tag, std::move(stop));
  return parse_index(document.bytes, document.descriptor.media_type, tag.familiar());
}

struct Referrer {
  base::Digest subject;
  Descriptor descriptor;
};

// Nothing for a document without a subject.
std::optional<Referrer> referrer_of(const NamedDocument& document) {
  auto [digest, bytes, media_type] = document;
  // Most documents have none, and need not be taken apart.
  if (!bytes.contains("\"subject\"")) {
    return std::nullopt;
  }
  Descriptor descriptor{.media_type = std::string(media_type),
                        .digest = digest,
                        .size = static_cast<std::int64_t>(bytes.size())};
  std::optional<Descriptor> subject;
  if (is_index(media_type)) {
    Index index = parse_index(bytes, media_type, "the index");
    subject = std::move(index.subject);
    descriptor.artifact_type = std::move(index.artifact_type);
    descriptor.annotations = std::move(index.annotations);
  } else {
    Manifest manifest = parse_manifest(bytes, media_type, "the manifest");
    subject = std::move(manifest.subject);
    descriptor.artifact_type = manifest.artifact_type.empty()
                                   ? std::move(manifest.config.media_type)
                                   : std::move(manifest.artifact_type);
    descriptor.annotations = std::move(manifest.annotations);
  }
  return subject ? std::optional<Referrer>({std::move(subject->digest), std::move(descriptor)})
                 : std::nullopt;
}

}  // namespace

std::optional<std::vector<Descriptor>> find_referrers(RegistryHost& host, std::string_view path,
                                                      const base::Digest& subject,
                                                      std::string_view artifact_type,
                                                      std::stop_token stop) {
  std::string what = cat("referrers of ", subject.text());
  std::string place =
      cat("v2/", path, "/referrers/", subject.text(),
          artifact_type.empty() ? "" : cat("?artifactType=", base::percent_encode(artifact_type)));
  std::vector<Descriptor> all;
  bool has_call = each_page(
      host, place, {repository_scope(std::string(path), {"pull"})}, what,
      [&](const nlohmann::json& document) {
        Index index = parse_index(base::dump_json(document), media_types::kOciIndex, what);
        std::ranges::move(index.manifests, std::back_inserter(all));
      },
      std::move(stop), Pages::kMayBeAbsent);
  return has_call ? std::optional(std::move(all)) : std::nullopt;
}

std::vector<Descriptor> find_noted_referrers(Client& client, const Repository& repository,
                                             const base::Digest& subject, std::stop_token stop) {
  return find_noted(client, tag_reference(repository, subject), std::move(stop)).manifests;
}

std::optional<base::Digest> subject_of(std::string_view bytes, std::string_view media_type) {
  std::optional<Referrer> referrer =
      referrer_of({.digest = base::sha256_of(bytes), .bytes = bytes, .media_type = media_type});
  return referrer ? std::optional(std::move(referrer->subject)) : std::nullopt;
}

void note_referrer(Client& client, const Repository& repository, const NamedDocument& document,
                   std::stop_token stop) {
  std::optional<Referrer> referrer = referrer_of(document);
  if (!referrer) {
    return;
  }
  Reference tag = tag_reference(repository, referrer->subject);
  Index index = find_noted(client, tag, stop);
  bool is_noted = std::ranges::any_of(index.manifests, [&](const Descriptor& entry) {
    return entry.digest == referrer->descriptor.digest;
  });
  if (!is_noted) {
    index.manifests.push_back(std::move(referrer->descriptor));
    client.put_manifest(tag, serialise(index), index.media_type, std::move(stop));
  }
}

void forget_referrer(Client& client, const Repository& repository, const NamedDocument& document,
                     std::stop_token stop) {
  std::optional<Referrer> referrer = referrer_of(document);
  if (!referrer) {
    return;
  }
  Reference tag = tag_reference(repository, referrer->subject);
  Index index = find_noted(client, tag, stop);
  std::size_t removed = std::erase_if(index.manifests, [&](const Descriptor& entry) {
    return entry.digest == referrer->descriptor.digest;
  });
  if (removed == 0) {
    return;
  }
  // An index without entries says the same as none, which many registries can't make of a tag.
  client.put_manifest(tag, serialise(index), index.media_type, std::move(stop));
}

}  // namespace slipway::registry
