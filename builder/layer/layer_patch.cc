#include "builder/layer/layer_patch.h"

#include <algorithm>

#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/binary.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::Digest;

constexpr std::string_view kMagic = "slipway-patch-1\n";
constexpr std::size_t kEndBytes = 4 + kMagic.size();
constexpr std::size_t kDigestBytes = 32;

// Below that, a tar of its own is read with one call and costs nothing worth saving.
constexpr std::uint64_t kTarBytesMin = std::uint64_t{4} << 20;
// So much of a patched tar may be new: one part in so many.
constexpr std::uint64_t kNewPart = 4;
// The blobs that it takes from may be so many times as large as itself.
constexpr std::uint64_t kOthersTimes = 2;
constexpr std::size_t kPiecesMax = 4096;
constexpr std::size_t kOtherBlobsMax = 32;
// Sizes of the above, generously.
constexpr std::uint32_t kTableBytesMax = 1 << 20;

// Goes through the entries of both tars at once.
class Comparison {
 public:
  explicit Comparison(const LayerIndex& older) : older_(&older) {}

  void add(Entry entry) {
    entry.mtime.nanoseconds = 0;  // what the tar can say
    std::uint64_t size = tar::size_in_tar(entry, headers_);
    skip_before(entry.path);
    if (next_ < older_->size() && older_->path_at(next_) == entry.path.relative()) {
      Entry there = older_->at(next_++);
      bool is_same = there == entry;
      std::uint64_t there_size = is_same ? size : tar::size_in_tar(there, headers_);
      if (is_same) {
        add_common(size);
      }
      older_place_ += there_size;
    }
    place_ += size;
  }

  std::uint64_t size() const { return place_; }
  std::vector<CommonRange> take() { return std::move(common_); }

 private:
  void skip_before(const base::ImagePath& path) {
    while (next_ < older_->size() &&
           base::compare_tree_order(older_->path_at(next_), path.relative()) < 0) {
      older_place_ += tar::size_in_tar(older_->at(next_++), headers_);
    }
  }

  void add_common(std::uint64_t size) {
    if (!common_.empty()) {
      CommonRange& last = common_.back();
      if (last.offset + last.size == place_ && last.older_offset + last.size == older_place_) {
        last.size += size;
        return;
      }
    }
    common_.push_back({place_, older_place_, size});
  }

  const LayerIndex* older_;
  std::size_t next_ = 0;
  std::uint64_t older_place_ = 0;
  std::uint64_t place_ = 0;
  std::vector<CommonRange> common_;
  std::string headers_;  // kept for its memory
};

// Puts the new tar together: the older one's pieces where they have something in common, and new
// bytes, as they will stand in the patch's blob, between.
class Composition {
 public:
  explicit Composition(PatchPlan& plan) : plan_(&plan) {}

  void run(const StoredTar& older) {
    for (const CommonRange& range : plan_->common) {
      add_new(range.offset);
      for (const StoredTar::Piece& piece : older.cut(range.older_offset, range.size)) {
        plan_->pieces.push_back({number_of(piece), piece.offset, piece.size});
      }
      place_ = range.offset + range.size;
    }
    add_new(plan_->tar_size);
  }

  // Of all other blobs together.
  std::uint64_t other_bytes() const { return other_bytes_; }

 private:
  void add_new(std::uint64_t end) {
    if (end > place_) {
      plan_->pieces.push_back({0, own_, end - place_});
      own_ += end - place_;
    }
  }

  std::size_t number_of(const StoredTar::Piece& piece) {
    std::vector<Digest>& blobs = plan_->other_blobs;
    auto found = std::ranges::find(blobs, piece.blob);
    if (found == blobs.end()) {
      other_bytes_ += static_cast<std::uint64_t>(base::get_status(*piece.file, "").st_size);
      found = blobs.insert(blobs.end(), piece.blob);
    }
    return static_cast<std::size_t>(found - blobs.begin()) + 1;
  }

  PatchPlan* plan_;
  std::uint64_t place_ = 0;
  std::uint64_t own_ = 0;
  std::uint64_t other_bytes_ = 0;
};

std::uint64_t new_bytes(const PatchPlan& plan) {
  std::uint64_t bytes = plan.tar_size;
  for (const CommonRange& range : plan.common) {
    bytes -= range.size;
  }
  return bytes;
}

// It counts as absent from now on.
[[noreturn]] void fail_damaged(cache::Store& store, const Digest& patch, std::string_view how) {
  store.blobs().discard(patch);
  base::fail(base::ErrorKind::kIntegrity,
             cat("the layer patch ", patch.text(), " is damaged: ", how), "build again");
}

std::string read_at(const base::Fd& file, std::uint64_t offset, std::size_t size,
                    const std::string& object) {
  auto shared = std::make_shared<const base::Fd>(file.duplicate());
  base::FdRangeSource source(std::move(shared), offset, size, object);
  return base::read_all(source, size, object);
}

}  // namespace

std::optional<PatchPlan> plan_patch(const LayerEntries& layer, const LayerIndex& older,
                                    const StoredTar& older_tar) {
  Comparison comparison(older);
  for (const LayerEntry& planned : layer.entries) {
    if (planned.entry.type == EntryType::kHardlink) {
      return std::nullopt;  // its attributes are known when its first name was written
    }
    comparison.add(planned.entry);
  }
  PatchPlan plan{.tar_size = comparison.size() + 2 * tar::kBlockBytes,
                 .common = comparison.take(),
                 .other_blobs = {},
                 .pieces = {}};
  if (plan.tar_size < kTarBytesMin || new_bytes(plan) > plan.tar_size / kNewPart ||
      plan.common.size() > kPiecesMax) {
    return std::nullopt;
  }
  for (const CommonRange& range : plan.common) {
    if (range.older_offset > older_tar.size() ||
        range.size > older_tar.size() - range.older_offset) {
      return std::nullopt;  // the index is not that of this tar
    }
  }
  Composition composition(plan);
  composition.run(older_tar);
  if (plan.pieces.size() > kPiecesMax || plan.other_blobs.size() > kOtherBlobsMax ||
      composition.other_bytes() > kOthersTimes * plan.tar_size) {
    return std::nullopt;
  }
  return plan;
}

void PatchSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    while (next_ < plan_->common.size() &&
           plan_->common[next_].offset + plan_->common[next_].size <= place_) {
      ++next_;
    }
    std::uint64_t end = plan_->tar_size;  // of what is alike from here on
    bool is_common = false;
    if (next_ < plan_->common.size()) {
      const CommonRange& range = plan_->common[next_];
      is_common = range.offset <= place_;
      end = is_common ? range.offset + range.size : range.offset;
    }
    if (end <= place_) {
      base::fail(base::ErrorKind::kInternal, "the tar is longer than its plan");
    }
    auto count = static_cast<std::size_t>(std::min<std::uint64_t>(end - place_, bytes.size()));
    if (is_common) {
      compare(plan_->common[next_], bytes.substr(0, count));
    } else {
      own_->write(bytes.substr(0, count));
    }
    bytes.remove_prefix(count);
    place_ += count;
  }
}

void PatchSink::compare(const CommonRange& range, std::string_view bytes) {
  if (place_ == range.offset) {
    there_ = open_pieces(older_->cut(range.older_offset, range.size), "older layer");
  }
  buffer_.resize(std::max(buffer_.size(), bytes.size()));
  std::size_t count = base::read_full(*there_, std::span(buffer_).first(bytes.size()));
  differs_ = differs_ || std::string_view(buffer_.data(), count) != bytes;
}

void PatchSink::finish() {
  if (place_ != plan_->tar_size) {
    base::fail(base::ErrorKind::kInternal,
               cat("the tar has ", place_, " bytes and not ", plan_->tar_size, " as planned"));
  }
}

std::string serialise_table(const PatchPlan& plan) {
  std::string table;
  append_number(table, plan.other_blobs.size());
  for (const Digest& blob : plan.other_blobs) {
    table += blob.sha256_raw();
  }
  append_number(table, plan.pieces.size());
  for (const PatchPiece& piece : plan.pieces) {
    append_number(table, piece.blob);
    append_number(table, piece.offset);
    append_number(table, piece.size);
  }
  auto size = static_cast<std::uint32_t>(table.size());
  append_fixed32(table, size);
  table += kMagic;
  return table;
}

std::shared_ptr<const StoredTar> open_patch(cache::Store& store, const std::vector<Digest>& blobs) {
  const Digest& patch = blobs.front();
  struct OpenBlob {
    Digest digest;
    std::shared_ptr<const base::Fd> file;
    std::uint64_t size = 0;
  };
  std::vector<OpenBlob> open;
  auto add = [&](const Digest& digest) {
    auto file = std::make_shared<const base::Fd>(store.blobs().open_file(digest));
    auto size = static_cast<std::uint64_t>(base::get_status(*file, "").st_size);
    open.push_back({digest, std::move(file), size});
  };
  add(patch);
  std::uint64_t size = open[0].size;
  std::string object = cat("layer patch ", patch.text());
  if (size < kEndBytes) {
    fail_damaged(store, patch, "it is too short");
  }
  std::string end = read_at(*open[0].file, size - kEndBytes, kEndBytes, object);
  std::uint32_t table_size = fixed32_at(end, 0);
  if (!end.ends_with(kMagic) || table_size > kTableBytesMax || table_size > size - kEndBytes) {
    fail_damaged(store, patch, "it does not end as a patch");
  }
  open[0].size = size - kEndBytes - table_size;  // the new bytes
  std::string table = read_at(*open[0].file, open[0].size, table_size, object);
  BinaryReader reader(table);
  for (std::uint64_t left = reader.number(); left > 0 && reader.good(); --left) {
    std::string_view raw = reader.raw(kDigestBytes);
    auto named = std::ranges::find_if(
        blobs, [&](const Digest& digest) { return digest.sha256_raw() == raw; });
    if (named == blobs.end()) {
      fail_damaged(store, patch, "it takes from a blob that the store does not name");
    }
    add(*named);
  }
  std::vector<StoredTar::Piece> pieces;
  for (std::uint64_t left = reader.number(); left > 0 && reader.good(); --left) {
    std::uint64_t number = reader.number();
    std::uint64_t offset = reader.number();
    std::uint64_t piece_size = reader.number();
    if (number >= open.size() || piece_size == 0 || offset > open[number].size ||
        piece_size > open[number].size - offset) {
      fail_damaged(store, patch, "a piece lies outside of its blob");
    }
    pieces.push_back({open[number].digest, open[number].file, offset, piece_size});
  }
  if (!reader.good() || !reader.at_end()) {
    fail_damaged(store, patch, "its table can't be read");
  }
  return std::make_shared<const StoredTar>(std::move(pieces));
}

}  // namespace slipway::builder
