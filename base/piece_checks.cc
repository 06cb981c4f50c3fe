#include "base/piece_checks.h"

#include <algorithm>
#include <utility>

#include <isa-l.h>

namespace slipway::base {

std::uint64_t check_of(std::string_view bytes, std::uint64_t before) {
  return crc64_ecma_refl(before, reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size());
}

void PieceChecks::update(std::string_view bytes) {
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, kPieceBytes - size_);
    check_ = check_of(part, check_);
    size_ += part.size();
    bytes.remove_prefix(part.size());
    if (size_ == kPieceBytes) {
      checks_.push_back(std::exchange(check_, 0));
      size_ = 0;
    }
  }
}

std::vector<std::uint64_t> PieceChecks::finish() {
  if (size_ > 0) {
    checks_.push_back(check_);
  }
  return std::move(checks_);
}

}  // namespace slipway::base
