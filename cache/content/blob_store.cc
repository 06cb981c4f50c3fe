#include "cache/content/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "base/digester.h"
#include "base/direct_file.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/piece_checks.h"
#include "base/text.h"
#include "cache/session/session.h"

namespace slipway::cache {

using base::cat;
using base::Digest;
using base::ErrorKind;
using base::Fd;

namespace {

// After so many bytes the kernel is asked to begin writing them out, so that the sync of the commit
// finds little left.
constexpr std::uint64_t kWritebackBytes = 8 * 1024 * 1024;

[[noreturn]] void fail_absent(const Digest& digest) {
  base::fail(ErrorKind::kNotFound, cat("blob ", digest.text(), " is not in the store"));
}

// Below this a digest costs less than looking checksums up.
constexpr std::uint64_t kCheckedBytesMin = 4 << 20;

std::string serialise_checks(const std::vector<std::uint64_t>& checks) {
  std::string bytes;
  for (std::uint64_t check : checks) {
    for (int i = 0; i < 8; ++i) {
      bytes += static_cast<char>(check >> (8 * i));
    }
  }
  return bytes;
}

// Sets the file aside when the bytes turn out to be wrong.
class SelfHealingSource : public base::Source {
 public:
  // With `checks` these are compared, as the table has them, and else the digest.
  SelfHealingSource(BlobStore& blobs, std::unique_ptr<base::Source> next, Digest expected,
                    std::uint64_t size, std::optional<std::string> checks)
      : blobs_(&blobs),
        next_(std::move(next)),
        expected_(std::move(expected)),
        left_(size),
        expected_checks_(std::move(checks)) {}

  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    if (count > 0 && count <= left_) {
      left_ -= count;
      look_at({bytes.data(), count});
      return count;
    }
    if (count > 0 || left_ > 0) {
      fail_damaged("its size is not the one that was written");
    }
    if (!compared_) {
      compare();
      compared_ = true;
    }
    return 0;
  }

 private:
  void look_at(std::string_view bytes) {
    if (expected_checks_) {
      checks_.update(bytes);
    } else {
      hash_.update(bytes);
    }
  }

  void compare() {
    if (expected_checks_) {
      if (serialise_checks(checks_.finish()) != *expected_checks_) {
        fail_damaged("its checksums are not those of what was written");
      }
      return;
    }
    Digest seen = hash_.finish();
    if (seen != expected_) {
      fail_damaged(cat("its bytes have the digest ", seen.text()));
    }
  }

  [[noreturn]] void fail_damaged(std::string_view detail) {
    blobs_->discard(expected_);
    base::fail(ErrorKind::kIntegrity,
               cat("blob ", expected_.text(), " in the store is damaged: ", detail),
               "it was set aside; pull or build the image again");
  }

  BlobStore* blobs_;  // the Store's, which outlives this
  std::unique_ptr<base::Source> next_;
  Digest expected_;
  std::uint64_t left_;
  std::optional<std::string> expected_checks_;
  base::PieceChecks checks_;
  base::Sha256 hash_;
  bool compared_ = false;
};

}  // namespace

struct BlobWriter::State {
  Session* session;                          // owned by the Store
  std::string name;                          // in the owner's folder
  Fd file;                                   // kKeep
  std::unique_ptr<base::DirectFile> direct;  // kPassBy
  std::optional<base::Sha256> hash;
  base::PieceChecks checks;
  std::uint64_t size = 0;
  std::uint64_t writeback_begun = 0;
  std::string object;  // for messages
  bool done = false;
};

BlobWriter::BlobWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

BlobWriter::~BlobWriter() {
  if (!state_->done) {
    ::unlinkat(state_->session->owner().directory().get(), state_->name.c_str(), 0);
  }
}

void BlobWriter::write(std::string_view bytes) {
  State& state = *state_;
  if (state.hash) {
    state.hash->update(bytes);
  }
  state.checks.update(bytes);
  state.size += bytes.size();
  if (state.direct) {
    state.direct->write(bytes);
    return;
  }
  base::write_all(state.file, bytes, state.object);
  std::uint64_t waiting = state.size - state.writeback_begun;
  if (waiting >= kWritebackBytes) {
    // Only a hint: what it can't begin, the sync does.
    ::sync_file_range(state.file.get(), static_cast<off_t>(state.writeback_begun),
                      static_cast<off_t>(waiting), SYNC_FILE_RANGE_WRITE);
    state.writeback_begun = state.size;
  }
}

std::uint64_t BlobWriter::size() const {
  return state_->size;
}

BlobInfo BlobWriter::commit(const Expected& expected) {
  State& state = *state_;
  if (expected.size && *expected.size != state.size) {
    base::fail(ErrorKind::kIntegrity,
               cat("blob", expected.digest ? cat(" ", expected.digest->text()) : "", " has ",
                   state.size, " bytes, expected ", *expected.size));
  }
  if (!state.hash) {
    base::fail(ErrorKind::kInternal, "commit() of a blob that its caller hashes");
  }
  BlobInfo info{state.hash->finish(), state.size};
  Digest seen = expected.digest && !expected.digest->is_sha256()
                    ? digest_of_file(expected.digest->algorithm())
                    : info.digest;
  if (expected.digest && *expected.digest != seen) {
    base::fail(ErrorKind::kIntegrity,
               cat("blob has the digest ", seen.text(), ", expected ", expected.digest->text()));
  }
  place(info);
  if (!seen.is_sha256()) {
    state.session->add_alias(seen, info.digest);
  }
  return info;
}

// Read once more: which algorithm is wanted is known at the end only, and it is rarely another one.
Digest BlobWriter::digest_of_file(std::string_view algorithm) const {
  base::FdSource source(base::open_at(state_->session->owner().directory(), state_->name, O_RDONLY),
                        state_->object);
  base::Digester digester(algorithm);
  std::vector<char> piece(base::kCopyPieceBytes);
  while (std::size_t count = source.read(piece)) {
    digester.update({piece.data(), count});
  }
  return digester.finish();
}

BlobInfo BlobWriter::commit_hashed(const Digest& digest) {
  if (state_->hash || !digest.is_sha256()) {
    base::fail(ErrorKind::kInternal, cat("blob ", digest.text(), " was not hashed by its caller"));
  }
  BlobInfo info{digest, state_->size};
  place(info);
  return info;
}

void BlobWriter::place(const BlobInfo& info) {
  State& state = *state_;
  if (state.direct) {
    state.direct->close();
  } else {
    state.file.close(state.object);
  }
  state.session->place(BytesKind::kBlob, info.digest, info.size, state.name);
  if (info.size >= kCheckedBytesMin) {
    state.session->add_checks(info.digest, serialise_checks(state.checks.finish()));
  }
  state.done = true;
}

std::optional<Digest> BlobStore::find_sha256(const Digest& digest) const {
  return digest.is_sha256() ? std::optional(digest) : session_->find_alias(digest);
}

std::optional<std::uint64_t> BlobStore::find_size(const Digest& digest) const {
  std::optional<Digest> name = find_sha256(digest);
  return name ? session_->find_bytes(BytesKind::kBlob, *name) : std::nullopt;
}

Fd BlobStore::open_file(const Digest& digest) const {
  std::optional<Digest> name = find_sha256(digest);
  if (!name || !has(*name)) {
    fail_absent(digest);
  }
  return base::open_at(session_->layout().blobs, name->hex(), O_RDONLY | O_NOFOLLOW);
}

std::unique_ptr<base::Source> BlobStore::open(const Digest& digest) const {
  return std::make_unique<base::FdSource>(open_file(digest), cat("blob ", digest.text()));
}

std::unique_ptr<base::Source> BlobStore::open_verified(const Digest& digest) {
  std::optional<Digest> name = find_sha256(digest);
  std::optional<std::uint64_t> size = name ? find_size(*name) : std::nullopt;
  if (!size) {
    fail_absent(digest);
  }
  std::optional<std::string> checks =
      *size >= kCheckedBytesMin ? session_->find_checks(*name) : std::nullopt;
  return std::make_unique<SelfHealingSource>(*this, open(*name), *name, *size, std::move(checks));
}

std::string BlobStore::read(const Digest& digest, std::size_t limit_bytes) {
  std::unique_ptr<base::Source> source = open_verified(digest);
  return base::read_all(*source, limit_bytes, cat("blob ", digest.text()));
}

std::unique_ptr<BlobWriter> BlobStore::write(Hashing hashing, Caching caching) {
  auto state = std::make_unique<BlobWriter::State>();
  if (hashing == Hashing::kHere) {
    state->hash.emplace();
  }
  state->session = session_;
  const Owner& owner = session_->owner();
  state->name = cat("blob-", base::random_hex(8));
  state->object = cat(owner.path(), "/", state->name);
  state->file = base::open_at(owner.directory(), state->name, O_WRONLY | O_CREAT | O_EXCL, 0444);
  if (caching == Caching::kPassBy) {
    state->direct = std::make_unique<base::DirectFile>(std::move(state->file), state->object);
  }
  return std::unique_ptr<BlobWriter>(new BlobWriter(std::move(state)));
}

BlobInfo BlobStore::put(std::string_view bytes) {
  std::unique_ptr<BlobWriter> writer = write();
  writer->write(bytes);
  return writer->commit();
}

BlobInfo BlobStore::put(std::string_view bytes, const Digest& digest) {
  std::unique_ptr<BlobWriter> writer = write();
  writer->write(bytes);
  return writer->commit({.digest = digest, .size = std::nullopt});
}

bool BlobStore::hold(const Digest& digest) {
  std::optional<Digest> name = find_sha256(digest);
  return name && has(*name) && session_->hold(LeaseKind::kBlob, std::span(&*name, 1)).empty();
}

void BlobStore::discard(const Digest& digest) {
  if (std::optional<Digest> name = find_sha256(digest)) {
    move_to_trash(session_->layout(), session_->layout().blobs, name->hex());
  }
}

}  // namespace slipway::cache
