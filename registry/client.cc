#include "registry/client.h"

#include <set>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/blob_download.h"
#include "registry/client_state.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;

[[noreturn]] void fail_platform(const Index& index, const Platform& platform,
                                std::string_view what) {
  std::set<std::string> offered;
  for (const Descriptor& entry : index.manifests) {
    if (!is_attestation(entry) && entry.platform) {
      offered.insert(normalise(*entry.platform).text());
    }
  }
  std::vector<std::string> names(offered.begin(), offered.end());
  fail(ErrorKind::kNotFound,
       cat(what, " has no image for ", platform.text(),
           names.empty() ? "" : cat("; there are ", base::join(names, ", "))));
}

}  // namespace

Client::Client(ClientServices services, ClientOptions options)
    : state_(std::make_unique<State>(services, std::move(options))) {}

Client::~Client() = default;

Document Client::get_manifest(const Reference& reference, std::stop_token stop) {
  return state_->document(repository_of(reference), tag_or_digest(reference), reference.familiar(),
                          std::move(stop));
}

Document Client::get_manifest(const Repository& repository, const Descriptor& descriptor,
                              std::stop_token stop) {
  std::string what = cat("manifest ", descriptor.digest.text(), " of ", repository.text());
  Document document = state_->document(repository, descriptor.digest.text(), what, std::move(stop));
  if (document.descriptor.size != descriptor.size) {
    fail(ErrorKind::kIntegrity,
         cat(what, ": expected ", descriptor.size, " bytes, got ", document.descriptor.size));
  }
  return document;
}

std::optional<Descriptor> Client::find_manifest(const Reference& reference, std::stop_token stop) {
  Repository repository = repository_of(reference);
  Place answered;
  Response response =
      state_->read_manifest(repository, "HEAD", tag_or_digest(reference), answered, stop);
  if (response.status == 404) {
    return std::nullopt;
  }
  std::optional<base::Digest> digest = claimed_digest(response);
  std::optional<std::uint64_t> size = response.content_length();
  if (response.status == 200 && digest && size) {
    return Descriptor{.media_type = response.content_type(),
                      .digest = *std::move(digest),
                      .size = static_cast<std::int64_t>(*size)};
  }
  // Old and static registries: only the bytes tell. And an error's words come with GET only.
  return get_manifest(reference, std::move(stop)).descriptor;
}

Resolved Client::resolve(const Reference& reference, const Platform& platform,
                         std::stop_token stop) {
  std::string what = reference.familiar();
  Document root = get_manifest(reference, stop);
  Repository repository = repository_of(reference);
  std::optional<Platform> chosen_platform;
  Document chosen = root;
  for (int depth = 0; is_index(chosen.descriptor.media_type); ++depth) {
    if (depth == kIndexDepthMax) {
      fail(ErrorKind::kInput, cat(what, ": indexes within indexes, more than ", kIndexDepthMax));
    }
    Index index = parse_index(chosen.bytes, chosen.descriptor.media_type, what);
    const Descriptor* entry = find_platform(index, platform);
    if (entry == nullptr) {
      fail_platform(index, platform, what);
    }
    chosen_platform = entry->platform;
    chosen = get_manifest(repository, *entry, stop);
  }
  Manifest manifest = parse_manifest(chosen.bytes, chosen.descriptor.media_type, what);
  if (!is_image_config(manifest.config.media_type)) {
    fail(ErrorKind::kInput, cat(what, " is no image: its config is of type ",
                                base::quote(manifest.config.media_type)));
  }
  return {.repository = std::move(repository),
          .root = std::move(root),
          .manifest_document = std::move(chosen),
          .manifest = std::move(manifest),
          .platform = std::move(chosen_platform)};
}

std::string Client::fetch_config(const Resolved& image, std::stop_token stop) {
  const Descriptor& descriptor = image.manifest.config;
  std::string what = cat("config of ", image.repository.text());
  if (descriptor.size > static_cast<std::int64_t>(kConfigBytesMax)) {
    fail(ErrorKind::kInput,
         cat(what, " has ", descriptor.size, " bytes, more than ", kConfigBytesMax));
  }
  std::unique_ptr<base::Source> source = open_blob(image.repository, descriptor, std::move(stop));
  return base::read_all(*source, kConfigBytesMax, what);
}

std::unique_ptr<base::Source> Client::open_blob(const Repository& repository,
                                                const Descriptor& descriptor,
                                                std::stop_token stop) {
  std::vector<BlobLocation> locations;
  for (Place& place : state_->read_places(repository, State::ReadBy::kDigest)) {
    locations.push_back({std::move(place.host), std::move(place.path)});
  }
  return std::make_unique<base::VerifyingSource>(
      download_blob(std::move(locations), state_->sender, repository, descriptor, std::move(stop)),
      descriptor.digest, descriptor.size,
      cat("blob ", descriptor.digest.text(), " of ", repository.text()));
}

}  // namespace slipway::registry
