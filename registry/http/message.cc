#include "registry/http/message.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::registry {

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_,
                [&](const auto& field) { return base::equal_ignoring_case(field.first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (base::equal_ignoring_case(field, name)) {
      return value;
    }
  }
  return std::nullopt;
}

std::vector<std::string_view> Headers::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [field, value] : fields_) {
    if (base::equal_ignoring_case(field, name)) {
      values.push_back(value);
    }
  }
  return values;
}

RequestBody body_of_text(std::string text) {
  std::uint64_t size = text.size();
  return {.open = [text = std::move(text)] { return std::make_unique<base::StringSource>(text); },
          .size = size};
}

std::optional<std::uint64_t> Response::content_length() const {
  std::optional<std::string_view> value = headers.find("Content-Length");
  return value ? base::parse_integer<std::uint64_t>(base::trim(*value)) : std::nullopt;
}

std::string Response::content_type() const {
  std::string_view value = headers.find("Content-Type").value_or("");
  return base::to_lower_ascii(base::trim(value.substr(0, value.find(';'))));
}

}  // namespace slipway::registry
