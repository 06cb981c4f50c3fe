#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/fd.h"
#include "base/stream.h"
#include "cache/content/ids.h"

namespace slipway::cache {

class Session;

// Takes a blob's bytes; nothing is stored before commit(). Destroyed without it, the bytes are
// gone. One thread at a time.
class BlobWriter : public base::Sink {
 public:
  ~BlobWriter() override;
  void write(std::string_view bytes) override;
  // Nothing to do: the end is told by commit().
  void finish() override {}

  // What the bytes must turn out to be; whatever is left out is not checked.
  struct Expected {
    std::optional<base::Digest> digest;
    std::optional<std::uint64_t> size;
  };
  // Exactly once, after the last write. Throws kIntegrity if the bytes are not the expected ones
  // (nothing is stored then). From here on this Store reads the blob; other processes do after the
  // next Store::commit.
  BlobInfo commit(const Expected& expected);
  BlobInfo commit() { return commit(Expected{}); }
  // The same for bytes that the caller has hashed himself (kByCaller): `digest` is believed.
  BlobInfo commit_hashed(const base::Digest& digest);
  std::uint64_t size() const;

 private:
  friend class BlobStore;
  struct State;
  explicit BlobWriter(std::unique_ptr<State> state);
  void place(const BlobInfo& info);
  base::Digest digest_of_file(std::string_view algorithm) const;
  std::unique_ptr<State> state_;
};

// Immutable bytes named by their SHA-256. Safe from many threads and processes at once: the same
// bytes may be written by several, one copy stays. Bytes that came under a digest of another
// algorithm are found by that, too.
//
// A blob that was written here is readable at once, and other processes see it (and a power cut
// spares it) after Store::commit. What this Store wrote or held is kept from pruning until the
// Store is closed.
class BlobStore {
 public:
  explicit BlobStore(Session& session) : session_(&session) {}

  // False also for a blob whose file was damaged or removed from outside: writing it again heals
  // that.
  bool has(const base::Digest& digest) const { return find_size(digest).has_value(); }
  std::optional<std::uint64_t> find_size(const base::Digest& digest) const;

  // The SHA-256 of bytes that are known by a digest of another algorithm (of SHA-256: itself).
  // Nothing if no bytes ever came under it.
  std::optional<base::Digest> find_sha256(const base::Digest& digest) const;

  // Throws kNotFound if the blob is not here. The bytes are read as they are; verification
  // happened when they were stored.
  std::unique_ptr<base::Source> open(const base::Digest& digest) const;
  base::Fd open_file(const base::Digest& digest) const;
  // Checks again while reading that the bytes are those that were written, for what leaves the
  // store: by size and digest, or, of blobs of 4 MiB or more, by checksums (base/piece_checks.h)
  // that were taken while the digest was. A mismatch is kIntegrity at the end of the bytes, and the
  // damaged file is set aside so that the next pull or build makes it anew. The Store must outlive
  // the Source.
  std::unique_ptr<base::Source> open_verified(const base::Digest& digest);
  // The whole blob, verified; kInput if it is larger than the limit. For documents.
  std::string read(const base::Digest& digest, std::size_t limit_bytes);

  // kByCaller: for bytes that their maker hashes in any case; only commit_hashed() can follow.
  enum class Hashing { kHere, kByCaller };
  // kPassBy: for large blobs that nobody is expected to read soon; they need no page cache. Only
  // a sha256 digest can be expected of them.
  enum class Caching { kKeep, kPassBy };
  std::unique_ptr<BlobWriter> write(Hashing hashing = Hashing::kHere,
                                    Caching caching = Caching::kKeep);
  BlobInfo put(std::string_view bytes);
  // The same for bytes that others call `digest`: kIntegrity if they are not its. They are found by
  // it, whatever its algorithm; what is given back is their SHA-256.
  BlobInfo put(std::string_view bytes, const base::Digest& digest);

  // Keeps the blob from pruning until the Store is closed; false if it is not here (any more).
  bool hold(const base::Digest& digest);

  // Sets the blob's file aside: it counts as absent until it is written again. For damaged ones.
  void discard(const base::Digest& digest);

 private:
  Session* session_;  // owned by the Store
};

}  // namespace slipway::cache
