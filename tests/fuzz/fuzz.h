#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

// What every fuzz target defines; it returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace slipway::tests {

inline std::string_view input_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The text up to the first separator, which goes away with it.
inline std::string_view take_part(std::string_view& text, char separator = '\n') {
  std::size_t end = text.find(separator);
  std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

// A property that must hold; breaking it is a crash, which the fuzzer keeps.
inline void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace slipway::tests
