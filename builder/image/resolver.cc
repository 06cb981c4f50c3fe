// Base images for the planner: from the store, from a registry or from a layout folder, as the
// policy says.
#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "registry/oci_layout.h"

namespace slipway::builder {

namespace {

using base::cat;

ResolvedImage resolved_of(const registry::Reference& reference, const cache::ImageRow& row,
                          registry::ImageConfig config) {
  ResolvedImage resolved{reference, row.id.digest(), std::nullopt, std::move(config), {}};
  if (row.received) {
    resolved.manifest_digest = row.received->digest;
  }
  for (const cache::DiffId& diff_id : row.layers) {
    resolved.layers.push_back({diff_id.digest(), std::nullopt});
  }
  return resolved;
}

bool may_be_unreachable(const base::Error& error) {
  return error.kind() == base::ErrorKind::kNetwork;
}

}  // namespace

StoreResolver::StoreResolver(Parts parts, PullPolicy policy, registry::TransferObserver observer,
                             std::function<void(const std::string&)> warn)
    : parts_(std::move(parts)),
      policy_(policy),
      observer_(std::move(observer)),
      warn_(std::move(warn)) {}

ResolvedImage StoreResolver::resolve(const registry::Reference& reference,
                                     const registry::Platform& platform, std::stop_token stop) {
  std::optional<cache::ImageId> local = find_image(*parts_.store, reference, platform);
  switch (policy_) {
    case PullPolicy::kMissing:
      return local ? from_store(reference, *local) : from_registry(reference, platform, stop);
    case PullPolicy::kAlways:
      return from_registry(reference, platform, stop);
    case PullPolicy::kNewer:
      return local ? if_newer(reference, platform, *local, stop)
                   : from_registry(reference, platform, stop);
    case PullPolicy::kNever:
      break;
  }
  if (!local) {
    base::fail(base::ErrorKind::kNotFound,
               cat(reference.canonical(), ": not in the store, and --pull=never is given"),
               cat("'slipway pull ", reference.familiar(), "' fetches it"));
  }
  return from_store(reference, *local);
}

ResolvedImage StoreResolver::from_store(const registry::Reference& reference,
                                        const cache::ImageId& id) const {
  parts_.store->images().touch(id);
  StoredImage image = read_image(*parts_.store, id);
  return resolved_of(reference, image.row, std::move(image.config));
}

ResolvedImage StoreResolver::from_registry(const registry::Reference& reference,
                                           const registry::Platform& platform,
                                           const std::stop_token& stop) {
  registry::Pulled pulled =
      registry::pull(parts_.client(), reference, platform, *parts_.store, nullptr,
                     {.layers = registry::PullLayers::kLeave, .observer = observer_}, stop);
  return resolved_of(reference, pulled.image, std::move(pulled.config));
}

ResolvedImage StoreResolver::if_newer(const registry::Reference& reference,
                                      const registry::Platform& platform, const cache::ImageId& id,
                                      const std::stop_token& stop) {
  std::optional<base::Digest> remote;
  try {
    std::optional<registry::Descriptor> found = parts_.client().find_manifest(reference, stop);
    remote = found ? std::optional(found->digest) : std::nullopt;
  } catch (const base::Error& error) {
    if (!may_be_unreachable(error)) {
      throw;
    }
    warn_(cat(reference.familiar(),
              ": using the image in the store, its registry can't be asked: ", error.message()));
    return from_store(reference, id);
  }
  bool is_current =
      remote && parts_.store->images().find_by_repository_digest(reference.name(), *remote) == id;
  return is_current ? from_store(reference, id) : from_registry(reference, platform, stop);
}

ResolvedImage StoreResolver::resolve_layout(const std::string& layout,
                                            const registry::Platform& platform,
                                            std::stop_token stop) {
  std::size_t at = layout.rfind('@');
  std::string directory = layout.substr(0, at);
  base::TempDir scratch = parts_.store->scratch_directory("layout-");
  std::unique_ptr<registry::ImageFile> file =
      registry::open_layout(directory, {platform, scratch.path()});
  std::string wanted = at == std::string::npos ? std::string() : layout.substr(at + 1);
  LayerReceiver receiver(*parts_.store, *parts_.layers);
  std::vector<registry::LoadedImage> loaded =
      registry::load(*file, *parts_.store, receiver, observer_, stop);
  for (const registry::LoadedImage& image : loaded) {
    bool fits = wanted.empty() || image.image.id.text() == wanted ||
                (image.image.received && image.image.received->digest.text() == wanted) ||
                loaded.size() == 1;
    if (fits) {
      StoredImage stored = read_image(*parts_.store, image.image.id);
      registry::Reference name =
          *registry::Reference::parse(cat("layout.invalid/", image.image.id.hex()));
      return resolved_of(name, stored.row, std::move(stored.config));
    }
  }
  base::fail(base::ErrorKind::kNotFound, cat("no image ", wanted, " in the layout ", directory));
}

}  // namespace slipway::builder
