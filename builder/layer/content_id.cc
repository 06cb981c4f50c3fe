#include "builder/layer/content_id.h"

#include "base/text.h"
#include "builder/layer/binary.h"

namespace slipway::builder {

void append_content_form(std::string& out, const Entry& entry) {
  append_number(out, static_cast<std::uint64_t>(entry.type));
  if (entry.type == EntryType::kWhiteout) {
    return;
  }
  append_number(out, entry.mode);
  append_number(out, entry.uid);
  append_number(out, entry.gid);
  append_text(out, entry.link_target);
  append_number(out, entry.device_major);
  append_number(out, entry.device_minor);
  append_number(out, entry.opaque ? 1 : 0);
  append_number(out, entry.xattrs.size());
  for (const base::Xattr& xattr : entry.xattrs) {
    append_text(out, xattr.first);
    append_text(out, xattr.second);
  }
  if (entry.type == EntryType::kFile) {
    if (!entry.digest) {
      base::fail(base::ErrorKind::kInternal,
                 base::cat("no digest of the content of ", entry.path.text()));
    }
    append_number(out, entry.size);
    append_text(out, entry.digest->text());
  }
}

ContentHasher::ContentHasher() {
  hash_.update("slipway content 1\n");
}

void ContentHasher::add(const Entry& entry) {
  record_.clear();
  append_text(record_, entry.path.text());
  append_content_form(record_, entry);
  hash_.update(record_);
}

cache::ContentId ContentHasher::finish() {
  return cache::ContentId(hash_.finish());
}

cache::ContentId content_id_of(const LayerIndex& index) {
  ContentHasher hasher;
  for (std::size_t i = 0; i < index.size(); ++i) {
    hasher.add(index.at(i));
  }
  return hasher.finish();
}

}  // namespace slipway::builder
