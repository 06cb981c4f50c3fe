#include "builder/layer/file_view.h"

#include <fcntl.h>

namespace slipway::builder {

namespace {

class FileView : public TreeView {
 public:
  FileView(Entry entry, base::TempDir scratch, const std::string& content)
      : entry_(std::move(entry)),
        scratch_(std::move(scratch)),
        file_(std::make_shared<base::Fd>(
            base::open_file(scratch_.path() + "/" + content, O_RDONLY))) {}

  std::optional<Entry> find(const base::ImagePath& path) const override {
    if (path.is_root()) {
      return make_implied_directory(path);
    }
    return path == entry_.path ? std::optional(entry_) : std::nullopt;
  }
  std::vector<Entry> children(const base::ImagePath& path) const override {
    return path.is_root() ? std::vector<Entry>{entry_} : std::vector<Entry>();
  }
  std::unique_ptr<base::Source> open(const Entry&) const override {
    return std::make_unique<base::FdRangeSource>(file_, 0, entry_.size, entry_.path.text());
  }
  base::Digest digest(const Entry&) const override { return *entry_.digest; }
  std::uint64_t link_group(const Entry&) const override { return 0; }

 private:
  Entry entry_;
  base::TempDir scratch_;
  std::shared_ptr<base::Fd> file_;
};

}  // namespace

std::shared_ptr<TreeView> make_file_view(Entry entry, base::TempDir scratch,
                                         const std::string& content) {
  return std::make_shared<FileView>(std::move(entry), std::move(scratch), content);
}

}  // namespace slipway::builder
