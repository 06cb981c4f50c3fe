#include "builder/layer/tar_content.h"

#include <vector>

#include "base/text.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

class TarContent : public LayerContent {
 public:
  TarContent(std::shared_ptr<const StoredTar> tar, LayerIndex index)
      : tar_(std::move(tar)), index_(std::move(index)) {
    offsets_.reserve(index_.size());
    std::uint64_t place = 0;
    std::string headers;
    for (std::size_t i = 0; i < index_.size(); ++i) {
      Entry entry = index_.at(i);
      headers.clear();
      tar::append_headers(headers, entry);
      place += headers.size();
      offsets_.push_back(place);
      if (entry.type == EntryType::kFile) {
        place += entry.size + tar::padding_of(entry.size);
      }
    }
  }

  std::unique_ptr<base::Source> open(const Entry& file) const override {
    std::optional<std::size_t> place = index_.find_place(file.path);
    if (!place) {
      base::fail(base::ErrorKind::kInternal, base::cat(file.path.text(), " is not in the layer"));
    }
    std::uint64_t offset = offsets_[*place];
    if (offset > tar_->size() || file.size > tar_->size() - offset) {
      base::fail(base::ErrorKind::kIntegrity,
                 base::cat("the tar of a layer ends before its file ", file.path.text()));
    }
    return open_pieces(tar_->cut(offset, file.size), file.path.text());
  }

 private:
  std::shared_ptr<const StoredTar> tar_;
  LayerIndex index_;
  std::vector<std::uint64_t> offsets_;  // of the content of each entry
};

}  // namespace

std::shared_ptr<const LayerContent> make_tar_content(std::shared_ptr<const StoredTar> tar,
                                                     const LayerIndex& index) {
  return std::make_shared<TarContent>(std::move(tar), index);
}

}  // namespace slipway::builder
