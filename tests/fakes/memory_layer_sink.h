#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "base/guarded.h"
#include "base/text.h"
#include "registry/pull.h"

namespace slipway::tests {

// Layers kept as the bytes that came; of uncompressed ones the diff ID is checked.
class MemoryLayerSink : public registry::LayerSink {
 public:
  bool has(const cache::DiffId& diff_id) override { return layers_.lock()->contains(diff_id); }
  void put(std::unique_ptr<base::Source> blob, const registry::Descriptor& descriptor,
           const cache::DiffId& diff_id, std::stop_token stop) override {
    base::StringSink bytes;
    base::copy_stream(*blob, bytes, std::move(stop));
    bool is_plain = registry::compression_of(descriptor.media_type) == registry::Compression::kNone;
    if (is_plain && base::sha256_of(bytes.text()) != diff_id.digest()) {
      base::fail(base::ErrorKind::kIntegrity, base::cat("not the layer ", diff_id.text()));
    }
    (*layers_.lock())[diff_id] = bytes.take();
  }

  std::string bytes(const cache::DiffId& diff_id) const { return layers_.lock()->at(diff_id); }
  std::size_t count() const { return layers_.lock()->size(); }

 private:
  mutable base::Guarded<std::map<cache::DiffId, std::string>> layers_;
};

}  // namespace slipway::tests
