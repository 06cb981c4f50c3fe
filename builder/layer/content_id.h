#pragma once

#include "base/digest.h"
#include "builder/layer/entry.h"
#include "builder/layer/layer_index.h"
#include "cache/content/ids.h"

namespace slipway::builder {

// What names a layer's content: SHA-256 over its entries in order - path, type, mode, owner, link
// target, device, opaque, xattrs, size and digest - without times, so that a step that makes the
// same files later has the same content.
class ContentHasher {
 public:
  ContentHasher();
  // In ImagePath order. A regular file has its digest (kInternal otherwise).
  void add(const Entry& entry);
  cache::ContentId finish();

 private:
  base::Sha256 hash_;
  std::string record_;
};

cache::ContentId content_id_of(const LayerIndex& index);

// The same fields of one entry in the form that is hashed, appended to `out`: every part is
// preceded by its length, so that no two entries have equal forms. The path is left to the caller.
void append_content_form(std::string& out, const Entry& entry);

}  // namespace slipway::builder
