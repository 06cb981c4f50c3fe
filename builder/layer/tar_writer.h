#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/stream.h"
#include "builder/layer/entry.h"

namespace slipway::builder {

// The one writer of tars in this program: equal entries give equal bytes, so the SHA-256 of what it
// writes can name a layer (its diff ID).
//
// The form: ustar headers; a pax header before an entry only where ustar can't say it (long names,
// names that are not ASCII, numbers that are too big or negative, xattrs as SCHILY.xattr.NAME).
// Names are relative, without "./", directories with a trailing slash; the root is "./". Times in
// whole seconds, ids as numbers without names. A whiteout is an empty file ".wh.NAME", an opaque
// directory is followed by ".wh..wh..opq" in it. Two zero blocks end it.
//
// Callers write entries in ImagePath order. One thread.
class TarWriter {
 public:
  // `out` is owned by the caller. Bytes are handed on in pieces of 64 KiB or more (but the last).
  explicit TarWriter(base::Sink& out);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // `content` is read to its end if the entry is a kFile, and may be null if its size is 0; a
  // content longer or shorter than `entry.size` is kInput: it changed while it was read. If
  // `content_hash` is given, the content is also hashed, while it is in the cache.
  // kInput for names that a layer can't hold (they begin with ".wh.").
  void write(const Entry& entry, base::Source* content, base::Sha256* content_hash = nullptr);

  // The two zero blocks; finishes `out`.
  void finish();

  // Written so far.
  std::uint64_t size() const { return size_; }

 private:
  void append(std::string_view bytes);
  void append_zeros(std::size_t count);
  void write_content(const Entry& entry, base::Source* content, base::Sha256* content_hash);
  void flush();

  base::Sink* out_;  // owned by the caller
  std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t size_ = 0;
  std::string headers_;  // kept for its memory
};

}  // namespace slipway::builder
