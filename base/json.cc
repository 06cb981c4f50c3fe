#include "base/json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace slipway::base {

namespace {

// Deeper than any document of the field; far from where a recursive reader would run out of stack.
constexpr int kDepthMax = 64;

const nlohmann::json* find_member(const nlohmann::json& object, std::string_view member) {
  if (!object.is_object()) {
    return nullptr;
  }
  auto found = object.find(member);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

[[noreturn]] void wrong_type(std::string_view member, std::string_view wanted,
                             std::string_view what) {
  fail(ErrorKind::kInput, cat(what, ": member ", quote(member), " is not ", wanted));
}

// Before parsing: the parser's own way to ask on the way down looks through whole lists for each
// of their elements.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_text) {
      i += c == '\\' ? 1 : 0;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDepthMax) {
        return true;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, std::string_view what) {
  if (is_too_deep(text)) {
    fail(ErrorKind::kInput, cat(what, ": JSON nested deeper than ", kDepthMax));
  }
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    fail(ErrorKind::kInput, cat(what, " is not valid JSON"));
  }
  return value;
}

std::string dump_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_text(const nlohmann::json& object, std::string_view member,
                      std::string_view what) {
  const nlohmann::json* found = find_member(object, member);
  if (found == nullptr) {
    return {};
  }
  if (!found->is_string()) {
    wrong_type(member, "a string", what);
  }
  return found->get<std::string>();
}

long long json_integer(const nlohmann::json& object, std::string_view member, long long absent,
                       std::string_view what) {
  const nlohmann::json* found = find_member(object, member);
  if (found == nullptr) {
    return absent;
  }
  if (!found->is_number_integer()) {
    wrong_type(member, "an integer", what);
  }
  return found->get<long long>();
}

bool json_bool(const nlohmann::json& object, std::string_view member, std::string_view what) {
  const nlohmann::json* found = find_member(object, member);
  if (found == nullptr) {
    return false;
  }
  if (!found->is_boolean()) {
    wrong_type(member, "true or false", what);
  }
  return found->get<bool>();
}

}  // namespace slipway::base
