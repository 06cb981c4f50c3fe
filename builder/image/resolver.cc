// Base images for the planner: from the store, from a registry or from a layout folder, as the
// policy says.
#include <expected>

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

// What a registry that was asked gave, or why it gave nothing.
template <typename Ask>
auto outcome_of(Ask ask) -> std::expected<decltype(ask()), base::Error> {
  try {
    return ask();
  } catch (const base::Error& error) {
    return std::unexpected(error);
  }
}

bool may_be_unreachable(const base::Error& error) {
  return error.kind() == base::ErrorKind::kNetwork;
}

// Registries say "denied" of what they don't have, to those who may not know.
bool may_not_have_it(const base::Error& error) {
  return may_be_unreachable(error) || error.kind() == base::ErrorKind::kNotFound ||
         error.kind() == base::ErrorKind::kDenied;
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
  bool is_another = local && policy_ != PullPolicy::kNever && !fits(*local, platform);
  if (is_another) {
    return for_platform(reference, platform, *local, stop);
  }
  switch (policy_) {
    case PullPolicy::kMissing:
      return local ? from_store(reference, *local)
                   : from_registry(reference, platform, registry::PullName::kTake, stop);
    case PullPolicy::kAlways:
      return from_registry(reference, platform, registry::PullName::kTake, stop);
    case PullPolicy::kNewer:
      return local ? if_newer(reference, platform, *local, stop)
                   : from_registry(reference, platform, registry::PullName::kTake, stop);
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

registry::Reference StoreResolver::meant(const std::string& text,
                                         const registry::Reference& reference) {
  bool store_first = policy_ == PullPolicy::kMissing || policy_ == PullPolicy::kNever;
  bool is_here = store_first && find_image(*parts_.store, reference, registry::host_platform());
  auto alias = is_here || !parts_.find_alias ? std::nullopt : parts_.find_alias(text);
  auto other = registry::Reference::parse(alias.value_or(text));
  return other ? *std::move(other) : reference;
}

bool StoreResolver::fits(const cache::ImageId& id, const registry::Platform& platform) const {
  std::optional<cache::ImageRow> row = parts_.store->images().find(id);
  auto has = registry::parse_platform(row ? row->platform : "");
  return has && registry::runs_on(*has, platform);
}

ResolvedImage StoreResolver::from_store(const registry::Reference& reference,
                                        const cache::ImageId& id) const {
  parts_.store->images().touch(id);
  StoredImage image = read_image(*parts_.store, id);
  return resolved_of(reference, image.row, std::move(image.config));
}

ResolvedImage StoreResolver::from_registry(const registry::Reference& reference,
                                           const registry::Platform& platform,
                                           registry::PullName name, const std::stop_token& stop) {
  registry::PullOptions options{
      .layers = registry::PullLayers::kLeave, .name = name, .observer = observer_};
  registry::Pulled pulled =
      registry::pull(parts_.client(), reference, platform, *parts_.store, nullptr, options, stop);
  return resolved_of(reference, pulled.image, std::move(pulled.config));
}

ResolvedImage StoreResolver::if_newer(const registry::Reference& reference,
                                      const registry::Platform& platform, const cache::ImageId& id,
                                      const std::stop_token& stop) {
  auto found = outcome_of([&] { return parts_.client().find_manifest(reference, stop); });
  if (!found && !may_be_unreachable(found.error())) {
    throw found.error();
  }
  if (!found) {
    warn_(cat(reference.familiar(), ": using the image in the store, its registry can't be asked: ",
              found.error().message()));
    return from_store(reference, id);
  }
  std::optional<base::Digest> remote;
  if (*found) {
    remote = (*found)->digest;
  }
  bool is_current =
      remote && parts_.store->images().find_by_repository_digest(reference.name(), *remote) == id;
  return is_current ? from_store(reference, id)
                    : from_registry(reference, platform, registry::PullName::kTake, stop);
}

// The store has a name for one platform only. The registry may have the image for the wanted one;
// what is here keeps its name if it runs here, so that a build for this machine finds it again.
ResolvedImage StoreResolver::for_platform(const registry::Reference& reference,
                                          const registry::Platform& platform,
                                          const cache::ImageId& other,
                                          const std::stop_token& stop) {
  registry::PullName name = fits(other, registry::host_platform()) ? registry::PullName::kLeave
                                                                   : registry::PullName::kTake;
  auto image = outcome_of([&] { return from_registry(reference, platform, name, stop); });
  if (image) {
    return *std::move(image);
  }
  if (policy_ == PullPolicy::kAlways || !may_not_have_it(image.error())) {
    throw image.error();
  }
  return from_store(reference, other);
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
  LayerReceiver receiver(*parts_.layers);
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
