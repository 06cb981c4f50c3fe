#include "builder/context/context_view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "base/error.h"
#include "base/fs.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/context/stat_cache.h"
#include "builder/layer/status_entry.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

constexpr std::size_t kStatCacheBytesMax = std::size_t{1} << 30;

// One name in a directory, with what the patterns say of it.
struct Node {
  Entry entry;
  FileStamp stamp;
  dev_t device = 0;
  nlink_t links = 1;
  parser::PatternMatcher::State patterns;
  bool visible = true;  // not hidden; or a hidden directory with something in it that is not
};

// A directory as it was when somebody first asked. Sorted by name.
struct Listing {
  std::vector<Node> nodes;
  const Node* find(std::string_view name) const {
    auto place = std::lower_bound(nodes.begin(), nodes.end(), name,
                                  [](const Node& node, std::string_view wanted) {
                                    return node.entry.path.base_name() < wanted;
                                  });
    return place != nodes.end() && place->entry.path.base_name() == name ? &*place : nullptr;
  }
};

// Tells, at the end, whether the file is still what was listed.
class WatchedSource : public base::Source {
 public:
  WatchedSource(base::Fd file, const Node& node)
      : file_(std::move(file)), stamp_(node.stamp), path_(node.entry.path) {
    check();
  }
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = base::read_some(file_, bytes, path_.text());
    if (count == 0) {
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
  ImagePath path_;
};

std::string read_whole(const base::Fd& file) {
  return base::read_to_end(file, kStatCacheBytesMax, "stat cache");
}

}  // namespace

struct ContextView::State {
  explicit State(ContextOptions context)
      : options(std::move(context)), root(base::open_directory(options.directory)) {
    if (options.stat_cache) {
      if (std::optional<base::Fd> file = options.stat_cache->open()) {
        remembered = StatCache(read_whole(*file));
      }
    }
  }

  std::shared_ptr<const Listing> listing(const ImagePath& path);
  std::shared_ptr<const Listing> list(const ImagePath& path,
                                      const parser::PatternMatcher::State& patterns);
  Node node_of(const ImagePath& path, const base::Fd& directory, const std::string& name,
               const parser::PatternMatcher::State& parent);
  bool holds_visible(const Node& directory);
  std::optional<Node> find_node(const ImagePath& path);
  Node get_node(const Entry& file);
  void learn(const Node& node, const base::Digest& digest, base::Timestamp read_at);
  base::Fd open_file(const Node& node) const;

  ContextOptions options;
  base::Fd root;
  StatCache remembered;
  base::SystemClock clock;
  base::Guarded<std::map<ImagePath, std::shared_ptr<const Listing>>> listings;
  base::Guarded<std::map<std::pair<dev_t, std::uint64_t>, std::uint64_t>> groups;
  // Digests that were found in this process, settled or not.
  base::Guarded<std::map<ImagePath, base::Digest>> known;
  base::Guarded<StatRecords> learned;
  std::atomic<std::uint64_t> files_hashed = 0;
  std::atomic<std::uint64_t> digests_remembered = 0;
};

std::shared_ptr<const Listing> ContextView::State::listing(const ImagePath& path) {
  {
    auto held = listings.lock();
    if (auto found = held->find(path); found != held->end()) {
      return found->second;
    }
  }
  if (path.is_root()) {
    return list(path, {});
  }
  std::optional<Node> node = find_node(path);
  if (!node || !node->entry.is_directory()) {
    return std::make_shared<Listing>();
  }
  return list(path, node->patterns);
}

// Lists and remembers; two threads may do it at once, and the first result stays.
std::shared_ptr<const Listing> ContextView::State::list(
    const ImagePath& path, const parser::PatternMatcher::State& patterns) {
  auto listing = std::make_shared<Listing>();
  base::Fd directory =
      base::open_beneath(root, path.relative(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
    listing->nodes.push_back(node_of(path.child(entry.name), directory, entry.name, patterns));
  }
  for (Node& node : listing->nodes) {
    node.visible = node.visible || (node.entry.is_directory() && holds_visible(node));
  }
  return listings.lock()->try_emplace(path, std::move(listing)).first->second;
}

Node ContextView::State::node_of(const ImagePath& path, const base::Fd& directory,
                                 const std::string& name,
                                 const parser::PatternMatcher::State& parent) {
  struct stat status = base::get_status(directory, name);
  Node node{read_entry(path, directory, name, status),
            stamp_of(status),
            status.st_dev,
            status.st_nlink,
            {}};
  // A context has no owners: whoever builds, the image is the same.
  node.entry.uid = 0;
  node.entry.gid = 0;
  node.visible = !options.ignore.matcher.match(path.relative(), parent, &node.patterns).ignored;
  return node;
}

// Of a hidden directory.
bool ContextView::State::holds_visible(const Node& directory) {
  if (!options.ignore.matcher.may_hold_exceptions(directory.entry.path.relative())) {
    return false;
  }
  std::shared_ptr<const Listing> inner = list(directory.entry.path, directory.patterns);
  return std::any_of(inner->nodes.begin(), inner->nodes.end(),
                     [](const Node& node) { return node.visible; });
}

std::optional<Node> ContextView::State::find_node(const ImagePath& path) {
  std::shared_ptr<const Listing> parent = listing(path.parent());
  const Node* node = parent->find(path.base_name());
  return node != nullptr && node->visible ? std::optional(*node) : std::nullopt;
}

Node ContextView::State::get_node(const Entry& file) {
  std::optional<Node> node = find_node(file.path);
  if (!node) {
    base::fail(base::ErrorKind::kInternal, cat("the context has no ", file.path.text()));
  }
  return std::move(*node);
}

base::Fd ContextView::State::open_file(const Node& node) const {
  // O_NONBLOCK: should it have become a fifo meanwhile, do not wait for its writer.
  return base::open_beneath(root, node.entry.path.relative(),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

void ContextView::State::learn(const Node& node, const base::Digest& digest,
                               base::Timestamp read_at) {
  known.lock()->insert_or_assign(node.entry.path, digest);
  if (is_settled(node.stamp, read_at)) {
    learned.lock()->insert_or_assign(node.entry.path, StatRecord{node.stamp, digest});
  }
}

ContextView::ContextView(ContextOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
ContextView::~ContextView() = default;

std::optional<Entry> ContextView::find(const ImagePath& path) const {
  if (path.is_root()) {
    Entry root = entry_of_status(path, base::get_status(state_->root, ""));
    root.uid = 0;
    root.gid = 0;
    return root;
  }
  std::optional<Node> node = state_->find_node(path);
  return node ? std::optional(std::move(node->entry)) : std::nullopt;
}

std::vector<Entry> ContextView::children(const ImagePath& path) const {
  std::vector<Entry> entries;
  std::shared_ptr<const Listing> listing = state_->listing(path);
  for (const Node& node : listing->nodes) {
    if (node.visible) {
      entries.push_back(node.entry);
    }
  }
  return entries;
}

std::unique_ptr<base::Source> ContextView::open(const Entry& file) const {
  Node node = state_->get_node(file);
  if (node.entry.size == 0) {
    return std::make_unique<base::StringSource>("");  // sockets, too
  }
  return std::make_unique<WatchedSource>(state_->open_file(node), node);
}

base::Digest ContextView::digest(const Entry& file) const {
  {
    auto known = state_->known.lock();
    if (auto found = known->find(file.path); found != known->end()) {
      return found->second;
    }
  }
  Node node = state_->get_node(file);
  if (std::optional<base::Digest> digest = state_->remembered.find(file.path, node.stamp)) {
    ++state_->digests_remembered;
    state_->known.lock()->insert_or_assign(file.path, *digest);
    return *digest;
  }
  base::Timestamp read_at = state_->clock.now();
  base::HashingSink hash(nullptr);
  base::copy_stream(*open(file), hash);
  hash.finish();
  ++state_->files_hashed;
  state_->learn(node, hash.digest(), read_at);
  return hash.digest();
}

std::uint64_t ContextView::link_group(const Entry& file) const {
  Node node = state_->get_node(file);
  if (node.links < 2 || node.entry.type != EntryType::kFile) {
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
        for (const Entry& child : children(level[i])) {
          if (child.is_directory()) {
            below[i].push_back(child.path);
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
  Node node = state_->get_node(file);
  base::Timestamp now = state_->clock.now();
  base::Timestamp long_ago{now.seconds - 2, now.nanoseconds};
  state_->learn(node, digest, long_ago);
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
  StatRecords records = *state_->learned.lock();
  if (!state_->options.stat_cache || records.empty()) {
    return;
  }
  auto listings = state_->listings.lock();
  for (const auto& [text, record] : state_->remembered.records()) {
    ImagePath path = ImagePath::clean(text);
    auto parent = listings->find(path.parent());
    const Node* node = parent == listings->end() ? nullptr : parent->second->find(path.base_name());
    // Of directories that nobody looked at nothing is known; elsewhere only what is still so stays.
    bool stays = parent == listings->end() || (node != nullptr && node->stamp == record.stamp);
    if (stays) {
      records.try_emplace(path, record);
    }
  }
  state_->options.stat_cache->replace(serialise_stats(records));
}

ContextView::Counters ContextView::counters() const {
  return {state_->files_hashed, state_->digests_remembered, state_->listings.lock()->size()};
}

}  // namespace slipway::builder
