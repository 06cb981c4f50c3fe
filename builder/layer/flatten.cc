#include "builder/layer/flatten.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <deque>
#include <map>

#include "base/error.h"
#include "base/fs.h"
#include "base/recorded_owner.h"
#include "base/stream.h"
#include "base/text.h"
#include "builder/layer/status_entry.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

// So many trees become one. The last, incomplete group is left alone: it is another one with every
// step.
constexpr std::size_t kGroup = 64;

// What a name is in the trees that have it, from the top down to where it ends.
struct Found {
  std::size_t tree;    // the topmost that has it
  struct stat status;  // there
  std::vector<std::size_t>
      parts;           // of a directory: the trees whose directories are merged, top first
  bool ended = false;  // nothing below this shows through
};

// A directory that is still to be filled.
struct Pending {
  ImagePath path;
  std::vector<std::size_t> parts;  // top first
};

class Combiner {
 public:
  Combiner(std::span<const std::string> trees, const base::Fd& out, TreeWriter::Options options)
      : out_(out), options_(options), writer_(out, options) {
    for (const std::string& tree : trees) {
      trees_.push_back(base::open_directory(tree));
    }
  }

  void run(const std::stop_token& stop) {
    std::vector<std::size_t> all;
    for (std::size_t tree = trees_.size(); tree > 0; --tree) {
      all.push_back(tree - 1);
    }
    add_root(all.front());
    pending_.push_back({ImagePath(), std::move(all)});
    while (!pending_.empty()) {
      base::throw_if_stopped(stop);
      Pending next = std::move(pending_.front());
      pending_.pop_front();
      fill(next);
    }
    writer_.finish();
  }

 private:
  base::Fd open(std::size_t tree, const ImagePath& directory) const {
    return base::open_beneath(trees_[tree], directory.relative(),
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  void add_root(std::size_t top) {
    Entry root = entry_of_status(ImagePath(), base::get_status(trees_[top], ""));
    root.xattrs = base::list_xattrs(trees_[top], "/");
    drop_foreign_xattrs(root.xattrs);
    take_recorded_owner(root, trees_[top]);
    writer_.create(root);
  }

  void take_recorded_owner(Entry& entry, const base::Fd& directory) const {
    if (options_.owners != TreeWriter::Owners::kRecord) {
      return;
    }
    std::optional<std::string> text = base::find_xattr(directory, base::kOwnerAttribute);
    std::optional<base::RecordedOwner> owner = text ? base::parse_owner(*text) : std::nullopt;
    entry.uid = owner ? owner->uid : 0;
    entry.gid = owner ? owner->gid : 0;
  }

  void fill(const Pending& directory) {
    std::map<std::string, Found> names;
    for (std::size_t tree : directory.parts) {
      base::Fd opened = open(tree, directory.path);
      for (const base::DirectoryEntry& entry : base::list_directory(opened)) {
        note(names, tree, opened, entry.name);
      }
    }
    base::Fd target =
        base::open_beneath(out_, directory.path.relative(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (auto& [name, found] : names) {
      ImagePath path = directory.path.child(name);
      if (S_ISDIR(found.status.st_mode)) {
        add_directory(path, found);
      } else {
        link(found.tree, path, target, name);
      }
    }
  }

  // One more tree, further down, has the name.
  void note(std::map<std::string, Found>& names, std::size_t tree, const base::Fd& directory,
            const std::string& name) const {
    auto known = names.find(name);
    if (known != names.end() && known->second.ended) {
      return;
    }
    struct stat status = base::get_status(directory, name);
    bool is_directory = S_ISDIR(status.st_mode);
    if (known == names.end()) {
      known = names.emplace(name, Found{tree, status, {}, !is_directory}).first;
    }
    Found& found = known->second;
    if (is_directory) {
      found.parts.push_back(tree);
      found.ended = is_opaque(directory, name);
    } else {
      // What is no directory, a whiteout too, hides all below it.
      found.ended = true;
    }
  }

  bool is_opaque(const base::Fd& directory, const std::string& name) const {
    base::Fd opened = base::open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return base::find_xattr(opened, std::string(opaque_xattr(options_.marks))) == "y";
  }

  void add_directory(const ImagePath& path, Found& found) {
    base::Fd parent = open(found.tree, path.parent());
    Entry entry = read_entry(path, parent, std::string(path.base_name()), found.status);
    entry.opaque = found.ended;
    take_recorded_owner(entry, open(found.tree, path));
    writer_.create(entry);
    pending_.push_back({path, std::move(found.parts)});
  }

  void link(std::size_t tree, const ImagePath& path, const base::Fd& target,
            const std::string& name) const {
    base::Fd source = open(tree, path.parent());
    base::check([&] { return ::linkat(source.get(), name.c_str(), target.get(), name.c_str(), 0); },
                "link", path.text());
  }

  const base::Fd& out_;
  TreeWriter::Options options_;
  std::vector<base::Fd> trees_;
  TreeWriter writer_;
  std::deque<Pending> pending_;
};

std::string ensure_combined(cache::Store& store, std::span<const std::string> trees,
                            TreeWriter::Options options, const std::stop_token& stop) {
  std::string text = "trees combined\n";
  for (const std::string& tree : trees) {
    text += cat(std::string_view(tree).substr(tree.rfind('/') + 1), "\n");
  }
  cache::DiffId name(base::sha256_of(text));
  store.layers().hold(std::span(&name, 1));
  if (std::optional<std::string> path = store.trees().find(name)) {
    return *path;
  }
  cache::StagedTree staged = store.trees().stage();
  combine_trees(trees, base::open_directory(staged.path()), options, stop);
  // Its files take no space of their own.
  return store.trees().commit(std::move(staged), name, 0);
}

}  // namespace

void combine_trees(std::span<const std::string> trees, const base::Fd& out,
                   TreeWriter::Options options, const std::stop_token& stop) {
  if (!trees.empty()) {
    Combiner(trees, out, options).run(stop);
  }
}

std::vector<std::string> flatten_stack(cache::Store& store, std::vector<std::string> trees,
                                       TreeWriter::Options options, const std::stop_token& stop) {
  while (trees.size() > kStackMax) {
    std::vector<std::string> shorter;
    std::span<const std::string> left(trees);
    for (; left.size() >= kGroup; left = left.subspan(kGroup)) {
      shorter.push_back(ensure_combined(store, left.first(kGroup), options, stop));
    }
    shorter.insert(shorter.end(), left.begin(), left.end());
    trees = std::move(shorter);
  }
  return trees;
}

}  // namespace slipway::builder
