#include "registry/pull.h"

#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "registry/http/attempt.h"
#include "registry/progress_source.h"

namespace slipway::registry {

namespace {

using Kind = TransferEvent::Kind;

void fetch_to(Client& client, const Repository& repository, const Descriptor& descriptor,
              const cache::DiffId& diff_id, LayerSink& layers, const TransferObserver& observer,
              std::stop_token stop) {
  base::noting(
      [&] {
        return base::cat("fetching layer ", descriptor.digest.text(), " of ", repository.text());
      },
      [&] {
        tell(observer, Kind::kStarted, descriptor);
        std::unique_ptr<base::Source> blob = client.open_blob(repository, descriptor, stop);
        layers.put(with_progress(std::move(blob), descriptor, observer), descriptor, diff_id, stop);
        tell(observer, Kind::kDone, descriptor);
      });
}

void fetch_layers(Client& client, const Pulled& pulled, LayerSink& layers,
                  const PullOptions& options, std::stop_token stop) {
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  std::set<cache::DiffId> seen;
  for (std::size_t i = 0; i < pulled.config.diff_ids.size(); ++i) {
    const cache::DiffId& diff_id = pulled.config.diff_ids[i];
    const Descriptor& descriptor = pulled.resolved.manifest.layers[i];
    if (!seen.insert(diff_id).second) {
      continue;
    }
    if (layers.has(diff_id)) {
      tell(options.observer, Kind::kExists, descriptor);
      continue;
    }
    jobs.emplace_back(
        [&client, &layers, &options, &pulled, &descriptor, &diff_id](std::stop_token job_stop) {
          fetch_to(client, pulled.resolved.repository, descriptor, diff_id, layers,
                   options.observer, std::move(job_stop));
        });
  }
  base::run_all(std::move(jobs), options.parallel, std::move(stop));
}

std::uint64_t known_size(cache::Store& store, const cache::DiffId& diff_id,
                         const Descriptor& descriptor) {
  std::optional<cache::LayerRow> row = store.layers().find(diff_id);
  return row && row->tar_size > 0 ? row->tar_size : static_cast<std::uint64_t>(descriptor.size);
}

// Everything that says what came and from where, in one batch.
cache::Batch rows_of(const Pulled& pulled, const Reference& reference, PullName name) {
  const Resolved& resolved = pulled.resolved;
  cache::Batch batch;
  for (std::size_t i = 0; i < pulled.config.diff_ids.size(); ++i) {
    const cache::DiffId& diff_id = pulled.config.diff_ids[i];
    const Descriptor& layer = resolved.manifest.layers[i];
    batch.layers.push_back({.diff_id = diff_id});
    batch.layer_blobs.push_back({.diff_id = diff_id,
                                 .encoder = cache::kReceivedEncoder,
                                 .compression = compression_of(layer.media_type),
                                 .blob = {layer.digest, static_cast<std::uint64_t>(layer.size)},
                                 .media_type = layer.media_type});
    batch.blob_sources.push_back({.digest = layer.digest,
                                  .host = api_host(resolved.repository.domain),
                                  .repository = resolved.repository.path});
  }
  batch.images.push_back(pulled.image);
  // A name with a digest is not a name that could move: only the digest is remembered.
  if (!reference.digest() && name == PullName::kTake) {
    batch.names.push_back(
        {.reference = reference.with_default_tag().canonical(), .target = pulled.image.id});
  }
  batch.repository_digests.push_back({.image = pulled.image.id,
                                      .repository = reference.name(),
                                      .digest = resolved.root.descriptor.digest});
  return batch;
}

}  // namespace

void check_image(const Manifest& manifest, const ImageConfig& config, std::string_view what) {
  if (!is_image_config(manifest.config.media_type)) {
    base::fail(base::ErrorKind::kInput, base::cat(what, " is no image: its config is of type ",
                                                  base::quote(manifest.config.media_type)));
  }
  if (manifest.layers.size() != config.diff_ids.size()) {
    base::fail(base::ErrorKind::kInput,
               base::cat(what, ": the manifest has ", manifest.layers.size(),
                         " layers, but the config ", config.diff_ids.size()));
  }
  for (const Descriptor& layer : manifest.layers) {
    if (!is_layer(layer.media_type)) {
      base::fail(base::ErrorKind::kInput,
                 base::cat(what, ": layer ", layer.digest.text(), " is of type ",
                           base::quote(layer.media_type), ", which is no layer's"));
    }
  }
}

void refuse_foreign_layers(const Manifest& manifest, std::string_view what) {
  for (const Descriptor& layer : manifest.layers) {
    if (is_foreign_layer(layer.media_type)) {
      base::fail(base::ErrorKind::kDenied,
                 base::cat(what, " has the foreign layer ", layer.digest.text(), " of ",
                           layer.urls.empty() ? "an unknown place" : layer.urls.front()),
                 "--foreign-layers says what is to become of such layers");
    }
  }
}

Pulled pull(Client& client, const Reference& reference, const Platform& platform,
            cache::Store& store, LayerSink* layers, const PullOptions& options,
            std::stop_token stop) {
  Resolved resolved = client.resolve(reference, platform, stop);
  std::string what = reference.familiar();
  const base::Digest& config_digest = resolved.manifest.config.digest;
  std::string config_bytes = store.blobs().has(config_digest)
                                 ? store.blobs().read(config_digest, kConfigBytesMax)
                                 : client.fetch_config(resolved, stop);
  ImageConfig config = parse_image_config(config_bytes, base::cat("config of ", what));
  check_image(resolved.manifest, config, what);
  if (options.foreign_layers == PullOptions::Foreign::kRefuse) {
    refuse_foreign_layers(resolved.manifest, what);
  }
  // Both may be named by another algorithm; here they are named by SHA-256.
  const Descriptor& manifest = resolved.manifest_document.descriptor;
  base::Digest received =
      store.blobs().put(resolved.manifest_document.bytes, manifest.digest).digest;
  cache::ImageRow image{.id = cache::ImageId(store.blobs().put(config_bytes, config_digest).digest),
                        .platform = normalise(config.platform).text(),
                        .created = config.created.value_or(base::Timestamp{}),
                        .layers = config.diff_ids,
                        .received = cache::ManifestRef{std::move(received), manifest.media_type}};
  Pulled pulled{.resolved = std::move(resolved),
                .config_bytes = std::move(config_bytes),
                .config = std::move(config),
                .image = std::move(image)};
  if (options.layers == PullLayers::kFetch) {
    fetch_layers(client, pulled, *layers, options, stop);
  }
  for (std::size_t i = 0; i < pulled.config.diff_ids.size(); ++i) {
    pulled.image.size +=
        known_size(store, pulled.config.diff_ids[i], pulled.resolved.manifest.layers[i]);
  }
  store.commit(rows_of(pulled, reference, options.name));
  return pulled;
}

void fetch_layer(Client& client, const cache::DiffId& diff_id, cache::Store& store,
                 LayerSink& layers, const TransferObserver& observer, std::stop_token stop) {
  struct Way {
    Repository repository;
    Descriptor descriptor;
  };
  std::vector<Way> ways;
  for (const cache::LayerBlobRow& row : store.layers().blobs(diff_id)) {
    for (const cache::BlobSourceRow& source : store.layers().sources(row.blob.digest)) {
      ways.push_back({.repository = {source.host, source.repository},
                      .descriptor = {.media_type = row.media_type,
                                     .digest = row.blob.digest,
                                     .size = static_cast<std::int64_t>(row.blob.size)}});
    }
  }
  if (ways.empty()) {
    base::fail(
        base::ErrorKind::kNotFound,
        base::cat("layer ", diff_id.text(), " is not here, and no registry is known to have it"),
        "pull or load its image again");
  }
  // Tried one after the other: a repository may have been removed since.
  for (std::size_t i = 0;; ++i) {
    auto fetched = attempt([&] {
      fetch_to(client, ways[i].repository, ways[i].descriptor, diff_id, layers, observer, stop);
    });
    if (fetched) {
      return;
    }
    base::ErrorKind kind = fetched.error().kind;
    bool is_elsewhere = kind == base::ErrorKind::kNotFound || kind == base::ErrorKind::kDenied ||
                        kind == base::ErrorKind::kNetwork;
    if (i + 1 == ways.size() || !is_elsewhere) {
      fetched.error().rethrow();
    }
  }
}

}  // namespace slipway::registry
