#include "builder/layer/stored_tar.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/fs.h"
#include "base/read_ahead.h"
#include "base/text.h"
#include "builder/layer/layer_patch.h"
#include "builder/layer/layer_streams.h"

namespace slipway::builder {

namespace {

using base::cat;

class PiecesSource : public base::Source {
 public:
  PiecesSource(std::vector<StoredTar::Piece> pieces, std::string object)
      : pieces_(std::move(pieces)), object_(std::move(object)) {}

  std::size_t read(std::span<char> bytes) override {
    while (next_ < pieces_.size()) {
      if (!open_) {
        const StoredTar::Piece& piece = pieces_[next_];
        open_.emplace(piece.file, piece.offset, piece.size, object_);
      }
      if (std::size_t count = open_->read(bytes); count > 0 || bytes.empty()) {
        return count;
      }
      open_.reset();
      ++next_;
    }
    return 0;
  }

 private:
  std::vector<StoredTar::Piece> pieces_;
  std::string object_;
  std::size_t next_ = 0;
  std::optional<base::FdRangeSource> open_;
};

bool holds_all(cache::Store& store, const std::vector<base::Digest>& blobs) {
  return !blobs.empty() && std::ranges::all_of(blobs, [&](const base::Digest& digest) {
    return store.blobs().hold(digest);
  });
}

std::optional<cache::LayerBlobRow> find_local_blob(cache::Store& store,
                                                   const cache::DiffId& diff_id) {
  for (cache::LayerBlobRow& row : store.layers().blobs(diff_id)) {
    if (store.blobs().hold(row.blob.digest)) {
      return std::move(row);
    }
  }
  return std::nullopt;
}

}  // namespace

StoredTar::StoredTar(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  std::uint64_t end = 0;
  for (const Piece& piece : pieces_) {
    end += piece.size;
    ends_.push_back(end);
  }
}

std::vector<StoredTar::Piece> StoredTar::cut(std::uint64_t offset, std::uint64_t size) const {
  assert(offset <= this->size() && size <= this->size() - offset);
  std::vector<Piece> found;
  auto end = std::upper_bound(ends_.begin(), ends_.end(), offset);
  for (auto i = static_cast<std::size_t>(end - ends_.begin()); size > 0; ++i) {
    Piece piece = pieces_[i];
    std::uint64_t skipped = offset - (ends_[i] - piece.size);
    piece.offset += skipped;
    piece.size = std::min(piece.size - skipped, size);
    offset += piece.size;
    size -= piece.size;
    found.push_back(std::move(piece));
  }
  return found;
}

std::unique_ptr<base::Source> open_pieces(std::vector<StoredTar::Piece> pieces,
                                          std::string object) {
  return std::make_unique<PiecesSource>(std::move(pieces), std::move(object));
}

std::shared_ptr<const StoredTar> find_stored_tar(cache::Store& store,
                                                 const cache::DiffId& diff_id) {
  if (store.blobs().hold(diff_id.digest())) {
    auto file = std::make_shared<const base::Fd>(store.blobs().open_file(diff_id.digest()));
    std::uint64_t size = static_cast<std::uint64_t>(base::get_status(*file, "").st_size);
    return std::make_shared<const StoredTar>(
        std::vector<StoredTar::Piece>{{diff_id.digest(), std::move(file), 0, size}});
  }
  std::vector<base::Digest> blobs = store.layers().patch_blobs(diff_id);
  return holds_all(store, blobs) ? open_patch(store, blobs) : nullptr;
}

std::unique_ptr<base::Source> find_tar(cache::Store& store, const cache::DiffId& diff_id,
                                       bool ahead) {
  if (std::shared_ptr<const StoredTar> stored = find_stored_tar(store, diff_id)) {
    // It is read faster than it could be handed over.
    return open_pieces(stored->pieces(), cat("layer ", diff_id.text()));
  }
  std::optional<cache::LayerBlobRow> row = find_local_blob(store, diff_id);
  if (!row) {
    return nullptr;
  }
  auto plain = base::make_decompressor(store.blobs().open(row->blob.digest),
                                       compression_of_row(row->compression),
                                       cat("blob ", row->blob.digest.text()));
  return ahead ? base::make_read_ahead(std::move(plain)) : std::move(plain);
}

bool has_tar(cache::Store& store, const cache::DiffId& diff_id) {
  return store.blobs().hold(diff_id.digest()) ||
         holds_all(store, store.layers().patch_blobs(diff_id)) || find_local_blob(store, diff_id);
}

}  // namespace slipway::builder
