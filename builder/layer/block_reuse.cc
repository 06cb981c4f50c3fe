#include "builder/layer/block_reuse.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/piece_checks.h"
#include "base/text.h"
#include "builder/layer/binary.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/layer_streams.h"
#include "builder/layer/stored_tar.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::CompressedBlock;

constexpr std::uint64_t kVersion = 1;
// 32 GiB of tar or more; the blocks of larger ones are not kept.
constexpr std::size_t kBlocksMax = 1 << 16;
// Smaller layers are compressed faster than looked up.
constexpr std::uint64_t kTarBytesMin = 4 << 20;
// One part in so many of the samples, and of the tar, has to be common.
constexpr std::size_t kSamples = 64;
constexpr std::size_t kCommonPart = 8;
// How far ahead the disk is told what will be read.
constexpr std::uint64_t kAdvisedBytes = 8 << 20;

bool looks_alike(const LayerIndex& newer, const LayerIndex& older) {
  std::size_t common = 0;
  std::size_t count = std::min(newer.size(), kSamples);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t place = i * newer.size() / count;
    std::optional<std::size_t> there = older.find_place(newer.path_at(place));
    common += there && newer.has_same(place, older, *there) ? 1U : 0U;
  }
  return common > count / kCommonPart;
}

// Goes through the entries of both tars at once.
class Comparison {
 public:
  Comparison(const LayerIndex& newer, const LayerIndex& older) : newer_(&newer), older_(&older) {}

  TarComparison run() {
    result_.starts.reserve(newer_->size() + 1);
    for (std::size_t i = 0; i < newer_->size(); ++i) {
      Entry entry = newer_->at(i);
      bool needs_digest = entry.type == EntryType::kFile && entry.size > 0;
      result_.has_digests = result_.has_digests && (!needs_digest || entry.digest.has_value());
      add(i, tar::size_in_tar(entry, headers_));
    }
    skip_older([](std::string_view) { return true; });
    result_.starts.push_back(place_);
    return std::move(result_);
  }

 private:
  void add(std::size_t number, std::uint64_t size) {
    std::string_view path = newer_->path_at(number);
    skip_older([&](std::string_view there) { return base::compare_tree_order(there, path) < 0; });
    result_.starts.push_back(place_);
    if (next_ < older_->size() && newer_->has_same(number, *older_, next_)) {
      add_common(size);
      result_.older_end += size;
      ++next_;
    }
    place_ += size;
  }

  template <typename Predicate>
  void skip_older(Predicate is_before) {
    while (next_ < older_->size() && is_before(older_->path_at(next_))) {
      result_.older_end += tar::size_in_tar(older_->at(next_++), headers_);
    }
  }

  void add_common(std::uint64_t size) {
    if (!result_.common.empty()) {
      CommonRange& last = result_.common.back();
      if (last.offset + last.size == place_ && last.older_offset + last.size == result_.older_end) {
        last.size += size;
        return;
      }
    }
    result_.common.push_back({place_, result_.older_end, size});
  }

  const LayerIndex* newer_;
  const LayerIndex* older_;
  std::size_t next_ = 0;  // of the older one's entries
  std::uint64_t place_ = 0;
  TarComparison result_;
  std::string headers_;  // kept for its memory
};

std::uint64_t common_bytes(const TarComparison& comparison) {
  std::uint64_t bytes = 0;
  for (const CommonRange& range : comparison.common) {
    bytes += range.size;
  }
  return bytes;
}

// A layer that was made here, and its blob.
struct OlderLayer {
  cache::LayerRow row;
  cache::LayerBlobRow blob;
};

struct Match {
  TarComparison comparison;
  OlderBlocks blocks;
};

constexpr std::uint64_t kEndBytes = 2 * tar::kBlockBytes;

// What the tar of that index can have of the older layer's blob.
std::optional<Match> match(const ReuseSources& sources, const LayerIndex& index,
                           const OlderLayer& older) {
  const base::Digest& blob = older.blob.blob.digest;
  std::optional<std::vector<CompressedBlock>> blocks =
      parse_blocks(sources.store->layers().find_blocks(blob).value_or(""));
  std::optional<LayerIndex> older_index = sources.find_index(older.row.diff_id);
  if (!older.row.canonical || !blocks || !older_index) {
    return std::nullopt;
  }
  std::optional<TarComparison> comparison = compare_tars(index, *older_index);
  // The sizes differ if the older tar was not written as this program writes them.
  if (!comparison || comparison->older_end + kEndBytes != older.row.tar_size ||
      common_bytes(*comparison) < comparison->starts.back() / kCommonPart) {
    return std::nullopt;
  }
  OlderBlocks taken(
      std::move(comparison->common),
      {.blocks = *blocks,
       .first_offset = base::first_block_offset(compression_of_row(older.blob.compression)),
       .file = std::make_shared<const base::Fd>(sources.store->blobs().open_file(blob))});
  return Match{*std::move(comparison), std::move(taken)};
}

// As the layer will have it; nothing if that is not known yet (the attributes of a hard link are
// known when its first name was written).
std::optional<LayerIndex> planned_index(const LayerEntries& layer) {
  LayerIndexBuilder builder;
  for (const LayerEntry& planned : layer.entries) {
    if (planned.entry.type == EntryType::kHardlink) {
      return std::nullopt;
    }
    Entry entry = planned.entry;
    entry.mtime.nanoseconds = 0;  // what the tar can say
    builder.add(entry);
  }
  return builder.finish();
}

// How to open a file of the layer without unpacking anything; nothing if its bytes are not here.
std::optional<CanonicalTar::OpenContent> find_content(cache::Store& store,
                                                      const cache::DiffId& diff_id) {
  if (std::shared_ptr<const StoredTar> tar = find_stored_tar(store, diff_id)) {
    return [tar](const Entry& file, std::uint64_t offset) {
      if (offset > tar->size() || file.size > tar->size() - offset) {
        base::fail(base::ErrorKind::kIntegrity,
                   cat("the tar of a layer ends before its file ", file.path.text()));
      }
      return open_pieces(tar->cut(offset, file.size), file.path.text());
    };
  }
  if (std::optional<std::string> tree = store.trees().find(diff_id)) {
    auto content = std::make_shared<TreeContent>(base::open_directory(*tree));
    return [content](const Entry& file, std::uint64_t) { return content->open(file); };
  }
  return std::nullopt;
}

}  // namespace

std::string serialise_blocks(std::span<const CompressedBlock> blocks) {
  std::string out;
  if (blocks.size() < 2 || blocks.size() > kBlocksMax) {
    return out;
  }
  append_number(out, kVersion);
  append_number(out, blocks.size() - 1);
  for (const CompressedBlock& block : blocks.first(blocks.size() - 1)) {
    append_number(out, block.size);
    append_number(out, block.compressed_size);
    append_fixed32(out, block.crc);
    append_fixed64(out, block.check);
  }
  return out;
}

std::optional<std::vector<CompressedBlock>> parse_blocks(std::string_view bytes) {
  BinaryReader reader(bytes);
  std::uint64_t version = reader.number();
  std::uint64_t count = reader.number();
  if (version != kVersion || count > kBlocksMax) {
    return std::nullopt;
  }
  std::vector<CompressedBlock> blocks;
  for (std::uint64_t i = 0; i < count && reader.good(); ++i) {
    CompressedBlock block{.size = reader.number32(), .compressed_size = reader.number32()};
    std::string_view sums = reader.raw(sizeof block.crc + sizeof block.check);
    if (!reader.good() || block.size < base::kBlockBytesMin || block.size > base::kBlockBytesMax ||
        block.compressed_size == 0 || block.compressed_size > 2 * base::kBlockBytesMax) {
      return std::nullopt;
    }
    block.crc = fixed32_at(sums, 0);
    block.check = fixed64_at(sums, sizeof block.crc);
    blocks.push_back(block);
  }
  return reader.good() && reader.at_end() ? std::optional(std::move(blocks)) : std::nullopt;
}

std::optional<TarComparison> compare_tars(const LayerIndex& newer, const LayerIndex& older) {
  if (!looks_alike(newer, older)) {
    return std::nullopt;
  }
  return Comparison(newer, older).run();
}

OlderBlocks::OlderBlocks(std::vector<CommonRange> common, Blob blob)
    : common_(std::move(common)), blob_(std::move(blob.file)) {
  std::uint64_t place = 0;
  std::uint64_t offset = blob.first_offset;
  for (const CompressedBlock& block : blob.blocks) {
    blocks_.push_back({place, offset, block});
    place += block.size;
    offset += block.compressed_size;
  }
}

std::optional<OlderBlocks::Found> OlderBlocks::find(std::uint64_t place) {
  const Placed* placed = damaged_ ? nullptr : find_placed(place);
  if (placed == nullptr) {
    return std::nullopt;
  }
  if (!read(*placed)) {
    damaged_ = true;
    return std::nullopt;
  }
  return Found{placed->block, {buffer_.data(), buffer_.size()}};
}

const OlderBlocks::Placed* OlderBlocks::find_placed(std::uint64_t place) const {
  auto range = std::ranges::upper_bound(common_, place, {}, &CommonRange::offset);
  if (range == common_.begin()) {
    return nullptr;
  }
  --range;
  if (place >= range->offset + range->size) {
    return nullptr;
  }
  std::uint64_t older_place = range->older_offset + (place - range->offset);
  auto placed = std::ranges::lower_bound(blocks_, older_place, {}, &Placed::place);
  if (placed == blocks_.end() || placed->place != older_place ||
      older_place + placed->block.size > range->older_offset + range->size) {
    return nullptr;
  }
  return &*placed;
}

std::optional<CompressedBlock> OlderBlocks::expect(std::uint64_t place) const {
  const Placed* placed = damaged_ ? nullptr : find_placed(place);
  return placed == nullptr ? std::nullopt : std::optional(placed->block);
}

bool OlderBlocks::read(const Placed& placed) {
  advise(placed.offset);
  buffer_.resize(placed.block.compressed_size);
  std::size_t filled = 0;
  while (filled < buffer_.size()) {
    auto count = base::check(
        [&] {
          return ::pread(blob_->get(), buffer_.data() + filled, buffer_.size() - filled,
                         static_cast<off_t>(placed.offset + filled));
        },
        "pread", "blob of an older layer");
    if (count == 0) {
      return false;
    }
    filled += static_cast<std::size_t>(count);
  }
  return base::check_of({buffer_.data(), buffer_.size()}) == placed.block.check;
}

// A blob that was only pushed is not in the page cache: the disk begins to read what comes next.
// Only advice, so nothing depends on the answer.
void OlderBlocks::advise(std::uint64_t offset) {
  if (advised_ < offset + kAdvisedBytes / 2) {
    advised_ = std::max(advised_, offset);
    ::posix_fadvise(blob_->get(), static_cast<off_t>(advised_), kAdvisedBytes, POSIX_FADV_WILLNEED);
    advised_ += kAdvisedBytes;
  }
}

void compress_tar(CanonicalTar& tar, OlderBlocks& older, base::BlockCompressor& out,
                  const std::stop_token& stop) {
  std::vector<char> buffer(base::kCopyPieceBytes);
  std::string_view left;  // what was read and not written yet
  std::uint64_t place = 0;
  while (place < tar.size()) {
    base::throw_if_stopped(stop);
    if (out.is_between_blocks()) {
      if (std::optional<OlderBlocks::Found> found = older.find(place)) {
        out.put(found->block, found->compressed);
        place += found->block.size;
        left = {};
        continue;
      }
    }
    if (left.empty()) {
      left = {buffer.data(), tar.read(place, buffer)};
    }
    std::size_t count = out.write_some(left);
    left.remove_prefix(count);
    place += count;
  }
  tar.finish();
  out.finish();
}

void ReusingSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!expected_ && out_->is_between_blocks()) {
      expected_ = older_.expect(place_);
    }
    std::size_t count = 0;
    if (expected_) {
      count = std::min<std::size_t>(expected_->size - held_.size(), bytes.size());
      held_ += bytes.substr(0, count);
    } else {
      count = out_->write_some(bytes);
    }
    bytes.remove_prefix(count);
    place_ += count;
    if (expected_ && held_.size() == expected_->size) {
      settle();
    }
  }
}

void ReusingSink::settle() {
  std::optional<OlderBlocks::Found> found;
  if (held_.size() == expected_->size && base::crc_of(held_) == expected_->crc) {
    found = older_.find(place_ - held_.size());
  }
  if (found) {
    out_->put(found->block, found->compressed);
  } else {
    out_->write(held_);
  }
  expected_.reset();
  held_.clear();
}

void ReusingSink::finish() {
  if (expected_) {
    settle();
  }
  out_->finish();
}

std::optional<BlocksOfSimilar> find_blocks_of_similar(const ReuseSources& sources,
                                                      const LayerEntries& layer,
                                                      const cache::DiffId& similar,
                                                      std::string_view encoder) {
  cache::Store& store = *sources.store;
  std::optional<cache::LayerRow> row = store.layers().find(similar);
  std::optional<cache::LayerBlobRow> blob = store.layers().find_blob(similar, encoder);
  if (!row || row->tar_size < kTarBytesMin || !blob || !store.blobs().hold(blob->blob.digest)) {
    return std::nullopt;
  }
  std::optional<LayerIndex> index = planned_index(layer);
  std::optional<Match> matched = index ? match(sources, *index, {*row, *blob}) : std::nullopt;
  if (!matched) {
    return std::nullopt;
  }
  return BlocksOfSimilar{blob->blob.digest, std::move(matched->blocks)};
}

bool compress_from_sibling(const ReuseSources& sources, const cache::LayerRow& layer,
                           std::string_view encoder, base::BlockCompressor& out,
                           const std::stop_token& stop) {
  cache::Store& store = *sources.store;
  if (!layer.canonical || layer.tar_size < kTarBytesMin) {
    return false;
  }
  std::optional<cache::LayerBlobRow> blob =
      store.layers().find_sibling_blob(layer.diff_id, encoder);
  if (!blob || !store.blobs().hold(blob->blob.digest)) {
    return false;
  }
  std::optional<cache::LayerRow> older = store.layers().find(blob->diff_id);
  std::optional<CanonicalTar::OpenContent> content = find_content(store, layer.diff_id);
  std::optional<LayerIndex> index = sources.find_index(layer.diff_id);
  if (!older || !content || !index) {
    return false;
  }
  std::optional<Match> matched = match(sources, *index, {*older, *blob});
  if (!matched || !matched->comparison.has_digests ||
      matched->comparison.starts.back() + kEndBytes != layer.tar_size) {
    return false;
  }
  CanonicalTar tar(*std::move(index), std::move(matched->comparison.starts), *std::move(content));
  compress_tar(tar, matched->blocks, out, stop);
  if (matched->blocks.is_damaged()) {
    store.blobs().discard(blob->blob.digest);
  }
  return true;
}

}  // namespace slipway::builder
