#include "parser/json_out.h"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace slipway::parser {

std::string json_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json location_json(LineSpan lines) {
  Json ranges = Json::array();
  for (int line = lines.first; line > 0 && line <= lines.last; ++line) {
    Json place = {{"line", line}};
    ranges.push_back({{"start", place}, {"end", place}});
  }
  return {{"ranges", ranges}};
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t index = 0; index < 3; ++index) {
      bits = bits << 8 | (index < group.size() ? static_cast<unsigned char>(group[index]) : 0U);
    }
    for (std::size_t index = 0; index < 4; ++index) {
      out.push_back(index <= group.size() ? kLetters[bits >> (18 - 6 * index) & 63] : '=');
    }
  }
  return out;
}

}  // namespace slipway::parser
