#include "builder/layer/canonical_tar.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/text.h"
#include "builder/layer/tar_format.h"

namespace slipway::builder {

namespace {

constexpr std::size_t kEndBytes = 2 * tar::kBlockBytes;

}  // namespace

CanonicalTar::CanonicalTar(LayerIndex index, std::vector<std::uint64_t> starts, OpenContent open)
    : index_(std::move(index)), starts_(std::move(starts)), open_(std::move(open)) {
  assert(starts_.size() == index_.size() + 1);
  enter(0);
}

std::uint64_t CanonicalTar::size() const {
  return starts_.back() + kEndBytes;
}

std::size_t CanonicalTar::read(std::uint64_t place, std::span<char> bytes) {
  assert(place < size() && !bytes.empty());
  if (place != place_) {
    go_to(place);
  }
  if (number_ < index_.size() && place_ == starts_[number_ + 1]) {
    enter(number_ + 1);
  }
  std::uint64_t end = number_ < index_.size() ? starts_[number_ + 1] : size();
  std::uint64_t inside = place_ - starts_[number_];
  std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - place_));
  if (inside < headers_.size()) {
    count = headers_.copy(bytes.data(), count, inside);
  } else if (source_ != nullptr && inside < content_end()) {
    count = read_content(bytes.first(count));
  } else {
    std::ranges::fill(bytes.first(count), '\0');  // padding, or the end blocks
  }
  place_ += count;
  return count;
}

void CanonicalTar::finish() {
  leave();
}

void CanonicalTar::go_to(std::uint64_t place) {
  auto next = std::upper_bound(starts_.begin(), starts_.end(), place);
  auto number = static_cast<std::size_t>(next - starts_.begin()) - 1;
  bool is_behind = source_ != nullptr && place < starts_[number_] + headers_.size() + content_;
  if (number != number_ || is_behind) {
    enter(number);
  }
  std::vector<char> skipped(base::kCopyPieceBytes);
  std::uint64_t content_begin = starts_[number] + headers_.size();
  while (source_ != nullptr && content_begin + content_ < place && content_ < entry_.size) {
    std::uint64_t left = std::min(place - content_begin, entry_.size) - content_;
    read_content(std::span(skipped).first(std::min<std::uint64_t>(left, skipped.size())));
  }
  place_ = place;
}

// At the beginning of an entry, or of the end blocks.
void CanonicalTar::enter(std::size_t number) {
  leave();
  number_ = number;
  place_ = starts_[number];
  headers_.clear();
  if (number == index_.size()) {
    return;
  }
  entry_ = index_.at(number);
  tar::append_headers(headers_, entry_);
  if (entry_.type == EntryType::kFile && entry_.size > 0) {
    source_ = open_(entry_, place_ + headers_.size());
    content_ = 0;
    hash_ = base::Sha256();
  }
}

void CanonicalTar::leave() {
  std::vector<char> rest(source_ == nullptr ? 0 : base::kCopyPieceBytes);
  while (source_ != nullptr && content_ < entry_.size) {
    read_content(rest);
  }
  source_.reset();
}

// Precondition: the content is not at its end.
std::size_t CanonicalTar::read_content(std::span<char> bytes) {
  std::uint64_t left = entry_.size - content_;
  std::size_t count = source_->read(bytes.first(std::min<std::uint64_t>(left, bytes.size())));
  hash_.update({bytes.data(), count});
  content_ += count;
  bool is_wrong = count == 0;
  if (content_ == entry_.size && !is_wrong) {
    is_wrong = hash_.finish() != *entry_.digest;
  }
  if (is_wrong) {
    base::fail(base::ErrorKind::kIntegrity,
               base::cat("the store's copy of ", entry_.path.text(),
                         " is damaged: it is not what the layer had"),
               "build again with --no-cache");
  }
  return count;
}

}  // namespace slipway::builder
