#include "builder/layer/tar_writer.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

// Pieces of this size stay in the second-level cache between reading, hashing and handing on.
constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::size_t kBufferBytes = 2 * kPieceBytes;

[[noreturn]] void fail_changed(const Entry& entry, std::string_view how) {
  base::fail(base::ErrorKind::kInput,
             base::cat(entry.path.text(), " changed while it was read: it became ", how, " than ",
                       entry.size, " bytes"),
             "do not write to the files of a build while it runs");
}

}  // namespace

TarWriter::TarWriter(base::Sink& out)
    : out_(&out), buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}
TarWriter::~TarWriter() = default;

void TarWriter::write(const Entry& entry, base::Source* content, base::Sha256* content_hash) {
  headers_.clear();
  tar::append_headers(headers_, entry);
  append(headers_);
  if (entry.type == EntryType::kFile) {
    write_content(entry, content, content_hash);
    append_zeros(tar::padding_of(entry.size));
  }
}

void TarWriter::write_content(const Entry& entry, base::Source* content,
                              base::Sha256* content_hash) {
  std::uint64_t left = entry.size;
  while (left > 0) {
    if (filled_ >= kPieceBytes) {
      flush();
    }
    std::size_t room = std::min<std::uint64_t>(left, kPieceBytes);
    std::span<char> free(buffer_.get() + filled_, room);
    std::size_t count = content == nullptr ? 0 : content->read(free);
    if (count == 0) {
      fail_changed(entry, "shorter");
    }
    if (content_hash != nullptr) {
      content_hash->update({free.data(), count});
    }
    filled_ += count;
    size_ += count;
    left -= count;
  }
  char more = 0;
  if (content != nullptr && content->read({&more, 1}) != 0) {
    fail_changed(entry, "longer");
  }
}

void TarWriter::append(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (filled_ == kBufferBytes) {
      flush();
    }
    std::size_t count = std::min(bytes.size(), kBufferBytes - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), count);
    filled_ += count;
    bytes.remove_prefix(count);
  }
}

void TarWriter::append_zeros(std::size_t count) {
  static constexpr char kZeros[tar::kBlockBytes] = {};
  append({kZeros, count});
}

void TarWriter::flush() {
  out_->write({buffer_.get(), filled_});
  filled_ = 0;
}

void TarWriter::finish() {
  append_zeros(tar::kBlockBytes);
  append_zeros(tar::kBlockBytes);
  flush();
  out_->finish();
}

}  // namespace slipway::builder
