#include "builder/layer/layer_streams.h"

#include "base/text.h"

namespace slipway::builder {

cache::Compression row_compression(base::Compression compression) {
  switch (compression) {
    case base::Compression::kGzip:
      return cache::Compression::kGzip;
    case base::Compression::kZstd:
      return cache::Compression::kZstd;
    default:
      return cache::Compression::kNone;
  }
}

base::Compression compression_of_row(cache::Compression compression) {
  switch (compression) {
    case cache::Compression::kGzip:
      return base::Compression::kGzip;
    case cache::Compression::kZstd:
      return base::Compression::kZstd;
    case cache::Compression::kNone:
      break;
  }
  return base::Compression::kNone;
}

std::string layer_media_type(base::Compression compression) {
  std::string type = "application/vnd.oci.image.layer.v1.tar";
  return compression == base::Compression::kNone
             ? type
             : base::cat(type, "+", base::compression_name(compression));
}

cache::LayerBlobRow made_blob_row(const cache::DiffId& diff_id, const cache::BlobInfo& blob,
                                  const base::CompressOptions& compress) {
  return {.diff_id = diff_id,
          .encoder = base::encoder_id(compress),
          .compression = row_compression(compress.compression),
          .blob = blob,
          .media_type = layer_media_type(compress.compression)};
}

void expect_diff_id(const cache::DiffId& wanted, const base::Digest& got) {
  if (got != wanted.digest()) {
    base::fail(base::ErrorKind::kIntegrity,
               base::cat("layer has diff ID ", got.text(), ", expected ", wanted.text()));
  }
}

}  // namespace slipway::builder
