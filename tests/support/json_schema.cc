#include "tests/support/json_schema.h"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "tests/support/corpora.h"

namespace slipway::tests {

namespace {

using nlohmann::json;

bool is_of_type(const std::string& type, const json& value) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

// What names or describes, and `format` and `media`, which are no constraints here.
bool is_remark(const std::string& keyword) {
  static const std::set<std::string> kRemarks = {"$schema", "id",    "description",
                                                 "format",  "media", "definitions"};
  return kRemarks.contains(keyword);
}

class JsonSchemas {
 public:
  // `folder` holds the files.
  explicit JsonSchemas(std::string folder) : folder_(std::move(folder)) {}

  // What is wrong with the document: "/layers/0/size: is less than 0". Empty if it is valid.
  std::vector<std::string> problems(const std::string& file, const nlohmann::json& document);

 private:
  struct Schema {
    std::string file;
    const nlohmann::json* json;
  };
  const nlohmann::json& load(const std::string& file);
  Schema resolve(const std::string& file, const std::string& reference);
  void check(const Schema& schema, const nlohmann::json& value, const std::string& place,
             std::vector<std::string>& found);
  void check_object(const Schema& schema, const nlohmann::json& value, const std::string& place,
                    std::vector<std::string>& found);
  void check_scalar(const Schema& schema, const nlohmann::json& value, const std::string& place,
                    std::vector<std::string>& found);
  void check_one_of(const Schema& schema, const nlohmann::json& value, const std::string& place,
                    std::vector<std::string>& found);

  std::string folder_;
  std::map<std::string, nlohmann::json> files_;
};

std::vector<std::string> JsonSchemas::problems(const std::string& file, const json& document) {
  std::vector<std::string> found;
  check({file, &load(file)}, document, "", found);
  return found;
}

const json& JsonSchemas::load(const std::string& file) {
  auto known = files_.find(file);
  if (known == files_.end()) {
    known = files_.emplace(file, json::parse(read_text_file(folder_ + "/" + file))).first;
  }
  return known->second;
}

JsonSchemas::Schema JsonSchemas::resolve(const std::string& file, const std::string& reference) {
  std::size_t hash = std::min(reference.find('#'), reference.size());
  std::string target = hash == 0 ? file : reference.substr(0, hash);
  std::string pointer = reference.substr(std::min(hash + 1, reference.size()));
  return {target, &load(target).at(json::json_pointer(pointer))};
}

void JsonSchemas::check(const Schema& schema, const json& value, const std::string& place,
                        std::vector<std::string>& found) {
  // Draft 4: beside a $ref nothing else counts.
  if (auto reference = schema.json->find("$ref"); reference != schema.json->end()) {
    check(resolve(schema.file, reference->get<std::string>()), value, place, found);
    return;
  }
  static const std::set<std::string> kKnown = {
      "type",     "enum",  "pattern",  "minimum", "maximum", "properties", "patternProperties",
      "required", "items", "minItems", "oneOf"};
  for (const auto& [keyword, rule] : schema.json->items()) {
    if (!kKnown.contains(keyword) && !is_remark(keyword)) {
      found.push_back(schema.file + ": the keyword " + keyword + " is not known to this test");
    }
  }
  check_scalar(schema, value, place, found);
  check_object(schema, value, place, found);
  check_one_of(schema, value, place, found);
}

void JsonSchemas::check_scalar(const Schema& schema, const json& value, const std::string& place,
                               std::vector<std::string>& found) {
  const json& rules = *schema.json;
  if (auto type = rules.find("type"); type != rules.end()) {
    bool fits =
        type->is_array()
            ? std::ranges::any_of(*type, [&](const json& one) { return is_of_type(one, value); })
            : is_of_type(*type, value);
    if (!fits) {
      found.push_back(place + ": is not of type " + type->dump());
    }
  }
  if (auto values = rules.find("enum"); values != rules.end()) {
    if (std::ranges::find(*values, value) == values->end()) {
      found.push_back(place + ": is none of " + values->dump());
    }
  }
  if (auto pattern = rules.find("pattern"); pattern != rules.end() && value.is_string()) {
    if (!RE2::PartialMatch(value.get<std::string>(), pattern->get<std::string>())) {
      found.push_back(place + ": does not match " + pattern->dump());
    }
  }
  if (value.is_number()) {
    double number = value.get<double>();
    if (number < rules.value("minimum", number)) {
      found.push_back(place + ": is too small");
    }
    if (number > rules.value("maximum", number)) {
      found.push_back(place + ": is too large");
    }
  }
}

void JsonSchemas::check_object(const Schema& schema, const json& value, const std::string& place,
                               std::vector<std::string>& found) {
  const json& rules = *schema.json;
  if (value.is_array() && rules.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      check({schema.file, &rules["items"]}, value[i], place + "/" + std::to_string(i), found);
    }
  }
  if (value.is_array() && value.size() < rules.value("minItems", std::size_t{0})) {
    found.push_back(place + ": has too few items");
  }
  if (!value.is_object()) {
    return;
  }
  for (const json& name : rules.value("required", json::array())) {
    if (!value.contains(name.get<std::string>())) {
      found.push_back(place + ": has no " + name.get<std::string>());
    }
  }
  for (const auto& [name, member] : value.items()) {
    if (rules.contains("properties") && rules["properties"].contains(name)) {
      check({schema.file, &rules["properties"][name]}, member, place + "/" + name, found);
    }
    auto patterns = rules.find("patternProperties");
    if (patterns == rules.end()) {
      continue;
    }
    for (const auto& [pattern, rule] : patterns->items()) {
      if (RE2::PartialMatch(name, pattern)) {
        check({schema.file, &rule}, member, place + "/" + name, found);
      }
    }
  }
}

void JsonSchemas::check_one_of(const Schema& schema, const json& value, const std::string& place,
                               std::vector<std::string>& found) {
  auto choices = schema.json->find("oneOf");
  if (choices == schema.json->end()) {
    return;
  }
  std::size_t valid = 0;
  for (const json& choice : *choices) {
    std::vector<std::string> inner;
    check({schema.file, &choice}, value, place, inner);
    valid += inner.empty() ? 1 : 0;
  }
  if (valid != 1) {
    found.push_back(place + ": is " + std::to_string(valid) + " of the choices instead of one");
  }
}

}  // namespace

std::vector<std::string> schema_problems(const std::string& folder, const std::string& file,
                                         const std::string& document) {
  return JsonSchemas(folder).problems(file, json::parse(document));
}

}  // namespace slipway::tests
