#include "registry/copy.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "registry/bundle_files.h"
#include "registry/oci/index.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;

using Opener = std::function<std::unique_ptr<base::Source>()>;

// An index of every processor there is has some dozens of documents of some KiB; these are far from
// anything seen, and keep hostile ones from filling the memory.
constexpr std::size_t kDocumentsMax = 1'000;
constexpr std::size_t kDocumentBytesMax = std::size_t{64} << 20;

// A repository or a file, as far as it takes to copy what is in it.
class DocumentPlace {
 public:
  virtual ~DocumentPlace() = default;
  virtual const std::string& name() const = 0;
  virtual Document get(const Descriptor& descriptor) = 0;
  // Opens the blob when it is wanted, from any thread.
  virtual Opener opener(const Descriptor& blob) = 0;
};

class RepositoryPlace : public DocumentPlace {
 public:
  RepositoryPlace(Client& client, Repository repository, std::stop_token stop)
      : client_(&client),
        repository_(std::move(repository)),
        name_(repository_.text()),
        stop_(std::move(stop)) {}
  const std::string& name() const override { return name_; }
  Document get(const Descriptor& descriptor) override {
    return client_->get_manifest(repository_, descriptor, stop_);
  }
  Opener opener(const Descriptor& blob) override {
    return [client = client_, stop = stop_, repository = repository_, blob] {
      return client->open_blob(repository, blob, stop);
    };
  }

 private:
  Client* client_;
  Repository repository_;
  std::string name_;
  std::stop_token stop_;
};

PushDocument document_of(const Document& document) {
  return {.bytes = document.bytes,
          .media_type = document.descriptor.media_type,
          .tag = "",
          .digest = document.descriptor.digest};
}

// Everything below one document, in the order in which it can be written.
class BundleMaker {
 public:
  explicit BundleMaker(DocumentPlace& place) : place_(&place) {}

  ExportBundle make(const Document& root) {
    if (!is_index(root.descriptor.media_type)) {
      bundle_.images.push_back(image(root));
      return std::move(bundle_);
    }
    bundle_.index = {.index = document_of(root)};
    take_members(root, 1);
    return std::move(bundle_);
  }

  ExportImage image(const Document& document) {
    std::string what = cat("manifest ", document.descriptor.digest.text());
    Manifest manifest = parse_manifest(document.bytes, document.descriptor.media_type, what);
    if (manifest.config.size > static_cast<std::int64_t>(kConfigBytesMax)) {
      fail(ErrorKind::kInput, cat("config ", manifest.config.digest.text(), " has ",
                                  manifest.config.size, " bytes, more than ", kConfigBytesMax));
    }
    ExportImage image{.manifest = document_of(document)};
    image.config = base::read_all(*place_->opener(manifest.config)(), kConfigBytesMax, "config");
    count(image.config.size());
    for (Descriptor& layer : manifest.layers) {
      image.layers.push_back({.descriptor = layer, .open = place_->opener(layer)});
    }
    return image;
  }

 private:
  void take_members(const Document& document, int depth) {
    if (depth > kIndexDepthMax) {
      fail(ErrorKind::kInput,
           cat(place_->name(), ": indexes within indexes, more than ", kIndexDepthMax));
    }
    Index index = parse_index(document.bytes, document.descriptor.media_type,
                              cat("index ", document.descriptor.digest.text()));
    for (const Descriptor& entry : index.manifests) {
      if (!seen_.insert(entry.digest).second) {
        continue;
      }
      Document member = place_->get(entry);
      count(member.bytes.size());
      if (is_index(member.descriptor.media_type)) {
        take_members(member, depth + 1);
        bundle_.index->inner.push_back(document_of(member));
      } else {
        bundle_.images.push_back(image(member));
      }
    }
  }

  void count(std::size_t bytes) {
    bytes_ += bytes;
    if (seen_.size() > kDocumentsMax || bytes_ > kDocumentBytesMax) {
      fail(ErrorKind::kInput, cat(place_->name(), ": an index of more than ", kDocumentsMax,
                                  " documents or ", kDocumentBytesMax, " bytes"));
    }
  }

  DocumentPlace* place_;
  ExportBundle bundle_;
  std::set<base::Digest> seen_;
  std::size_t bytes_ = 0;
};

// Reads the file under a lock: it has one place to read from.
class LockedSource : public base::Source {
 public:
  LockedSource(std::shared_ptr<std::mutex> mutex, std::unique_ptr<base::Source> next,
               std::shared_ptr<void> file)
      : file_(std::move(file)), mutex_(std::move(mutex)), next_(std::move(next)) {}
  std::size_t read(std::span<char> bytes) override {
    std::lock_guard lock(*mutex_);
    return next_->read(bytes);
  }

 private:
  std::shared_ptr<void> file_;  // destroyed after what reads it
  std::shared_ptr<std::mutex> mutex_;
  std::unique_ptr<base::Source> next_;
};

// Whether a name in a file is the one that is asked for.
bool is_same_name(const std::string& text, const std::string& name) {
  auto wanted = Reference::parse(name);
  auto known = Reference::parse(text);
  bool is_same = wanted && known &&
                 wanted->with_default_tag().canonical() == known->with_default_tag().canonical();
  return text == name || is_same || (known && known->tag() == name);
}

bool is_called(const FoundImage& image, const std::string& name) {
  return std::ranges::any_of(image.names,
                             [&](const std::string& text) { return is_same_name(text, name); });
}

class LayoutPlace : public DocumentPlace {
 public:
  explicit LayoutPlace(std::shared_ptr<ImageMembers> members) : members_(std::move(members)) {}
  const std::string& name() const override { return members_->name(); }

  Document get(const Descriptor& descriptor) override {
    std::unique_ptr<base::Source> source = opener(descriptor)();
    std::string bytes = base::read_all(*source, kManifestBytesMax, name());
    std::string type = document_media_type(bytes, descriptor.media_type,
                                           cat("document ", descriptor.digest.text()));
    return {.descriptor = {.media_type = std::move(type),
                           .digest = descriptor.digest,
                           .size = descriptor.size},
            .bytes = std::move(bytes)};
  }

  Opener opener(const Descriptor& blob) override {
    return [members = members_, mutex = mutex_, blob]() -> std::unique_ptr<base::Source> {
      std::string path = blob_path(blob.digest);
      std::lock_guard lock(*mutex);
      if (!members->find_size(path)) {
        fail(ErrorKind::kInput, cat(members->name(), " has no ", path, ", which it names"),
             "files of one platform may name those of others: leave --all away");
      }
      return std::make_unique<LockedSource>(
          mutex,
          std::make_unique<base::VerifyingSource>(members->open(path), blob.digest, blob.size,
                                                  cat(path, " of ", members->name())),
          members);
    };
  }

 private:
  std::shared_ptr<ImageMembers> members_;
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
};

// The names of an entry of index.json.
std::vector<std::string> names_of(const Descriptor& entry) {
  std::vector<std::string> names;
  for (std::string_view key : {kContainerdName, kRefName}) {
    if (auto found = entry.annotations.find(std::string(key)); found != entry.annotations.end()) {
      names.push_back(found->second);
    }
  }
  return names;
}

// The entries that a name stands for, each once; all where no name is given.
std::vector<Descriptor> entries_called(const Index& index, const std::string& name,
                                       const std::string& what) {
  std::vector<Descriptor> found;
  std::set<std::string> known;
  for (const Descriptor& entry : index.manifests) {
    std::vector<std::string> names = names_of(entry);
    known.insert(names.begin(), names.end());
    bool is_wanted = name.empty() || std::ranges::any_of(names, [&](const std::string& text) {
                       return is_same_name(text, name);
                     });
    bool is_new = std::ranges::none_of(
        found, [&](const Descriptor& other) { return other.digest == entry.digest; });
    if (is_wanted && is_new) {
      found.push_back(entry);
    }
  }
  std::string list = base::join(std::vector(known.begin(), known.end()), ", ");
  if (found.empty()) {
    fail(ErrorKind::kNotFound, cat(what, " has no image ", base::quote(name),
                                   list.empty() ? "" : cat("; there are ", list)));
  }
  std::set<std::string> platforms;
  for (const Descriptor& entry : found) {
    platforms.insert(entry.platform ? entry.platform->text() : "");
  }
  if (found.size() > 1 && (platforms.size() < found.size() || platforms.contains(""))) {
    fail(ErrorKind::kInput,
         cat(what, " has several images", list.empty() ? "" : cat("; there are ", list)),
         "name one of them");
  }
  return found;
}

Document index_over(std::vector<Descriptor> entries) {
  Index index{.media_type = std::string(media_types::kOciIndex)};
  for (Descriptor& entry : entries) {
    entry.annotations.erase(std::string(kContainerdName));
    entry.annotations.erase(std::string(kRefName));
    index.manifests.push_back(std::move(entry));
  }
  std::string bytes = serialise(index);
  return {.descriptor = {.media_type = index.media_type,
                         .digest = base::sha256_of(bytes),
                         .size = static_cast<std::int64_t>(bytes.size())},
          .bytes = std::move(bytes)};
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
  RepositoryPlace place(client, repository_of(reference), stop);
  BundleMaker maker(place);
  return maker.make(platform ? client.resolve(reference, *platform, stop).manifest_document
                             : client.get_manifest(reference, stop));
}

void add_referrers(ExportBundle& bundle, Client& client, const Repository& repository,
                   std::stop_token stop) {
  RepositoryPlace place(client, repository, stop);
  BundleMaker maker(place);
  std::vector<base::Digest> subjects;
  for (const ExportImage& image : bundle.images) {
    subjects.push_back(digest_of(image.manifest));
  }
  if (bundle.index) {
    subjects.push_back(digest_of(bundle.index->index));
  }
  std::set<base::Digest> seen(subjects.begin(), subjects.end());
  // What refers to a referrer (the signature of an SBOM) is found when its turn comes.
  for (std::size_t i = 0; i < subjects.size() && subjects.size() <= kDocumentsMax; ++i) {
    base::Digest subject = subjects[i];
    for (const Descriptor& entry : client.referrers(repository, subject, "", stop)) {
      if (is_manifest(entry.media_type) && seen.insert(entry.digest).second) {
        bundle.attachments.push_back({maker.image(place.get(entry)), entry});
        subjects.push_back(entry.digest);
      }
    }
    for (std::string_view suffix : {".sig", ".att", ".sbom"}) {
      Reference name = Reference::parse(repository.text())
                           .value()
                           .with_tag(cat(subject.algorithm(), "-", subject.hex(), suffix));
      if (client.find_manifest(name, stop)) {
        ExportImage companion = maker.image(client.get_manifest(name, stop));
        companion.names.push_back(name);
        Descriptor entry = descriptor_of(companion.manifest);
        bundle.attachments.push_back({std::move(companion), std::move(entry)});
      }
    }
  }
}

ExportBundle bundle_of_layout(std::shared_ptr<ImageMembers> members, const std::string& name,
                              std::stop_token stop) {
  base::throw_if_stopped(stop);
  const std::string& what = members->name();
  std::optional<std::string> text = find_text(*members, std::string(kIndexFile), kManifestBytesMax);
  if (!text) {
    fail(ErrorKind::kInput, cat(what, " has no ", kIndexFile, ": there is one platform in it"),
         "leave --all away");
  }
  std::vector<Descriptor> entries =
      entries_called(parse_index(*text, "", cat(kIndexFile, " of ", what)), name, what);
  LayoutPlace place(members);
  BundleMaker maker(place);
  return maker.make(entries.size() == 1 ? place.get(entries.front())
                                        : index_over(std::move(entries)));
}

ExportBundle bundle_of_file(std::shared_ptr<ImageFile> file, const std::string& name,
                            const std::string& what) {
  const FoundImage& found = choose(*file, name, what);
  ExportImage image{.manifest = document_of(found.manifest), .config = found.config_bytes};
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
  auto add = [&](const ExportImage& image) {
    for (const ExportBlob& layer : image.layers) {
      push.blobs.push_back({layer.descriptor, layer.open, sources});
    }
    Manifest manifest = parse_manifest(image.manifest.bytes, image.manifest.media_type, "image");
    push.blobs.push_back(
        {manifest.config,
         [config = image.config] { return std::make_unique<base::StringSource>(config); },
         sources});
    push.documents.push_back(image.manifest);
    if (!image.names.empty()) {
      push.documents.back().tag = image.names.front().tag().value_or("");
    }
  };
  for (const Attachment& attachment : bundle.attachments) {
    add(attachment.image);
  }
  std::ranges::for_each(bundle.images, add);
  if (bundle.index) {
    const ExportBundle::Root& root = *bundle.index;
    push.documents.insert(push.documents.end(), root.inner.begin(), root.inner.end());
    push.documents.push_back(root.index);
  }
  return push;
}

}  // namespace slipway::registry
