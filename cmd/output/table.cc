#include "cmd/output/table.h"

#include <algorithm>

#include "cmd/output/units.h"

namespace slipway::cmd {

namespace {

constexpr std::size_t kColumnWidthMin = 10;
constexpr std::size_t kGap = 3;

// What an image's history or a label holds was written by strangers.
std::string visible(std::string cell) {
  std::replace_if(
      cell.begin(), cell.end(),
      [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F; }, ' ');
  return cell;
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), kColumnWidthMin);
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], character_count(row[i]) + kGap);
    }
  }
  std::string text;
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += visible(row[i]);
      if (i + 1 < row.size()) {
        text += std::string(widths[i] - character_count(row[i]), ' ');
      }
    }
    text += '\n';
  }
  return text;
}

}  // namespace slipway::cmd
