#include "builder/layer/upper_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/fs.h"
#include "base/recorded_owner.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/status_entry.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::ImagePath;

bool is_overlay_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

const base::Xattr* find_xattr(const std::vector<base::Xattr>& xattrs, std::string_view name) {
  for (const base::Xattr& xattr : xattrs) {
    if (xattr.first == name) {
      return &xattr;
    }
  }
  return nullptr;
}

// How much of a file is not on the disk. Looked at closely only where fewer blocks than bytes are
// counted: a file system that compresses counts few for a file that has all of its bytes.
std::uint64_t hole_bytes(const base::Fd& directory, const std::string& name,
                         const struct stat& status, const std::stop_token& stop) {
  constexpr off_t kBlockBytes = 512;
  if (status.st_blocks >= (status.st_size + kBlockBytes - 1) / kBlockBytes) {
    return 0;
  }
  base::Fd file = base::open_beneath(directory, name, O_RDONLY | O_NOFOLLOW);
  off_t holes = 0;
  for (off_t place = 0; place < status.st_size;) {
    base::throw_if_stopped(stop);
    off_t data = ::lseek(file.get(), place, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
      return 0;  // a file system that can't say
    }
    if (data < 0) {  // ENXIO: nothing but a hole is left
      return static_cast<std::uint64_t>(holes + status.st_size - place);
    }
    holes += data - place;
    place = base::check([&] { return ::lseek(file.get(), data, SEEK_HOLE); }, "lseek", name);
  }
  return static_cast<std::uint64_t>(holes);
}

// All but times and content.
bool has_same_attributes(const Entry& left, const Entry& right) {
  return left.type == right.type && left.mode == right.mode && left.uid == right.uid &&
         left.gid == right.gid && left.link_target == right.link_target &&
         left.device_major == right.device_major && left.device_minor == right.device_minor &&
         left.xattrs == right.xattrs;
}

// Walks the upper directory beside the lower view. What lower layers have is asked for a directory
// at a time, and not at all below directories that are new.
class Diff {
 public:
  Diff(const base::Fd& upper, const UpperForm& form, const TreeView* lower, std::stop_token stop)
      : upper_(&upper), form_(form), lower_(lower), stop_(std::move(stop)) {
    view_ = std::make_shared<DirectoryView>(upper.duplicate());
  }

  UpperDiff run() {
    walk_directory({}, lower_ != nullptr);
    result_.layer.views.push_back(view_);
    // Deepest first; the root is not among them.
    std::sort(result_.superfluous.begin(), result_.superfluous.end(),
              [](const ImagePath& left, const ImagePath& right) { return right < left; });
    return std::move(result_);
  }

 private:
  using Lower = std::map<std::string, Entry, std::less<>>;

  // One directory that is being read.
  struct Level {
    ImagePath path;
    std::vector<base::DirectoryEntry> names;
    std::size_t next = 0;
    base::Fd fd;
    Lower lower;
    // Set for a directory that may turn out to be unchanged: where its entry stands in the result.
    std::optional<std::size_t> own_entry;
  };

  void walk_directory(const ImagePath& path, bool has_lower);
  Level enter(const ImagePath& path, bool has_lower, std::optional<std::size_t> own_entry);
  void leave(const Level& level);
  std::optional<Level> take(Level& level, const std::string& name);
  std::optional<Level> take_directory(Entry entry, const Entry* lower);
  void find_owner(Entry& entry, const Entry* lower);
  bool is_opaque(std::vector<base::Xattr>& xattrs, const ImagePath& path) const;
  void take_other(Entry entry, const Entry* lower, const struct stat& status);
  void check_holes(const Level& level, const std::string& name, const struct stat& status);
  void emit(Entry entry);
  void drop(const ImagePath& path) { result_.superfluous.push_back(path); }

  const base::Fd* upper_;  // owned by the caller
  UpperForm form_;
  const TreeView* lower_;  // owned by the caller
  std::stop_token stop_;
  std::shared_ptr<DirectoryView> view_;
  std::map<std::pair<dev_t, ino_t>, ImagePath> first_names_;
  std::uint64_t holes_ = 0;  // in the files so far
  UpperDiff result_;
};

// Without recursion: a step decides how deep its directories are. A directory whose descriptor is
// not needed for a while is opened again by its path.
void Diff::walk_directory(const ImagePath& path, bool has_lower) {
  std::vector<Level> levels;
  levels.push_back(enter(path, has_lower, std::nullopt));
  while (!levels.empty()) {
    base::throw_if_stopped(stop_);
    Level& level = levels.back();
    if (level.next == level.names.size()) {
      leave(level);
      levels.pop_back();
      continue;
    }
    std::string name = level.names[level.next++].name;
    if (!level.fd) {
      level.fd = base::open_beneath(*upper_, level.path.relative(), O_RDONLY | O_DIRECTORY);
    }
    if (std::optional<Level> below = take(level, name)) {
      level.fd.reset();
      levels.push_back(std::move(*below));
    }
  }
}

Diff::Level Diff::enter(const ImagePath& path, bool has_lower,
                        std::optional<std::size_t> own_entry) {
  Level level{.path = path, .own_entry = own_entry};
  level.fd = base::open_beneath(*upper_, path.relative(), O_RDONLY | O_DIRECTORY);
  level.names = base::list_directory(level.fd);
  if (has_lower && !level.names.empty()) {
    for (Entry& entry : lower_->children(path)) {
      std::string name(entry.path.base_name());
      level.lower.emplace(std::move(name), std::move(entry));
    }
  }
  return level;
}

// A directory that was only copied up is part of the layer if something below it is.
void Diff::leave(const Level& level) {
  if (level.own_entry && *level.own_entry + 1 == result_.layer.entries.size()) {
    result_.layer.entries.pop_back();
    drop(level.path);
  }
}

std::optional<Diff::Level> Diff::take(Level& level, const std::string& name) {
  ImagePath path = level.path.child(name);
  if (path.text().size() > kPathBytesMax) {
    base::fail(ErrorKind::kInput, cat("a path of more than ", kPathBytesMax, " bytes below ",
                                      path.text().substr(0, 100)));
  }
  struct stat status = base::get_status(level.fd, name);
  auto found = level.lower.find(name);
  const Entry* lower = found == level.lower.end() ? nullptr : &found->second;
  if (is_overlay_whiteout(status)) {
    lower == nullptr ? drop(path) : emit(make_whiteout(std::move(path)));
    return std::nullopt;
  }
  if (name.starts_with(tar::kWhiteoutPrefix)) {
    base::fail(ErrorKind::kInput, cat("a layer can't hold ", base::quote(path.text()),
                                      ": names that begin with \".wh.\" mean deletions"));
  }
  if (S_ISSOCK(status.st_mode)) {
    drop(path);
    return std::nullopt;
  }
  Entry entry = entry_of_status(std::move(path), status);
  if (entry.is_symlink()) {
    entry.link_target = read_link(level.fd, name);
  } else {
    entry.xattrs = base::list_xattrs_at(level.fd, name);
  }
  find_owner(entry, lower);
  if (entry.is_directory()) {
    return take_directory(std::move(entry), lower);
  }
  check_holes(level, name, status);
  take_other(std::move(entry), lower, status);
  return std::nullopt;
}

// Where owners are recorded, the file's own is always ours.
void Diff::find_owner(Entry& entry, const Entry* lower) {
  if (!form_.owner_of_new) {
    return;
  }
  Owner owner = *form_.owner_of_new;
  bool has_record = false;
  if (entry.type == EntryType::kFile || entry.is_directory()) {
    const base::Xattr* record = find_xattr(entry.xattrs, base::kOwnerAttribute);
    if (auto recorded = record == nullptr ? std::nullopt : base::parse_owner(record->second)) {
      owner = {recorded->uid, recorded->gid};
      has_record = true;
    }
  } else if (lower != nullptr && lower->type == entry.type &&
             lower->link_target == entry.link_target) {
    owner = {lower->uid, lower->gid};
    has_record = true;
  }
  entry.uid = owner.uid;
  entry.gid = owner.gid;
  if (!has_record && (entry.type == EntryType::kFile || entry.is_directory())) {
    result_.unrecorded.push_back(entry);
  }
}

void Diff::check_holes(const Level& level, const std::string& name, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) {
    return;
  }
  std::uint64_t holes = hole_bytes(level.fd, name, status, stop_);
  holes_ += holes;
  if (holes_ > kHoleBytesMax) {
    base::fail(
        ErrorKind::kInput,
        cat(level.path.child(name).text(), " has ", holes, " bytes of holes, which are zeros ",
            "in a layer: a layer can have ", kHoleBytesMax, " of them, and this one has ", holes_),
        "remove sparse files at the end of the step that makes them");
  }
}

bool Diff::is_opaque(std::vector<base::Xattr>& xattrs, const ImagePath& path) const {
  const base::Xattr* mark = find_xattr(xattrs, opaque_xattr(form_.marks));
  std::string prefix(opaque_xattr(form_.marks).substr(0, opaque_xattr(form_.marks).rfind('.') + 1));
  if (find_xattr(xattrs, prefix + "redirect") != nullptr) {
    base::fail(ErrorKind::kInternal,
               cat(path.text(), " was renamed by an overlay mounted with redirect_dir"));
  }
  return mark != nullptr && mark->second == "y";
}

std::optional<Diff::Level> Diff::take_directory(Entry entry, const Entry* lower) {
  bool opaque = is_opaque(entry.xattrs, entry.path);
  drop_foreign_xattrs(entry.xattrs);
  bool has_lower = lower != nullptr && lower->is_directory() && !opaque;
  entry.opaque = opaque && lower != nullptr && lower->is_directory();
  std::optional<std::size_t> own_entry;
  if (has_lower && has_same_attributes(entry, *lower)) {
    own_entry = result_.layer.entries.size();
  }
  ImagePath path = entry.path;
  emit(std::move(entry));
  return enter(path, has_lower, own_entry);
}

void Diff::take_other(Entry entry, const Entry* lower, const struct stat& status) {
  drop_foreign_xattrs(entry.xattrs);
  if (lower != nullptr && has_same_attributes(entry, *lower) &&
      entry.mtime.seconds == lower->mtime.seconds && entry.size == lower->size &&
      status.st_nlink == 1) {
    if (entry.type != EntryType::kFile) {
      return drop(entry.path);
    }
    entry.digest = view_->digest(entry);
    if (*entry.digest == lower_->digest(*lower)) {
      return drop(entry.path);
    }
  }
  if (entry.type == EntryType::kFile && status.st_nlink > 1) {
    auto [first, is_new] = first_names_.try_emplace({status.st_dev, status.st_ino}, entry.path);
    if (!is_new) {
      entry.type = EntryType::kHardlink;
      entry.link_target = first->second.text();
    }
  }
  emit(std::move(entry));
}

void Diff::emit(Entry entry) {
  ImagePath path = entry.path;
  result_.layer.entries.push_back(
      {.entry = std::move(entry), .view = view_.get(), .view_path = std::move(path)});
}

}  // namespace

UpperDiff diff_upper(const base::Fd& upper, const UpperForm& form, const TreeView* lower,
                     std::stop_token stop) {
  return Diff(upper, form, lower, std::move(stop)).run();
}

void remove_superfluous(const base::Fd& upper, const std::vector<ImagePath>& superfluous) {
  for (const ImagePath& path : superfluous) {
    base::Fd parent = base::open_beneath(upper, path.parent().relative(), O_RDONLY | O_DIRECTORY);
    base::remove_tree(parent, std::string(path.base_name()));
  }
}

void record_owners(const base::Fd& upper, const std::vector<Entry>& unrecorded) {
  for (const Entry& entry : unrecorded) {
    base::Fd file = base::open_beneath(upper, entry.path.relative(), O_PATH | O_NOFOLLOW);
    base::record_owner(file, {entry.uid, entry.gid}, entry.path.text());
  }
}

}  // namespace slipway::builder
