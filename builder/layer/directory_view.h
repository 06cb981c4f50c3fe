#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/tree_files.h"
#include "builder/layer/merged_view.h"
#include "builder/layer/tree_view.h"

namespace slipway::builder {

// The content of a layer from its tree on disk (or any directory whose files have the names the
// index says), opened beneath the directory without following links.
class TreeContent : public LayerContent {
 public:
  explicit TreeContent(base::Fd root) : files_(std::move(root)) {}
  std::unique_ptr<base::Source> open(const Entry& file) const override;

 private:
  base::TreeFiles files_;
};

// A directory on disk exactly as it is: owners, modes, xattrs, devices, hard links. Listed when
// asked; nothing is remembered but inode numbers of files with several names. For trees that nobody
// changes: unpacked archives, git work trees, exported roots. Safe for many threads.
class DirectoryView : public TreeView {
 public:
  explicit DirectoryView(base::Fd root);
  ~DirectoryView() override;
  std::optional<Entry> find(const base::ImagePath& path) const override;
  std::vector<Entry> children(const base::ImagePath& path) const override;
  std::unique_ptr<base::Source> open(const Entry& file) const override;
  base::Digest digest(const Entry& file) const override;
  std::uint64_t link_group(const Entry& file) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::builder
