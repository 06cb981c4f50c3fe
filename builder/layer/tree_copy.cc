#include "builder/layer/tree_copy.h"

#include <map>

#include "base/stream.h"

namespace slipway::builder {

namespace {

class TreeCopy {
 public:
  TreeCopy(const TreeView& view, const base::ImagePath& top, const base::Fd& directory,
           TreeWriter::Options options, std::stop_token stop)
      : view_(view),
        top_(top),
        options_(options),
        writer_(directory, options),
        stop_(std::move(stop)) {}

  TreeCopyResult run() {
    view_.prefetch(top_);
    walk(view_, top_, [&](const Entry& entry) {
      base::throw_if_stopped(stop_);
      if (entry.path != top_) {
        copy(entry);
      }
      return Visit::kContinue;
    });
    writer_.finish();
    return result_;
  }

 private:
  void copy(const Entry& from) {
    Entry entry = from;
    entry.path = from.path.rebase(top_, base::ImagePath());
    bool is_device = from.type == EntryType::kCharDevice || from.type == EntryType::kBlockDevice;
    if (is_device && options_.owners == TreeWriter::Owners::kLeave) {
      ++result_.skipped;
      return;
    }
    ++result_.entries;
    if (!from.is_regular()) {
      writer_.create(entry);
      return;
    }
    std::uint64_t group = view_.link_group(from);
    auto [first, is_first] = first_names_.try_emplace(group, entry.path);
    if (group != 0 && !is_first) {
      entry.type = EntryType::kHardlink;
      entry.link_target = first->second.text();
      writer_.create(entry);
      return;
    }
    copy_content(from, entry);
  }

  void copy_content(const Entry& from, const Entry& entry) {
    base::Fd file = writer_.open_file(entry);
    base::FdSink sink(file, entry.path.text());
    std::unique_ptr<base::Source> content = view_.open(from);
    base::copy_stream(*content, sink, stop_);
    writer_.close_file(entry, std::move(file));
  }

  const TreeView& view_;
  const base::ImagePath& top_;
  TreeWriter::Options options_;
  TreeWriter writer_;
  std::stop_token stop_;
  TreeCopyResult result_;
  std::map<std::uint64_t, base::ImagePath> first_names_;
};

}  // namespace

TreeCopyResult copy_tree(const TreeView& view, const base::ImagePath& top,
                         const base::Fd& directory, TreeWriter::Options options,
                         std::stop_token stop) {
  return TreeCopy(view, top, directory, options, std::move(stop)).run();
}

}  // namespace slipway::builder
