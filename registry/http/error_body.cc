#include "registry/http/error_body.h"

#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace slipway::registry {

namespace {

constexpr std::size_t kWordsLengthMax = 1000;
constexpr std::size_t kErrorsShownMax = 5;
constexpr int kDepthMax = 32;

using Json = nlohmann::json;

std::string text_member(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "CODE: message"; a detail that is a text is added, other details are for machines.
std::string one_error(const Json& error) {
  std::vector<std::string> pieces;
  for (const char* name : {"code", "message", "detail"}) {
    std::string piece = text_member(error, name);
    if (!piece.empty() && (pieces.empty() || pieces.back() != piece)) {
      pieces.push_back(std::move(piece));
    }
  }
  return base::join(pieces, ": ");
}

std::string words_of_json(const Json& document) {
  std::vector<std::string> all;
  if (auto errors = document.find("errors"); errors != document.end() && errors->is_array()) {
    for (const Json& error : *errors) {
      std::string words = error.is_object() ? one_error(error) : std::string();
      if (!words.empty() && all.size() < kErrorsShownMax) {
        all.push_back(std::move(words));
      }
    }
  }
  // OAuth2 servers: {"error":"…","error_description":"…"}; others: {"details":"…"},
  // {"message":"…"}.
  for (const char* name : {"error", "error_description", "details", "message"}) {
    std::string words = all.empty() || std::string_view(name) == "error_description"
                            ? text_member(document, name)
                            : std::string();
    if (!words.empty()) {
      all.push_back(std::move(words));
    }
  }
  return base::join(all, "; ");
}

std::string printable(std::string_view text) {
  std::string result;
  for (char c : text.substr(0, kWordsLengthMax)) {
    bool is_control = (c >= 0 && c < ' ') || c == '\x7f';
    result += is_control ? ' ' : c;
  }
  return result;
}

}  // namespace

std::string registry_words(std::string_view body) {
  std::string_view trimmed = base::trim(body);
  if (trimmed.starts_with('{')) {
    bool too_deep = false;
    auto watch_depth = [&](int depth, Json::parse_event_t, Json&) {
      too_deep = too_deep || depth > kDepthMax;
      return !too_deep;
    };
    Json document = Json::parse(trimmed, watch_depth, /*allow_exceptions=*/false);
    return document.is_object() ? printable(words_of_json(document)) : std::string();
  }
  if (trimmed.starts_with('<') || trimmed.contains('\0')) {
    return "";
  }
  return printable(trimmed.substr(0, trimmed.find('\n')));
}

}  // namespace slipway::registry
