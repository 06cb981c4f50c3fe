#include <string>

#include <nlohmann/json.hpp>

#include "parser/dump.h"
#include "parser/quoting.h"
#include "parser/tree.h"

namespace slipway::parser {

namespace {

std::string scalar_text(const Json& value) {
  return value.is_string() ? quote_text(value.get_ref<const std::string&>()) : value.dump();
}

bool is_flat(const Json& list) {
  for (const Json& element : list) {
    if (element.is_structured()) {
      return false;
    }
  }
  return true;
}

std::string span_text(const Json& lines) {
  return lines[0] == lines[1] ? "line " + lines[0].dump()
                              : "lines " + lines[0].dump() + "-" + lines[1].dump();
}

void append_members(std::string& out, const Json& object, const std::string& indent);

// A heading for each element of a list of objects: what it is, and where.
std::string heading(const std::string& key, const Json& element) {
  std::string text = element.contains("instruction") ? element["instruction"].get<std::string>()
                                                     : key.substr(0, key.size() - 1);
  if (element.contains("lines")) {
    text += " (" + span_text(element["lines"]) + ")";
  }
  return text;
}

void append_member(std::string& out, const std::string& key, const Json& value,
                   const std::string& indent) {
  if (value.is_array() && !is_flat(value)) {
    for (const Json& element : value) {
      out.append(indent).append(heading(key, element)).append("\n");
      append_members(out, element, indent + "  ");
    }
    return;
  }
  out.append(indent).append(key);
  if (!value.is_array()) {
    out.append(" ").append(scalar_text(value));
  }
  for (const Json& element : value.is_array() ? value : Json::array()) {
    out.append(" ").append(scalar_text(element));
  }
  out.append("\n");
}

void append_members(std::string& out, const Json& object, const std::string& indent) {
  for (const auto& [key, value] : object.items()) {
    bool in_heading = key == "lines" || key == "instruction";
    // A stage without instructions has nothing to say about them.
    bool nothing = (key == "instructions" || key == "stages") && value.empty();
    if (!in_heading && !nothing) {
      append_member(out, key, value, indent);
    }
  }
}

}  // namespace

std::string dump_text(const ParseResult& result) {
  std::string out;
  append_members(out, tree_of(result), "");
  return out;
}

}  // namespace slipway::parser
