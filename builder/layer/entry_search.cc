#include "builder/layer/entry_search.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/stream.h"

namespace slipway::builder {

namespace {

class Search {
 public:
  explicit Search(std::span<const std::string> texts) : texts_(texts) {
    for (const std::string& text : texts) {
      longest_ = std::max(longest_, text.size());
    }
  }

  bool is_useless() const { return longest_ == 0; }

  bool is_in(std::string_view bytes) const {
    return std::ranges::any_of(texts_, [&](const std::string& text) {
      return !text.empty() && bytes.find(text) != std::string_view::npos;
    });
  }

  // A text may lie across two pieces: the end of each is looked at again with the next.
  bool is_in(base::Source& source, const std::stop_token& stop) {
    buffer_.resize(longest_ - 1 + base::kCopyPieceBytes);
    std::size_t kept = 0;
    while (std::size_t count = source.read({buffer_.data() + kept, buffer_.size() - kept})) {
      base::throw_if_stopped(stop);
      std::size_t filled = kept + count;
      if (is_in(std::string_view(buffer_.data(), filled))) {
        return true;
      }
      kept = std::min(filled, longest_ - 1);
      std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(filled - kept), kept,
                  buffer_.begin());
    }
    return false;
  }

  bool is_in(const LayerEntry& entry, const std::stop_token& stop) {
    const Entry& written = entry.entry;
    if (is_in(written.path.text()) || is_in(written.link_target) ||
        std::ranges::any_of(written.xattrs,
                            [&](const base::Xattr& xattr) { return is_in(xattr.second); })) {
      return true;
    }
    if (written.type != EntryType::kFile || written.size == 0) {
      return false;
    }
    if (entry.text) {
      return is_in(*entry.text);
    }
    Entry file = written;
    file.path = entry.view_path;
    return is_in(*entry.view->open(file), stop);
  }

 private:
  std::span<const std::string> texts_;
  std::size_t longest_ = 0;
  std::vector<char> buffer_;
};

}  // namespace

std::optional<base::ImagePath> find_entry_with(const LayerEntries& layer,
                                               std::span<const std::string> texts,
                                               const std::stop_token& stop) {
  Search search(texts);
  if (search.is_useless()) {
    return std::nullopt;
  }
  for (const LayerEntry& entry : layer.entries) {
    if (search.is_in(entry, stop)) {
      return entry.entry.path;
    }
  }
  return std::nullopt;
}

}  // namespace slipway::builder
