// Layouts and archives of images.
#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <map>
#include <variant>

#include <archive.h>
#include <archive_entry.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/archive.h"
#include "registry/oci/index.h"
#include "registry/oci/manifest.h"
#include "registry/oci_layout.h"

namespace slipway::registry {

namespace {

using base::cat;

constexpr std::string_view kLayoutText = "{\"imageLayoutVersion\":\"1.0.0\"}";
constexpr std::string_view kContainerdName = "io.containerd.image.name";
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

// One file of a layout: its text, or a blob that is opened when its turn comes.
struct LayoutFile {
  std::string text;
  std::optional<ExportBlob> blob;
  std::uint64_t size() const {
    return blob ? static_cast<std::uint64_t>(blob->descriptor.size) : text.size();
  }
  std::unique_ptr<base::Source> open() const {
    if (!blob) {
      return std::make_unique<base::StringSource>(text);
    }
    return std::make_unique<base::VerifyingSource>(blob->open(), blob->descriptor.digest,
                                                   blob->descriptor.size,
                                                   blob->descriptor.digest.text());
  }
};
using LayoutFiles = std::map<std::string, LayoutFile>;  // by name below the layout

std::string blob_name(const base::Digest& digest) {
  return cat("blobs/", digest.algorithm(), "/", digest.hex());
}

Descriptor add_document(LayoutFiles& files, const PushDocument& document) {
  base::Digest digest = base::sha256_of(document.bytes);
  files[blob_name(digest)] = {document.bytes, std::nullopt};
  return {document.media_type, digest, static_cast<std::int64_t>(document.bytes.size())};
}

// One entry a name, as docker writes them; one without a name where there is none.
std::vector<Descriptor> named_entries(const Descriptor& descriptor,
                                      const std::vector<Reference>& names) {
  std::vector<Descriptor> entries;
  for (const Reference& name : names) {
    Reference tagged = name.with_default_tag();
    Descriptor entry = descriptor;
    entry.annotations[std::string(kContainerdName)] = tagged.canonical();
    if (tagged.tag()) {
      entry.annotations[std::string(kRefName)] = *tagged.tag();
    }
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    entries.push_back(descriptor);
  }
  return entries;
}

struct Layout {
  LayoutFiles files;                // blobs only
  std::vector<Descriptor> entries;  // of index.json
};

Layout layout_of(const ExportBundle& bundle) {
  Layout layout;
  for (const ExportImage& image : bundle.images) {
    Descriptor manifest = add_document(layout.files, image.manifest);
    base::Digest config = base::sha256_of(image.config);
    layout.files[blob_name(config)] = {image.config, std::nullopt};
    for (const ExportBlob& layer : image.layers) {
      layout.files[blob_name(layer.descriptor.digest)] = {{}, layer};
    }
    if (!bundle.index) {
      std::vector<Descriptor> entries = named_entries(manifest, image.names);
      layout.entries.insert(layout.entries.end(), entries.begin(), entries.end());
    }
  }
  if (bundle.index) {
    layout.entries =
        named_entries(add_document(layout.files, bundle.index->index), bundle.index->names);
  }
  return layout;
}

std::string index_text(std::vector<Descriptor> entries) {
  Index index;
  index.media_type = media_types::kOciIndex;
  index.manifests = std::move(entries);
  return serialise(index);
}

std::vector<std::string> familiar_names(const ExportBundle& bundle, const ExportImage& image) {
  std::vector<std::string> names;
  const std::vector<Reference>& given =
      bundle.index && bundle.images.size() == 1 ? bundle.index->names : image.names;
  for (const Reference& name : given) {
    names.push_back(name.with_default_tag().familiar());
  }
  return names;
}

// What docker load reads first.
void add_docker_documents(LayoutFiles& files, const ExportBundle& bundle) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  nlohmann::json repositories = nlohmann::json::object();
  for (const ExportImage& image : bundle.images) {
    nlohmann::ordered_json element;
    element["Config"] = blob_name(base::sha256_of(image.config));
    std::vector<std::string> names = familiar_names(bundle, image);
    element["RepoTags"] =
        names.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(names);
    element["Layers"] = nlohmann::ordered_json::array();
    for (const ExportBlob& layer : image.layers) {
      element["Layers"].push_back(blob_name(layer.descriptor.digest));
    }
    list.push_back(std::move(element));
    for (const Reference& name : image.names) {
      Reference tagged = name.with_default_tag();
      if (tagged.tag() && !image.layers.empty()) {
        repositories[tagged.familiar_name()][*tagged.tag()] =
            image.layers.back().descriptor.digest.hex();
      }
    }
  }
  files["manifest.json"] = {list.dump() + "\n", std::nullopt};
  files["repositories"] = {repositories.dump() + "\n", std::nullopt};
}

struct ArchiveCloser {
  void operator()(::archive* archive) const { archive_write_free(archive); }
};
struct EntryCloser {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// libarchive writes the tar; its C callback hands bytes to the sink, and an exception of the sink
// waits until the C frames are gone.
class TarFile {
 public:
  explicit TarFile(base::Sink& out) : out_(&out), archive_(archive_write_new()) {
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    must(archive_write_open(archive_.get(), this, nullptr, &TarFile::write_bytes, nullptr));
  }

  void add_directory(const std::string& name) { add_header(name, AE_IFDIR, 0755, 0); }

  void add_file(const std::string& name, const LayoutFile& file, const std::stop_token& stop) {
    add_header(name, AE_IFREG, 0644, file.size());
    std::unique_ptr<base::Source> content = file.open();
    std::vector<char> piece(base::kCopyPieceBytes);
    while (std::size_t count = content->read(piece)) {
      base::throw_if_stopped(stop);
      la_ssize_t written = archive_write_data(archive_.get(), piece.data(), count);
      must(written < 0 ? ARCHIVE_FATAL : ARCHIVE_OK);
    }
  }

  void finish() { must(archive_write_close(archive_.get())); }

 private:
  void add_header(const std::string& name, unsigned type, unsigned mode, std::uint64_t size) {
    std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_mtime(entry.get(), 0, 0);
    must(archive_write_header(archive_.get(), entry.get()));
  }

  void must(int result) {
    if (error_) {
      std::rethrow_exception(error_);
    }
    if (result != ARCHIVE_OK) {
      const char* text = archive_error_string(archive_.get());
      base::fail(base::ErrorKind::kSystem,
                 cat("writing the archive: ", text == nullptr ? "unknown error" : text));
    }
  }

  static la_ssize_t write_bytes(::archive* archive, void* self, const void* bytes,
                                std::size_t size) {
    auto* file = static_cast<TarFile*>(self);
    if (file->error_) {
      return -1;
    }
    try {
      file->out_->write({static_cast<const char*>(bytes), size});
      return static_cast<la_ssize_t>(size);
    } catch (const base::Error&) {
      file->error_ = std::current_exception();
      archive_set_error(archive, EIO, "the output failed");
      return -1;
    }
  }

  base::Sink* out_;
  std::exception_ptr error_;
  // Last: closing it may call write_bytes once more.
  std::unique_ptr<::archive, ArchiveCloser> archive_;
};

void write_blob(const base::Fd& root, const std::string& name, const LayoutFile& file,
                const std::stop_token& stop) {
  std::size_t slash = name.rfind('/');
  base::Fd folder = base::ensure_directory(root, name.substr(0, slash));
  std::string base_name = name.substr(slash + 1);
  std::optional<struct stat> there = base::find_status(folder, base_name);
  if (there && static_cast<std::uint64_t>(there->st_size) == file.size()) {
    return;
  }
  std::string temporary = cat(".", base::random_hex(8));
  base::Fd out = base::open_at(folder, temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
  base::FdSink sink(out, name);
  base::copy_stream(*file.open(), sink, stop);
  base::check([&] { return ::fdatasync(out.get()); }, "fdatasync", name);
  base::check(
      [&] { return ::renameat(folder.get(), temporary.c_str(), folder.get(), base_name.c_str()); },
      "rename", name);
}

// What the folder names already, without the names that are given anew.
std::vector<Descriptor> kept_entries(const std::string& directory,
                                     const std::vector<Descriptor>& added) {
  std::optional<std::string> text =
      base::find_file_content(directory + "/index.json", kManifestBytesMax);
  if (!text) {
    return {};
  }
  std::vector<Descriptor> entries = parse_index(*text, {}, directory + "/index.json").manifests;
  std::erase_if(entries, [&](const Descriptor& old) {
    auto name = old.annotations.find(std::string(kContainerdName));
    for (const Descriptor& entry : added) {
      auto added_name = entry.annotations.find(std::string(kContainerdName));
      bool same_name = name != old.annotations.end() && added_name != entry.annotations.end() &&
                       name->second == added_name->second;
      if (same_name || (old.digest == entry.digest && old.annotations == entry.annotations)) {
        return true;
      }
    }
    return false;
  });
  return entries;
}

}  // namespace

void write_archive(const ExportBundle& bundle, ArchiveForm form, base::Sink& out,
                   std::stop_token stop) {
  Layout layout = layout_of(bundle);
  layout.files["index.json"] = {index_text(layout.entries), std::nullopt};
  layout.files["oci-layout"] = {std::string(kLayoutText), std::nullopt};
  if (form == ArchiveForm::kDocker) {
    add_docker_documents(layout.files, bundle);
  }
  TarFile tar(out);
  tar.add_directory("blobs/");
  tar.add_directory("blobs/sha256/");
  for (const auto& [name, file] : layout.files) {
    tar.add_file(name, file, stop);
  }
  tar.finish();
}

void write_layout(const ExportBundle& bundle, const std::string& directory, std::stop_token stop) {
  Layout layout = layout_of(bundle);
  base::Fd root = base::ensure_directory(directory);
  for (const auto& [name, file] : layout.files) {
    write_blob(root, name, file, stop);
  }
  base::write_file_atomically(root, "oci-layout", kLayoutText);
  std::vector<Descriptor> entries = kept_entries(directory, layout.entries);
  entries.insert(entries.end(), layout.entries.begin(), layout.entries.end());
  base::write_file_atomically(root, "index.json", index_text(std::move(entries)));
}

}  // namespace slipway::registry
