#include "builder/context/lister.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

#include "base/fs.h"
#include "builder/layer/status_entry.h"

namespace slipway::builder {

namespace {

using base::ImagePath;

// File systems on which every name that comes or goes sets the times of its directory. Others may
// not do so, or show what several directories or machines hold (networks, unions, FUSE).
bool tells_of_names(const base::Fd& directory) {
  constexpr std::array<std::uint32_t, 5> kTelling = {
      EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  struct statfs status{};
  base::check([&] { return ::fstatfs(directory.get(), &status); }, "fstatfs");
  return std::find(kTelling.begin(), kTelling.end(), static_cast<std::uint32_t>(status.f_type)) !=
         kTelling.end();
}

}  // namespace

struct Lister::Job {
  const Lister* lister;
  const parser::PatternMatcher::State* patterns;
  base::Fd directory;
  std::shared_ptr<Listing> listing;

  void add(const std::string& name, const struct stat& status, const StatRecord* record);
  void add_rare(Node& node, const std::string& name, const struct stat& status);
  void apply_rules(Node& node, const ImagePath& path) const;
};

void Lister::Job::add(const std::string& name, const struct stat& status,
                      const StatRecord* record) {
  Node node{.links = static_cast<std::uint32_t>(status.st_nlink),
            .stamp = stamp_of(status),
            .device = status.st_dev};
  if (record != nullptr) {
    node.known_digest = record->digest.data();
  }
  if (record != nullptr && !record->has_xattrs) {
    // Nearly all of a context: a file without anything that there is more to read of.
    node.mode = static_cast<std::uint16_t>(status.st_mode & 07777);
    node.is_as_is = lister->is_as_is(status, false);
  } else {
    add_rare(node, name, status);
  }
  if (!lister->rules_->empty()) {
    apply_rules(node, listing->path.child(name));
  }
  listing->add(name, std::move(node));
}

void Lister::Job::add_rare(Node& node, const std::string& name, const struct stat& status) {
  Entry entry = read_entry(listing->path.child(name), directory, name, status);
  node.type = entry.type;
  node.mode = static_cast<std::uint16_t>(entry.mode);
  node.is_as_is = lister->is_as_is(status, !entry.xattrs.empty());
  RareAttributes rare{std::move(entry.link_target), entry.device_major, entry.device_minor,
                      std::move(entry.xattrs)};
  if (rare != RareAttributes()) {
    node.rare = std::make_unique<const RareAttributes>(std::move(rare));
  }
}

void Lister::Job::apply_rules(Node& node, const ImagePath& path) const {
  parser::PatternMatcher::State state;
  node.visible = !lister->rules_->match(path.relative(), *patterns, &state).ignored;
  if (node.is_directory() && state != parser::PatternMatcher::State()) {
    node.patterns = std::make_unique<const parser::PatternMatcher::State>(std::move(state));
  }
}

Lister::Lister(const base::Fd& root, const parser::PatternMatcher& rules,
               const StatCache& remembered)
    : root_(&root),
      rules_(&rules),
      remembered_(&remembered),
      device_(base::get_status(root, "").st_dev),
      directories_tell_(tells_of_names(root)) {}

std::shared_ptr<Listing> Lister::list(const ImagePath& path,
                                      const parser::PatternMatcher::State& patterns) const {
  Job job{this, &patterns, open(path), std::make_shared<Listing>(path)};
  Listing& listing = *job.listing;
  base::Timestamp read_at = clock_.now();
  struct stat status = base::get_status(job.directory, "");
  listing.stamp = stamp_of(status);
  listing.is_settled =
      directories_tell_ && status.st_dev == device_ && is_settled(listing.stamp, read_at);
  StatCache::Directory known = remembered_->directory(path);
  bool is_unchanged = listing.is_settled && known.count() != 0 && known.stamp() == listing.stamp;
  if (!is_unchanged || !add_remembered(job, known)) {
    add_read(job, known);
  }
  return std::move(job.listing);
}

// False if it is not as remembered after all: then nothing was added.
bool Lister::add_remembered(Job& job, StatCache::Directory known) {
  Listing& listing = *job.listing;
  std::size_t count = known.count();
  listing.nodes.reserve(count);
  std::string name;
  while (known.next()) {
    name = known.name();
    std::optional<struct stat> status = base::find_status(job.directory, name);
    if (!status) {
      break;
    }
    job.add(name, *status, S_ISREG(status->st_mode) ? known.find_here(stamp_of(*status)) : nullptr);
  }
  bool is_whole = listing.nodes.size() == count;
  if (!is_whole) {
    listing.nodes.clear();
    listing.names.clear();
  }
  return is_whole;
}

void Lister::add_read(Job& job, StatCache::Directory known) {
  std::vector<base::DirectoryEntry> names = base::list_directory(job.directory);
  job.listing->nodes.reserve(names.size());
  job.listing->was_read = true;
  for (const base::DirectoryEntry& entry : names) {
    struct stat status = base::get_status(job.directory, entry.name);
    job.add(entry.name, status,
            S_ISREG(status.st_mode) ? known.find(entry.name, stamp_of(status)) : nullptr);
  }
}

base::Fd Lister::open(const ImagePath& path) const {
  return base::open_beneath(*root_, path.relative(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

bool Lister::is_as_is(const struct stat& status, bool has_xattrs) const {
  bool is_plain = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode);
  return is_plain && status.st_uid == 0 && status.st_gid == 0 && status.st_dev == device_ &&
         !has_xattrs;
}

}  // namespace slipway::builder
