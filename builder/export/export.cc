#include "builder/export/export.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/export/file_output.h"
#include "builder/export/keep.h"
#include "builder/export/merge_tree.h"
#include "builder/image/rework.h"
#include "builder/image/stream_layers.h"
#include "builder/layer/tar_writer.h"
#include "builder/layer/tree_copy.h"
#include "registry/archive.h"
#include "registry/oci/index.h"
#include "registry/oci_layout.h"
#include "registry/push.h"

namespace slipway::builder {

namespace {

using base::cat;

base::Compression compression_of_output(LayerCompression compression) {
  switch (compression) {
    case LayerCompression::kGzip:
      return base::Compression::kGzip;
    case LayerCompression::kZstd:
      return base::Compression::kZstd;
    case LayerCompression::kNone:
      break;
  }
  return base::Compression::kNone;
}

// "linux_arm64_v8": the folder of a platform in a split output.
std::string folder_of(const registry::Platform& platform) {
  std::string text = platform.text();
  for (char& c : text) {
    c = c == '/' ? '_' : c;
  }
  return text;
}

// Files that all have one time: folders and tars of a build with SOURCE_DATE_EPOCH, as BuildKit
// writes them.
class OneTimeView : public TreeView {
 public:
  OneTimeView(std::shared_ptr<const TreeView> files, base::Timestamp time)
      : files_(std::move(files)), time_(time) {}
  std::optional<Entry> find(const base::ImagePath& path) const override {
    std::optional<Entry> entry = files_->find(path);
    if (entry) {
      entry->mtime = time_;
    }
    return entry;
  }
  std::vector<Entry> children(const base::ImagePath& path) const override {
    std::vector<Entry> entries = files_->children(path);
    for (Entry& entry : entries) {
      entry.mtime = time_;
    }
    return entries;
  }
  std::unique_ptr<base::Source> open(const Entry& file) const override {
    return files_->open(file);
  }
  base::Digest digest(const Entry& file) const override { return files_->digest(file); }
  std::uint64_t link_group(const Entry& file) const override { return files_->link_group(file); }
  void prefetch(const base::ImagePath& top) const override { files_->prefetch(top); }

 private:
  std::shared_ptr<const TreeView> files_;
  base::Timestamp time_;
};

class ImageExport {
 public:
  ImageExport(const Output& output, const std::vector<AssembledImage>& images,
              const std::vector<registry::Reference>& names, const ExportServices& services,
              std::stop_token stop)
      : output_(output),
        images_(images),
        names_(names),
        services_(services),
        stop_(std::move(stop)) {}

  Exported run() {
    switch (output_.kind) {
      case Output::Kind::kCacheOnly:
        return {};
      case Output::Kind::kLocal:
        return local();
      case Output::Kind::kTar:
        return tar();
      case Output::Kind::kOci:
        return archive(registry::ArchiveForm::kOci);
      case Output::Kind::kDocker:
        return archive(registry::ArchiveForm::kDocker);
      case Output::Kind::kImage:
      case Output::Kind::kRegistry:
        break;
    }
    return image();
  }

 private:
  WriteOptions write_options() const {
    WriteOptions options;
    options.compress.compression = compression_of_output(output_.compression);
    options.compress.level = output_.compression_level;
    options.compress.threads = services_.compress_threads;
    options.force_compression = output_.force_compression;
    bool oci_default = output_.kind != Output::Kind::kDocker;
    options.family = output_.oci_media_types.value_or(oci_default) ? registry::Family::kOci
                                                                   : registry::Family::kDocker;
    return options;
  }

  // What is to be said on this level, of an image or (null) of all of them.
  registry::Annotations annotations(Annotation::Level level, const AssembledImage* image) const {
    registry::Annotations chosen;
    for (const Annotation& annotation : output_.annotations) {
      bool fits = !annotation.platform || image == nullptr ||
                  *annotation.platform == image->config.platform;
      if (annotation.level == level && fits) {
        chosen.insert_or_assign(annotation.key, annotation.value);
      }
    }
    return chosen;
  }

  StoredImage stored(const AssembledImage& image) const {
    return {cache::ImageRow{.id = cache::ImageId(image.id),
                            .platform = image.config.platform.text(),
                            .created = {},
                            .added = {},
                            .size = 0,
                            .layers = image.layers,
                            .received = std::nullopt,
                            .other_blobs = {}},
            image.config_bytes, image.config};
  }

  // All images with their manifests; with several also an index over them under the names.
  registry::ExportBundle bundle() const {
    registry::ExportBundle bundle;
    WriteOptions options = write_options();
    for (const AssembledImage& image : images_) {
      options.annotations = annotations(Annotation::Level::kManifest, &image);
      bundle.images.push_back(
          make_export(*services_.store, *services_.layers, stored(image), options, stop_));
    }
    if (!are_several()) {
      bundle.images.front().names = names_;
      bundle.images.front().annotations =
          annotations(Annotation::Level::kManifestDescriptor, &images_.front());
      return bundle;
    }
    registry::Index index;
    index.media_type = registry::index_media_type(options.family);
    index.annotations = annotations(Annotation::Level::kIndex, nullptr);
    for (std::size_t i = 0; i < images_.size(); ++i) {
      registry::Descriptor entry = registry::descriptor_of(bundle.images[i].manifest);
      entry.platform = images_[i].config.platform;
      entry.annotations = annotations(Annotation::Level::kManifestDescriptor, &images_[i]);
      index.manifests.push_back(std::move(entry));
    }
    bundle.index = registry::ExportBundle::Root{
        .index = {registry::serialise(index), index.media_type},
        .names = names_,
        .annotations = annotations(Annotation::Level::kIndexDescriptor, nullptr)};
    return bundle;
  }

  Exported root_of(const registry::ExportBundle& bundle) const {
    return {registry::descriptor_of(bundle.index ? bundle.index->index
                                                 : bundle.images.front().manifest),
            names_,
            {}};
  }

  Exported image() {
    std::vector<cache::ImageRow> rows;
    for (const AssembledImage& image : images_) {
      rows.push_back(keep_image(*services_.store, image,
                                are_several() ? std::vector<registry::Reference>() : names_));
    }
    bool pushes = output_.push || output_.kind == Output::Kind::kRegistry;
    bool is_said_more = !output_.annotations.empty() || has_attestations();
    if (!are_several() && !pushes && !is_said_more) {
      forget_annotations(*services_.store, rows.front());
      return {std::nullopt, names_, {}};
    }
    if (pushes) {
      stream();
    }
    registry::ExportBundle bundle = this->bundle();
    attach_to(bundle, AttestationForm::kReferrer);
    keep_bundle(*services_.store, bundle, rows, names_, stop_);
    if (pushes) {
      push(bundle);
    }
    return root_of(bundle);
  }

  bool has_attestations() const {
    return std::ranges::any_of(services_.attestations,
                               [](const auto& attestations) { return !attestations.empty(); });
  }

  void attach_to(registry::ExportBundle& bundle, AttestationForm suitable) const {
    std::vector<registry::Platform> platforms;
    for (const AssembledImage& image : images_) {
      platforms.push_back(image.config.platform);
    }
    attach(bundle, services_.attestations, platforms, names_,
           services_.attestation_form.value_or(suitable));
  }

  // Compresses what has to be while it is sent under the first name.
  void stream() {
    if (names_.empty()) {
      base::fail(base::ErrorKind::kUsage, "can't push an image without a name",
                 "name it with -t REGISTRY/NAME:TAG");
    }
    for (const AssembledImage& image : images_) {
      sent_.merge(stream_layers(
          *services_.store, *services_.layers, stored(image), write_options(),
          {&services_.client(), registry::repository_of(names_.front()), services_.observer},
          stop_));
    }
  }

  void push(const registry::ExportBundle& bundle) const {
    registry::Push what;
    auto add = [&](const registry::ExportImage& image) {
      registry::Push one = make_push(*services_.store, image);
      std::move(one.blobs.begin(), one.blobs.end(), std::back_inserter(what.blobs));
      std::move(one.documents.begin(), one.documents.end(), std::back_inserter(what.documents));
    };
    // Before the image has its name: whoever finds it by that finds what is said of it.
    for (const registry::Attachment& attachment : bundle.attachments) {
      add(attachment.image);
    }
    for (const registry::ExportImage& image : bundle.images) {
      add(image);
    }
    if (bundle.index) {
      what.documents.push_back(bundle.index->index);
    }
    for (const registry::Reference& name : names_) {
      registry::PushOptions options{.observer = services_.observer};
      if (name.name() == names_.front().name()) {
        options.sent = sent_;
      }
      registry::Pushed pushed =
          registry::push(services_.client(), what, name.with_default_tag(), options, stop_);
      remember(pushed, name);
      for (registry::PushBlob& blob : what.blobs) {
        blob.known_sources.push_back(registry::repository_of(name));
      }
    }
  }

  void remember(const registry::Pushed& pushed, const registry::Reference& name) const {
    cache::Batch batch;
    batch.blob_sources = pushed.sources;
    for (const AssembledImage& image : images_) {
      batch.repository_digests.push_back(
          {cache::ImageId(image.id), name.name(), pushed.root.digest});
    }
    services_.store->commit(batch);
  }

  Exported archive(registry::ArchiveForm form) {
    registry::ExportBundle bundle = this->bundle();
    if (form == registry::ArchiveForm::kOci) {
      attach_to(bundle, AttestationForm::kIndexEntry);
    }
    if (output_.as_directory) {
      registry::write_layout(bundle, output_.destination, stop_);
    } else {
      FileOutput file(output_.destination, services_.standard_output);
      registry::write_archive(bundle, form, file, stop_);
      file.finish();
    }
    return root_of(bundle);
  }

  bool are_several() const { return images_.size() > 1 || services_.as_several; }
  bool splits() const { return are_several() && output_.platform_split; }

  std::shared_ptr<const TreeView> view_of(const AssembledImage& image) const {
    std::shared_ptr<const TreeView> files = services_.layers->view(image.layers, stop_);
    if (image.source_date_epoch) {
      base::Timestamp time{*image.source_date_epoch, 0};
      return std::make_shared<OneTimeView>(std::move(files), time);
    }
    return files;
  }

  // The statements on an image that is written as files.
  std::vector<StatementFile> statements(std::size_t number, const TreeView& files) const {
    if (services_.attestations.empty()) {
      return {};
    }
    bool shares = are_several() && !output_.platform_split;
    return statement_files(
        files, services_.attestations[number],
        {output_.attestation_prefix, shares ? folder_of(images_[number].config.platform) : ""});
  }

  static void write_statements(const std::vector<StatementFile>& statements,
                               const AssembledImage& image, const base::Fd& folder) {
    for (const StatementFile& statement : statements) {
      base::Fd file = base::open_at(folder, statement.name, O_WRONLY | O_CREAT | O_EXCL, 0644);
      base::write_all(file, statement.content, statement.name);
      if (image.source_date_epoch) {
        timespec times[2] = {{*image.source_date_epoch, 0}, {*image.source_date_epoch, 0}};
        base::check([&] { return ::futimens(file.get(), times); }, "futimens", statement.name);
      }
    }
  }

  Exported local() {
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const AssembledImage& image = images_[i];
      std::string path = output_.destination;
      if (splits()) {
        path = cat(path, "/", folder_of(image.config.platform));
      }
      base::Fd target = base::ensure_directory(path);
      // Beside the files that it becomes, so that moving them is a rename; gone if anything fails.
      base::TempDir staging(path, ".slipway-");
      base::Fd staged = base::open_directory(staging.path());
      std::shared_ptr<const TreeView> files = view_of(image);
      copy_tree(*files, base::ImagePath(), staged,
                {OverlayMarks::kNone, TreeWriter::Owners::kLeave}, stop_);
      write_statements(statements(i, *files), image, staged);
      merge_tree(staged, target, path);
    }
    return {};
  }

  Exported tar() {
    FileOutput file(output_.destination, services_.standard_output);
    TarWriter writer(file);
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const AssembledImage& image = images_[i];
      base::ImagePath top =
          splits() ? base::ImagePath().child(folder_of(image.config.platform)) : base::ImagePath();
      std::shared_ptr<const TreeView> files = view_of(image);
      write_root(writer, *files, top);
      for (const StatementFile& statement : statements(i, *files)) {
        write_statement(writer, statement, image, top);
      }
    }
    writer.finish();
    return {};
  }

  static void write_statement(TarWriter& writer, const StatementFile& statement,
                              const AssembledImage& image, const base::ImagePath& top) {
    Entry entry;
    entry.path = top.child(statement.name);
    entry.mode = 0644;
    entry.mtime = {image.config.created.value_or(base::Timestamp{}).seconds, 0};
    entry.size = statement.content.size();
    base::StringSource content(statement.content);
    writer.write(entry, &content);
  }

  void write_root(TarWriter& writer, const TreeView& view, const base::ImagePath& top) const {
    if (!top.is_root()) {
      writer.write(make_implied_directory(top), nullptr);
    }
    std::map<std::uint64_t, base::ImagePath> first_names;
    view.prefetch(base::ImagePath());
    walk(view, base::ImagePath(), [&](const Entry& from) {
      base::throw_if_stopped(stop_);
      if (from.path.is_root()) {
        return Visit::kContinue;
      }
      Entry entry = from;
      entry.path = from.path.rebase(base::ImagePath(), top);
      std::uint64_t group = from.is_regular() ? view.link_group(from) : 0;
      auto [first, is_first] = first_names.try_emplace(group, entry.path);
      if (group != 0 && !is_first) {
        entry.type = EntryType::kHardlink;
        entry.link_target = first->second.text();
      }
      bool has_content = entry.type == EntryType::kFile && entry.size > 0;
      std::unique_ptr<base::Source> content = has_content ? view.open(from) : nullptr;
      writer.write(entry, content.get());
      return Visit::kContinue;
    });
  }

  const Output& output_;
  const std::vector<AssembledImage>& images_;
  const std::vector<registry::Reference>& names_;
  const ExportServices& services_;
  std::stop_token stop_;
  std::set<base::Digest> sent_;  // blobs that the first name's repository has
};

}  // namespace

Exported export_images(const Output& output, const std::vector<AssembledImage>& images,
                       const std::vector<registry::Reference>& names,
                       const ExportServices& services, std::stop_token stop) {
  std::vector<registry::Reference> all = names;
  for (const std::string& text : output.names) {
    auto name = registry::Reference::parse(text);
    if (!name) {
      base::fail(base::ErrorKind::kUsage,
                 cat("invalid output: name ", base::quote(text), ": ", name.error()));
    }
    all.push_back(*name);
  }
  std::vector<AssembledImage> written = images;
  if (output.rewrite_timestamp) {
    for (AssembledImage& image : written) {
      image = rewrite_times(image, *services.store, *services.layers, stop);
    }
  }
  Exported exported = ImageExport(output, written, all, services, std::move(stop)).run();
  for (const AssembledImage& image : written) {
    exported.image_ids.push_back(image.id);
  }
  return exported;
}

}  // namespace slipway::builder
