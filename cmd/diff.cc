#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "builder/layer/tree_view.h"
#include "cmd/containers.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;
using builder::Entry;
using builder::TreeView;

// What differs between two trees, in the order of paths: "A /new", "C /changed", "D /gone". Times
// don't count. DIFFERS: docker also lists every directory above a change.
class TreeDiff {
 public:
  TreeDiff(const TreeView& before, const TreeView& after, std::stop_token stop)
      : before_(&before), after_(&after), stop_(std::move(stop)) {}

  std::string text() {
    compare(base::ImagePath());
    return std::move(text_);
  }

 private:
  void compare(const base::ImagePath& folder) {
    base::throw_if_stopped(stop_);
    std::vector<Entry> old_entries = before_->children(folder);
    std::vector<Entry> new_entries = after_->children(folder);
    auto old_entry = old_entries.begin();
    auto new_entry = new_entries.begin();
    while (old_entry != old_entries.end() || new_entry != new_entries.end()) {
      if (new_entry == new_entries.end() ||
          (old_entry != old_entries.end() && old_entry->path < new_entry->path)) {
        say('D', *old_entry++);
      } else if (old_entry == old_entries.end() || new_entry->path < old_entry->path) {
        add(*new_entry++);
      } else {
        compare(*old_entry++, *new_entry++);
      }
    }
  }

  void compare(const Entry& old_entry, const Entry& new_entry) {
    bool both_folders = old_entry.is_directory() && new_entry.is_directory();
    if (!is_same(old_entry, new_entry)) {
      say('C', new_entry);
    }
    if (both_folders) {
      compare(new_entry.path);
    } else if (new_entry.is_directory()) {
      for (const Entry& child : after_->children(new_entry.path)) {
        add(child);
      }
    }
  }

  // With everything below it.
  void add(const Entry& entry) {
    builder::walk(*after_, entry.path, [&](const Entry& found) {
      say('A', found);
      return builder::Visit::kContinue;
    });
  }

  bool is_same(const Entry& old_entry, const Entry& new_entry) const {
    bool same_outside = old_entry.type == new_entry.type && old_entry.mode == new_entry.mode &&
                        old_entry.uid == new_entry.uid && old_entry.gid == new_entry.gid &&
                        old_entry.link_target == new_entry.link_target &&
                        old_entry.device_major == new_entry.device_major &&
                        old_entry.device_minor == new_entry.device_minor &&
                        old_entry.xattrs == new_entry.xattrs;
    if (!same_outside || !new_entry.is_regular()) {
      return same_outside;
    }
    return old_entry.size == new_entry.size &&
           before_->digest(old_entry) == after_->digest(new_entry);
  }

  void say(char kind, const Entry& entry) { text_ += cat(kind, " ", entry.path.text(), "\n"); }

  const TreeView* before_;
  const TreeView* after_;
  std::stop_token stop_;
  std::string text_;
};

}  // namespace

int run_diff(const Invocation& invocation) {
  std::string platform_text;
  std::vector<std::string> words;
  Flags flags(
      "diff", "[OPTIONS] IMAGE|CONTAINER [IMAGE|CONTAINER]",
      "List files that an image's last layer or a container changed, or that differ between two.");
  flags.text("--platform", platform_text, "Which image of a multi-platform name");
  flags.words(words, {1, 2});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  registry::Platform platform = get_platform(platform_text);
  Services services(invocation);
  auto all_layers_of = [&](const std::string& word) {
    if (!builder::find_image(services.store(), word, platform)) {
      if (std::optional<FoundContainer> found = find_container(services.store(), word)) {
        return layers_of(services, *found);
      }
    }
    return builder::read_image(services.store(), get_image(services.store(), word, platform))
        .config.diff_ids;
  };
  std::vector<cache::DiffId> after = all_layers_of(words.back());
  std::vector<cache::DiffId> before;
  if (words.size() == 2) {
    before = all_layers_of(words.front());
  } else if (!after.empty()) {
    before.assign(after.begin(), after.end() - 1);
  }
  auto old_view = services.layers().view(before, services.stop());
  auto new_view = services.layers().view(after, services.stop());
  print_out(TreeDiff(*old_view, *new_view, services.stop()).text());
  return 0;
}

}  // namespace slipway::cmd
