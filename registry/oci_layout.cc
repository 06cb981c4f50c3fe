#include "registry/oci_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/path.h"
#include "base/text.h"
#include "registry/bundle_files.h"
#include "registry/image_reader.h"

namespace slipway::registry {

namespace {

using base::cat;

class FolderMembers : public ImageMembers {
 public:
  explicit FolderMembers(std::string path)
      : path_(std::move(path)), root_(base::open_directory(path_)) {}

  const std::string& name() const override { return path_; }

  std::optional<std::uint64_t> find_size(const std::string& path) override {
    std::optional<base::Fd> file = find(path, O_PATH);
    if (!file) {
      return std::nullopt;
    }
    struct stat status = base::get_status(*file, "");
    return S_ISREG(status.st_mode) ? std::optional(static_cast<std::uint64_t>(status.st_size))
                                   : std::nullopt;
  }

  std::unique_ptr<base::Source> open(const std::string& path) override {
    std::optional<base::Fd> file = find(path, O_RDONLY | O_NONBLOCK);
    if (!file) {
      base::fail(base::ErrorKind::kNotFound, cat(path, " of ", path_, " went away"));
    }
    return std::make_unique<base::FdSource>(*std::move(file), cat(path_, "/", path));
  }

 private:
  std::optional<base::Fd> find(const std::string& path, int flags) const {
    std::string relative(base::ImagePath::clean(path).relative());
    return base::find_beneath(root_, relative, flags, base::Links::kInRoot);
  }

  std::string path_;
  base::Fd root_;
};

// Through a temporary beside the target, so that a blob with its name is whole.
void write_blob(const base::Fd& root, const std::string& path, const BundleFile& file,
                std::stop_token stop) {
  std::string temporary = cat("blobs/sha256/.tmp-", base::random_hex(8));
  base::Fd out = base::open_at(root, temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
  base::FdSink sink(out, path);
  bool written = false;
  base::Cleanup remove([&] {
    if (!written) {
      ::unlinkat(root.get(), temporary.c_str(), 0);
    }
  });
  base::copy_stream(*file.open(), sink, std::move(stop));
  out.close(path);
  base::check([&] { return ::renameat(root.get(), temporary.c_str(), root.get(), path.c_str()); },
              "rename", path);
  written = true;
}

bool is_there(const base::Fd& root, const std::string& path, std::uint64_t size) {
  std::optional<struct stat> status = base::find_status(root, path);
  return status && S_ISREG(status->st_mode) && static_cast<std::uint64_t>(status->st_size) == size;
}

std::string name_of(const Descriptor& entry) {
  auto found = entry.annotations.find(std::string(kContainerdName));
  if (found == entry.annotations.end()) {
    found = entry.annotations.find(std::string(kRefName));
  }
  return found == entry.annotations.end() ? "" : found->second;
}

// Entries of before stay, but for those that the new ones replace.
Index merged(const std::string& directory, const Index& added) {
  std::optional<std::string> old_text =
      base::find_file_content(cat(directory, "/", kIndexFile), kManifestBytesMax);
  if (!old_text) {
    return added;
  }
  Index result = parse_index(*old_text, "", cat(directory, "/", kIndexFile));
  std::erase_if(result.manifests, [&](const Descriptor& old_entry) {
    return std::any_of(
        added.manifests.begin(), added.manifests.end(), [&](const Descriptor& entry) {
          bool is_same_name = !name_of(entry).empty() && name_of(entry) == name_of(old_entry);
          return is_same_name || entry == old_entry;
        });
  });
  result.manifests.insert(result.manifests.end(), added.manifests.begin(), added.manifests.end());
  return result;
}

}  // namespace

void write_layout(const ExportBundle& bundle, const std::string& directory, std::stop_token stop) {
  base::Fd root = base::ensure_directory(directory);
  std::map<std::string, BundleFile> files = blob_files(bundle);
  for (const std::string& folder : blob_folders(files)) {
    base::ensure_directory(root, folder);
  }
  for (const auto& [path, file] : files) {
    if (!is_there(root, path, file.size)) {
      write_blob(root, path, file, stop);
    }
  }
  base::write_file_atomically(root, std::string(kLayoutFile), kLayoutText);
  base::sync_filesystem(root);
  base::write_file_atomically(root, std::string(kIndexFile),
                              serialise(merged(directory, index_of(bundle))));
}

std::unique_ptr<ImageMembers> open_layout_members(const std::string& directory) {
  return std::make_unique<FolderMembers>(directory);
}

std::unique_ptr<ImageFile> open_layout(const std::string& directory,
                                       const OpenImageOptions& options) {
  return read_images(open_layout_members(directory), options, {});
}

}  // namespace slipway::registry
