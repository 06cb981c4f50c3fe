#include "registry/copy.h"

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "registry/oci/index.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;

class RegistryBundle {
 public:
  RegistryBundle(Client& client, Repository repository, std::stop_token stop)
      : client_(&client), repository_(std::move(repository)), stop_(std::move(stop)) {}

  ExportImage image(const Document& document) const {
    Manifest manifest = parse_manifest(document.bytes, document.descriptor.media_type,
                                       cat("manifest ", document.descriptor.digest.text()));
    ExportImage image{.manifest = {document.bytes, document.descriptor.media_type}};
    if (manifest.config.size > static_cast<std::int64_t>(kConfigBytesMax)) {
      fail(ErrorKind::kInput, cat("config ", manifest.config.digest.text(), " has ",
                                  manifest.config.size, " bytes, more than ", kConfigBytesMax));
    }
    std::unique_ptr<base::Source> config = client_->open_blob(repository_, manifest.config, stop_);
    image.config = base::read_all(*config, kConfigBytesMax, "config");
    for (Descriptor& layer : manifest.layers) {
      image.layers.push_back(
          {.descriptor = layer,
           .open = [client = client_, stop = stop_, repository = repository_, layer] {
             return client->open_blob(repository, layer, stop);
           }});
    }
    return image;
  }

  ExportBundle everything(const Document& root) const {
    ExportBundle bundle;
    if (!is_index(root.descriptor.media_type)) {
      bundle.images.push_back(image(root));
      return bundle;
    }
    Index index = parse_index(root.bytes, root.descriptor.media_type, repository_.text());
    for (const Descriptor& entry : index.manifests) {
      if (is_index(entry.media_type)) {
        fail(ErrorKind::kInput,
             cat(repository_.text(), ": an index within an index (", entry.digest.text(),
                 ") can't be copied"),
             "copy its images one by one");
      }
      bundle.images.push_back(image(client_->get_manifest(repository_, entry, stop_)));
    }
    bundle.index = {{root.bytes, root.descriptor.media_type}, {}};
    return bundle;
  }

 private:
  Client* client_;
  Repository repository_;
  std::stop_token stop_;
};

// Reads the file under a lock: it has one place to read from.
class LockedSource : public base::Source {
 public:
  LockedSource(std::shared_ptr<std::mutex> mutex, std::unique_ptr<base::Source> next,
               std::shared_ptr<ImageFile> file)
      : file_(std::move(file)), mutex_(std::move(mutex)), next_(std::move(next)) {}
  std::size_t read(std::span<char> bytes) override {
    std::lock_guard lock(*mutex_);
    return next_->read(bytes);
  }

 private:
  std::shared_ptr<ImageFile> file_;  // destroyed after what reads it
  std::shared_ptr<std::mutex> mutex_;
  std::unique_ptr<base::Source> next_;
};

bool is_called(const FoundImage& image, const std::string& name) {
  auto wanted = Reference::parse(name);
  return std::ranges::any_of(image.names, [&](const std::string& text) {
    auto known = Reference::parse(text);
    bool is_same = wanted && known &&
                   wanted->with_default_tag().canonical() == known->with_default_tag().canonical();
    return text == name || is_same || (known && known->tag() == name);
  });
}

const FoundImage& choose(const ImageFile& file, const std::string& name, const std::string& what) {
  std::vector<const FoundImage*> found;
  std::vector<std::string> names;
  for (const FoundImage& image : file.images()) {
    names.insert(names.end(), image.names.begin(), image.names.end());
    if (name.empty() || is_called(image, name)) {
      found.push_back(&image);
    }
  }
  std::string known = names.empty() ? "" : cat("; there are ", base::join(names, ", "));
  if (found.empty()) {
    fail(ErrorKind::kNotFound, cat(what, " has no image ", base::quote(name), known));
  }
  if (found.size() > 1) {
    fail(ErrorKind::kInput, cat(what, " has several images", known), "name one of them");
  }
  return *found.front();
}

}  // namespace

ExportBundle bundle_of_registry(Client& client, const Reference& reference,
                                const std::optional<Platform>& platform, std::stop_token stop) {
  RegistryBundle bundle(client, repository_of(reference), stop);
  if (!platform) {
    return bundle.everything(client.get_manifest(reference, stop));
  }
  ExportBundle one;
  one.images.push_back(bundle.image(client.resolve(reference, *platform, stop).manifest_document));
  return one;
}

ExportBundle bundle_of_file(std::shared_ptr<ImageFile> file, const std::string& name,
                            const std::string& what) {
  const FoundImage& found = choose(*file, name, what);
  ExportImage image{.manifest = {found.manifest.bytes, found.manifest.descriptor.media_type},
                    .config = found.config_bytes};
  auto mutex = std::make_shared<std::mutex>();
  for (const Descriptor& layer : found.layers) {
    image.layers.push_back(
        {.descriptor = layer, .open = [file, mutex, layer]() -> std::unique_ptr<base::Source> {
           std::lock_guard lock(*mutex);
           return std::make_unique<LockedSource>(mutex, file->open(layer), file);
         }});
  }
  ExportBundle bundle;
  bundle.images.push_back(std::move(image));
  return bundle;
}

Push push_of(const ExportBundle& bundle, const std::vector<Repository>& sources) {
  Push push;
  for (const ExportImage& image : bundle.images) {
    for (const ExportBlob& layer : image.layers) {
      push.blobs.push_back({layer.descriptor, layer.open, sources});
    }
    Manifest manifest = parse_manifest(image.manifest.bytes, image.manifest.media_type, "image");
    push.blobs.push_back(
        {manifest.config,
         [config = image.config] { return std::make_unique<base::StringSource>(config); },
         sources});
    push.documents.push_back(image.manifest);
  }
  if (bundle.index) {
    push.documents.push_back(bundle.index->index);
  }
  return push;
}

}  // namespace slipway::registry
