#pragma once

#include <memory>
#include <string>

#include "base/compress.h"
#include "base/digest.h"
#include "base/stream.h"
#include "cache/content/ids.h"
#include "cache/records/rows.h"

// What moving layers between their forms has in common.

namespace slipway::builder {

// Hashes and counts what passes.
class HashingSource : public base::Source {
 public:
  explicit HashingSource(base::Source& next) : next_(&next) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    hash_.update({bytes.data(), count});
    size_ += count;
    return count;
  }
  base::Digest finish() { return hash_.finish(); }
  std::uint64_t size() const { return size_; }

 private:
  base::Source* next_;  // owned by the caller
  base::Sha256 hash_;
  std::uint64_t size_ = 0;
};

// Copies what passes into a sink.
class TeeSource : public base::Source {
 public:
  TeeSource(std::unique_ptr<base::Source> next, base::Sink& copy)
      : next_(std::move(next)), copy_(&copy) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    copy_->write({bytes.data(), count});
    return count;
  }

 private:
  std::unique_ptr<base::Source> next_;
  base::Sink* copy_;  // owned by the caller
};

// Copies what passes into a second sink, which may be null and is not finished.
class ForkingSink : public base::Sink {
 public:
  ForkingSink(base::Sink& next, base::Sink* copy) : next_(&next), copy_(copy) {}
  void write(std::string_view bytes) override {
    next_->write(bytes);
    if (copy_ != nullptr) {
      copy_->write(bytes);
    }
  }
  void finish() override { next_->finish(); }

 private:
  base::Sink* next_;  // both owned by the caller
  base::Sink* copy_;
};

// bzip2 and xz are no compressions of layers and have no row: kNone.
cache::Compression row_compression(base::Compression compression);
base::Compression compression_of_row(cache::Compression compression);
// OCI image-spec, layer.md, media types.
std::string layer_media_type(base::Compression compression);
// Of a blob that was made here, with these options.
cache::LayerBlobRow made_blob_row(const cache::DiffId& diff_id, const cache::BlobInfo& blob,
                                  const base::CompressOptions& compress);

// kIntegrity: the layer is not the one that it was said to be.
void expect_diff_id(const cache::DiffId& wanted, const base::Digest& got);

}  // namespace slipway::builder
