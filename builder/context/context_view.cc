#include "builder/context/context_view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/fs.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/tree_files.h"
#include "base/worker_pool.h"
#include "builder/context/lister.h"
#include "builder/context/listing.h"
#include "builder/context/stat_cache.h"
#include "builder/layer/status_entry.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

constexpr std::size_t kStatCacheBytesMax = std::size_t{1} << 30;
constexpr mode_t kModeInPlace = 0755;

// A visible node, and the listing that it lies in.
struct Place {
  std::shared_ptr<const Listing> listing;
  const Node* node;
};

// Gives as many bytes as were listed and then tells whether the file is still what was listed.
class WatchedSource : public base::Source {
 public:
  WatchedSource(base::Fd file, const FileStamp& stamp, ImagePath path)
      : file_(std::move(file)), stamp_(stamp), left_(stamp.size), path_(std::move(path)) {}
  std::size_t read(std::span<char> bytes) override {
    if (left_ == 0 || bytes.empty()) {
      return 0;
    }
    bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_)));
    std::size_t count = base::read_some(file_, bytes, path_.text());
    left_ -= count;
    if (left_ == 0 || count == 0) {
      check();
    }
    return count;
  }

 private:
  void check() const {
    if (stamp_of(base::get_status(file_, "")) != stamp_) {
      base::fail(base::ErrorKind::kInput, cat(path_.text(), " changed while it was read"),
                 "build again when nothing writes to the context any more");
    }
  }
  base::Fd file_;
  FileStamp stamp_;
  std::uint64_t left_;
  ImagePath path_;
};

std::string read_stat_cache(const std::optional<cache::StatCacheFile>& stat_cache) {
  std::optional<base::Fd> file = stat_cache ? stat_cache->open() : std::nullopt;
  return file ? base::read_to_end(*file, kStatCacheBytesMax, "stat cache") : std::string();
}

}  // namespace

struct ContextView::State {
  explicit State(ContextOptions context)
      : options(std::move(context)),
        files(base::open_directory(options.directory)),
        remembered(read_stat_cache(options.stat_cache)),
        lister(files.root(), options.ignore.matcher, remembered) {}

  std::shared_ptr<const Listing> listing(const ImagePath& path);
  std::shared_ptr<const Listing> list(const ImagePath& path,
                                      const parser::PatternMatcher::State& patterns);
  bool holds_visible(const ImagePath& directory, const Node& hidden);
  std::optional<Place> find_place(const ImagePath& path);
  Place get_place(const Entry& file);
  void learn(const Place& place, const base::Digest& digest, base::Timestamp read_at);
  bool is_as_is_below(const ImagePath& top);
  std::optional<ImagePath> find_changed_in(const Listing& listing) const;

  struct Listed {
    Listings all;                         // what is there stays
    std::shared_ptr<const Listing> last;  // that somebody asked for
  };

  ContextOptions options;
  base::TreeFiles files;
  StatCache remembered;
  Lister lister;
  base::SystemClock clock;
  base::Guarded<Listed> listings;
  base::Guarded<std::map<std::pair<dev_t, std::uint64_t>, std::uint64_t>> groups;
  std::atomic<bool> has_learned = false;  // something that the stat cache does not have
  std::atomic<std::uint64_t> files_hashed = 0;
  std::atomic<std::uint64_t> digests_remembered = 0;
  std::atomic<std::uint64_t> directories_read = 0;
};

std::shared_ptr<const Listing> ContextView::State::listing(const ImagePath& path) {
  {
    auto held = listings.lock();
    if (held->last && held->last->path == path) {
      return held->last;
    }
    if (auto found = held->all.find(path); found != held->all.end()) {
      held->last = found->second;
      return found->second;
    }
  }
  if (path.is_root()) {
    return list(path, {});
  }
  std::optional<Place> place = find_place(path);
  if (!place || !place->node->is_directory()) {
    return std::make_shared<Listing>(path);
  }
  return list(path, place->node->patterns_below());
}

// Lists and remembers; two threads may do it at once, and the first result stays.
std::shared_ptr<const Listing> ContextView::State::list(
    const ImagePath& path, const parser::PatternMatcher::State& patterns) {
  std::shared_ptr<Listing> listing = lister.list(path, patterns);
  for (Node& node : listing->nodes) {
    if (!node.visible && node.is_directory()) {
      node.visible = holds_visible(path.child(listing->name_of(node)), node);
    }
  }
  directories_read += listing->was_read ? 1 : 0;
  // Of empty directories nothing is kept.
  if (listing->was_read && listing->is_settled && !listing->nodes.empty()) {
    has_learned = true;
  }
  return listings.lock()->all.try_emplace(path, std::move(listing)).first->second;
}

// Of a hidden directory.
bool ContextView::State::holds_visible(const ImagePath& directory, const Node& hidden) {
  if (!options.ignore.matcher.may_hold_exceptions(directory.relative())) {
    return false;
  }
  std::shared_ptr<const Listing> inner = list(directory, hidden.patterns_below());
  return std::any_of(inner->nodes.begin(), inner->nodes.end(),
                     [](const Node& node) { return node.visible; });
}

std::optional<Place> ContextView::State::find_place(const ImagePath& path) {
  std::shared_ptr<const Listing> parent = listing(path.parent());
  const Node* node = parent->find(path.base_name());
  if (node == nullptr || !node->visible) {
    return std::nullopt;
  }
  return Place{std::move(parent), node};
}

Place ContextView::State::get_place(const Entry& file) {
  std::optional<Place> place = find_place(file.path);
  if (!place) {
    base::fail(base::ErrorKind::kInternal, cat("the context has no ", file.path.text()));
  }
  return std::move(*place);
}

bool ContextView::State::is_as_is_below(const ImagePath& top) {
  std::shared_ptr<const Listing> inner = listing(top);
  return std::all_of(inner->nodes.begin(), inner->nodes.end(), [&](const Node& node) {
    return node.visible && node.is_as_is &&
           (!node.is_directory() || is_as_is_below(top.child(inner->name_of(node))));
  });
}

std::optional<ImagePath> ContextView::State::find_changed_in(const Listing& listing) const {
  std::optional<base::Fd> directory = base::find_beneath(files.root(), listing.path.relative(),
                                                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory || stamp_of(base::get_status(*directory, "")) != listing.stamp) {
    return listing.path;
  }
  for (const Node& node : listing.nodes) {
    std::optional<struct stat> status =
        base::find_status(*directory, std::string(listing.name_of(node)));
    if (!status || stamp_of(*status) != node.stamp) {
      return listing.path.child(listing.name_of(node));
    }
  }
  return std::nullopt;
}

void ContextView::State::learn(const Place& place, const base::Digest& digest,
                               base::Timestamp read_at) {
  bool settled = is_settled(place.node->stamp, read_at);
  place.listing->keep_digest(*place.node, digest,
                             settled ? FoundDigest::State::kSettled : FoundDigest::State::kForNow);
  if (settled) {
    has_learned = true;  // never back to false: other threads learn, too
  }
}

ContextView::ContextView(ContextOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
ContextView::~ContextView() = default;

std::optional<Entry> ContextView::find(const ImagePath& path) const {
  if (path.is_root()) {
    Entry root = entry_of_status(path, base::get_status(state_->files.root(), ""));
    root.uid = 0;
    root.gid = 0;
    return root;
  }
  std::optional<Place> place = state_->find_place(path);
  return place ? std::optional(place->listing->entry_of(*place->node)) : std::nullopt;
}

std::vector<Entry> ContextView::children(const ImagePath& path) const {
  std::vector<Entry> entries;
  std::shared_ptr<const Listing> listing = state_->listing(path);
  for (const Node& node : listing->nodes) {
    if (node.visible) {
      entries.push_back(listing->entry_of(node));
    }
  }
  return entries;
}

bool ContextView::visit_children(const ImagePath& path, const VisitChild& visit) const {
  std::shared_ptr<const Listing> listing = state_->listing(path);
  bool has_found_digests = listing->has_found_digests();
  Entry entry;
  return std::all_of(listing->nodes.begin(), listing->nodes.end(), [&](const Node& node) {
    if (!node.visible) {
      return true;
    }
    listing->fill(entry, node);
    if (has_found_digests) {
      if (std::optional<base::Digest> found = listing->find_digest(node)) {
        entry.digest = found;
      }
    }
    bool has_other_names = node.links > 1 && node.type == EntryType::kFile;
    return visit({listing->name_of(node), entry, has_other_names});
  });
}

std::unique_ptr<base::Source> ContextView::open(const Entry& file) const {
  Place place = state_->get_place(file);
  if (place.node->stamp.size == 0) {
    return std::make_unique<base::StringSource>("");  // sockets, too
  }
  base::Fd opened = state_->files.open(place.listing->path.relative(),
                                       std::string(place.listing->name_of(*place.node)));
  return std::make_unique<WatchedSource>(std::move(opened), place.node->stamp, file.path);
}

std::optional<base::Digest> ContextView::known_digest(const Entry& file) const {
  Place place = state_->get_place(file);
  if (std::optional<base::Digest> found = place.listing->find_digest(*place.node)) {
    return found;
  }
  std::optional<base::Digest> known = place.node->find_known_digest();
  state_->digests_remembered += known ? 1 : 0;
  return known;
}

base::Digest ContextView::digest(const Entry& file) const {
  if (std::optional<base::Digest> known = known_digest(file)) {
    return *std::move(known);
  }
  base::Timestamp read_at = state_->clock.now();
  base::HashingSink hash(nullptr);
  base::copy_stream(*open(file), hash);
  hash.finish();
  ++state_->files_hashed;
  state_->learn(state_->get_place(file), hash.digest(), read_at);
  return hash.digest();
}

std::uint64_t ContextView::link_group(const Entry& file) const {
  Place place = state_->get_place(file);
  const Node& node = *place.node;
  if (node.links < 2 || node.type != EntryType::kFile) {
    return 0;
  }
  auto groups = state_->groups.lock();
  return groups->try_emplace({node.device, node.stamp.inode}, groups->size() + 1).first->second;
}

// Directory by directory, one level after the other, the directories of a level side by side.
void ContextView::prefetch(const ImagePath& top) const {
  std::optional<Entry> entry = find(top);
  if (!entry || !entry->is_directory()) {
    return;
  }
  std::vector<ImagePath> level = {top};
  while (!level.empty()) {
    std::vector<std::vector<ImagePath>> below(level.size());
    std::vector<std::move_only_function<void(std::stop_token)>> jobs;
    for (std::size_t i = 0; i < level.size(); ++i) {
      jobs.push_back([&, i](std::stop_token) {
        std::shared_ptr<const Listing> listing = state_->listing(level[i]);
        for (const Node& node : listing->nodes) {
          if (node.visible && node.is_directory()) {
            below[i].push_back(level[i].child(listing->name_of(node)));
          }
        }
      });
    }
    base::run_all(std::move(jobs), std::max(1U, state_->options.threads));
    level.clear();
    for (std::vector<ImagePath>& paths : below) {
      std::move(paths.begin(), paths.end(), std::back_inserter(level));
    }
  }
}

void ContextView::learn_digest(const Entry& file, const base::Digest& digest) const {
  // When the reading began is not known here; now is later, so a file that counts as settled now
  // may not have been then. It is kept for this build only, unless it was settled long ago.
  base::Timestamp now = state_->clock.now();
  base::Timestamp long_ago{now.seconds - 2, now.nanoseconds};
  state_->learn(state_->get_place(file), digest, long_ago);
}

std::optional<std::string> ContextView::find_in_place(const ImagePath& top) const {
  base::Fd directory = state_->lister.open(top);
  struct stat status = base::get_status(directory, "");
  Entry entry = entry_of_status(top, status);
  entry.xattrs = base::list_xattrs(directory, top.text());
  drop_foreign_xattrs(entry.xattrs);
  if ((status.st_mode & 07777) != kModeInPlace ||
      !state_->lister.is_as_is(status, !entry.xattrs.empty()) || !state_->is_as_is_below(top)) {
    return std::nullopt;
  }
  // Nobody but root can put a link into the way: all that is on it in the context is root's.
  return std::filesystem::absolute(state_->options.directory).string() + top.text();
}

std::optional<ImagePath> ContextView::find_changed(const ImagePath& top) const {
  std::vector<std::shared_ptr<const Listing>> shown;
  {
    auto held = state_->listings.lock();
    for (const auto& [path, listing] : held->all) {
      if (top.contains(path)) {
        shown.push_back(listing);
      }
    }
  }
  for (const std::shared_ptr<const Listing>& listing : shown) {
    if (std::optional<ImagePath> changed = state_->find_changed_in(*listing)) {
      return changed;
    }
  }
  return std::nullopt;
}

std::optional<std::string> ContextView::explain_hidden(const ImagePath& path) const {
  const IgnoreRules& rules = state_->options.ignore;
  parser::PatternMatcher::Decision decision = rules.matcher.match(path.relative());
  if (!decision.ignored || !decision.pattern) {
    return std::nullopt;
  }
  const parser::IgnorePattern& pattern = rules.matcher.patterns()[*decision.pattern];
  return cat(rules.file, ":", pattern.line, " (", base::quote(pattern.text), ") excludes it");
}

void ContextView::save() const {
  if (!state_->options.stat_cache || !state_->has_learned) {
    return;
  }
  StatGroups groups;
  auto listings = state_->listings.lock();
  for (const auto& [path, listing] : listings->all) {
    std::string records = known_stats(*listing);
    if (!records.empty()) {
      groups.emplace(path, std::move(records));
    }
  }
  for (const auto& [text, records] : state_->remembered.groups()) {
    std::optional<ImagePath> path = ImagePath::parse(text);
    if (path && !listings->all.contains(*path) && may_still_exist(*path, listings->all)) {
      groups.try_emplace(*path, records);
    }
  }
  state_->options.stat_cache->replace(serialise_stats(groups));
}

ContextView::Counters ContextView::counters() const {
  return {state_->files_hashed, state_->digests_remembered, state_->listings.lock()->all.size(),
          state_->directories_read};
}

}  // namespace slipway::builder
