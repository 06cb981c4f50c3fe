#include "builder/layer/entry_search.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using tests::entries_of;

std::string found_in(const LayerEntries& layer, std::vector<std::string> texts) {
  std::optional<base::ImagePath> path = find_entry_with(layer, texts, {});
  return path ? std::string(path->text()) : "nowhere";
}

LayerEntries file_with(std::string content) {
  LayerEntries layer;
  LayerEntry file;
  file.entry.path = base::ImagePath::clean("/file");
  file.entry.size = content.size();
  file.text = std::make_shared<const std::string>(std::move(content));
  layer.entries.push_back(std::move(file));
  return layer;
}

// A view that gives its file in pieces of one size.
class Pieces : public TreeView {
 public:
  Pieces(std::string content, std::size_t size) : content_(std::move(content)), size_(size) {}
  std::optional<Entry> find(const base::ImagePath&) const override { return std::nullopt; }
  std::vector<Entry> children(const base::ImagePath&) const override { return {}; }
  base::Digest digest(const Entry&) const override { return base::sha256_of(content_); }
  std::uint64_t link_group(const Entry&) const override { return 0; }
  std::unique_ptr<base::Source> open(const Entry&) const override {
    struct Reader : base::Source {
      Reader(std::string_view bytes, std::size_t size) : left(bytes), piece(size) {}
      std::size_t read(std::span<char> bytes) override {
        std::size_t count = std::min({bytes.size(), piece, left.size()});
        std::copy_n(left.begin(), count, bytes.begin());
        left.remove_prefix(count);
        return count;
      }
      std::string_view left;
      std::size_t piece;
    };
    return std::make_unique<Reader>(content_, size_);
  }

 private:
  std::string content_;
  std::size_t size_;
};

TEST(EntrySearch, LooksIntoContentsNamesLinksAndAttributes) {
  EXPECT_EQ(found_in(file_with("a secret word"), {"absent", "secret"}), "/file");
  EXPECT_EQ(found_in(file_with("a secre"), {"secret"}), "nowhere");
  EXPECT_EQ(found_in(entries_of("d /a\nd /a/secret"), {"secret"}), "/a/secret");
  EXPECT_EQ(found_in(entries_of("d /a\nl /link to/secret"), {"secret"}), "/link");
  LayerEntries layer = file_with("");
  layer.entries[0].entry.xattrs.push_back({"user.x", "my secret"});
  EXPECT_EQ(found_in(layer, {"secret"}), "/file");
}

TEST(EntrySearch, FindsNothingWithoutTexts) {
  EXPECT_EQ(found_in(file_with("word"), {}), "nowhere");
  EXPECT_EQ(found_in(file_with("word"), {""}), "nowhere");
}

TEST(EntrySearch, FindsATextAcrossPieces) {
  const std::string text = "secret";
  for (std::size_t piece : {1U, 2U, 5U, 7U, 1000U}) {
    for (std::size_t before : {0U, 1U, 9U, 65'533U}) {
      std::string content = cat(std::string(before, 's'), text, "t");
      Pieces view(content, piece);
      LayerEntries layer = file_with("");
      layer.entries[0].text = nullptr;
      layer.entries[0].view = &view;
      layer.entries[0].entry.size = content.size();
      EXPECT_EQ(found_in(layer, {"x", text}), "/file") << piece << " " << before;
      EXPECT_EQ(found_in(layer, {"sercet"}), "nowhere");
    }
  }
}

}  // namespace
}  // namespace slipway::builder
