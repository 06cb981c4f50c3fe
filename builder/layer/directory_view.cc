#include "builder/layer/directory_view.h"

#include <fcntl.h>

#include <map>
#include <utility>

#include "base/fs.h"
#include "base/guarded.h"
#include "base/text.h"
#include "builder/layer/status_entry.h"

namespace slipway::builder {

namespace {

std::unique_ptr<base::Source> open_file(const base::TreeFiles& files, const base::ImagePath& path) {
  return std::make_unique<base::FdSource>(
      files.open(path.parent().relative(), std::string(path.base_name())), path.text());
}

}  // namespace

std::unique_ptr<base::Source> TreeContent::open(const Entry& file) const {
  return open_file(files_, file.path);
}

// Numbers for files with several names, in the order in which they were met.
struct DirectoryView::State {
  explicit State(base::Fd root) : files(std::move(root)) {}
  base::TreeFiles files;
  base::Guarded<std::map<std::pair<dev_t, ino_t>, std::uint64_t>> groups;
};

DirectoryView::DirectoryView(base::Fd root) : state_(std::make_unique<State>(std::move(root))) {}
DirectoryView::~DirectoryView() = default;

std::optional<Entry> DirectoryView::find(const base::ImagePath& path) const {
  std::optional<base::Fd> parent = base::find_beneath(
      state_->files.root(), path.parent().relative(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!parent) {
    return std::nullopt;
  }
  std::string name = path.is_root() ? "." : std::string(path.base_name());
  std::optional<struct stat> status = base::find_status(*parent, name);
  return status ? std::optional(read_entry(path, *parent, name, *status)) : std::nullopt;
}

std::vector<Entry> DirectoryView::children(const base::ImagePath& path) const {
  std::vector<Entry> entries;
  std::optional<base::Fd> directory = base::find_beneath(state_->files.root(), path.relative(),
                                                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) {
    return entries;
  }
  for (const base::DirectoryEntry& listed : base::list_directory(*directory)) {
    struct stat status = base::get_status(*directory, listed.name);
    entries.push_back(read_entry(path.child(listed.name), *directory, listed.name, status));
  }
  return entries;
}

std::unique_ptr<base::Source> DirectoryView::open(const Entry& file) const {
  if (file.size == 0) {
    return std::make_unique<base::StringSource>("");  // sockets, too
  }
  return open_file(state_->files, file.path);
}

base::Digest DirectoryView::digest(const Entry& file) const {
  if (file.digest) {
    return *file.digest;
  }
  base::HashingSink hash(nullptr);
  base::copy_stream(*open(file), hash);
  hash.finish();
  if (hash.size() != file.size) {
    base::fail(base::ErrorKind::kInput,
               base::cat(file.path.text(), " changed while it was read: it had ", file.size,
                         " bytes, now ", hash.size()));
  }
  return hash.digest();
}

std::uint64_t DirectoryView::link_group(const Entry& file) const {
  base::Fd parent = base::open_beneath(state_->files.root(), file.path.parent().relative(),
                                       O_PATH | O_DIRECTORY | O_NOFOLLOW);
  struct stat status = base::get_status(parent, std::string(file.path.base_name()));
  if (status.st_nlink < 2 || !S_ISREG(status.st_mode)) {
    return 0;
  }
  auto groups = state_->groups.lock();
  return groups->try_emplace({status.st_dev, status.st_ino}, groups->size() + 1).first->second;
}

}  // namespace slipway::builder
