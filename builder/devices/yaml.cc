#include "builder/devices/yaml.h"

#include <yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using Json = nlohmann::json;

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kValuesMax = 200'000;

// An event of the library, freed with it.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }
  yaml_event_t* get() { return &event_; }
  yaml_event_type_t type() const { return event_.type; }
  std::size_t line() const { return event_.start_mark.line + 1; }
  std::string_view text() const {
    const auto& scalar = event_.data.scalar;
    return {reinterpret_cast<const char*>(scalar.value), scalar.length};
  }
  bool is_plain() const { return event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE; }
  bool has_tag() const {
    switch (event_.type) {
      case YAML_SCALAR_EVENT:
        return event_.data.scalar.tag != nullptr;
      case YAML_SEQUENCE_START_EVENT:
        return event_.data.sequence_start.tag != nullptr;
      case YAML_MAPPING_START_EVENT:
        return event_.data.mapping_start.tag != nullptr;
      default:
        return false;
    }
  }

 private:
  yaml_event_t event_{};
};

std::optional<std::int64_t> find_integer(std::string_view text) {
  std::string sign(text.starts_with('-') ? "-" : "");
  std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
  int radix = 10;
  if (digits.starts_with("0x")) {
    radix = 16;
    digits.remove_prefix(2);
  } else if (digits.starts_with("0o")) {
    radix = 8;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.starts_with('0')) {
    radix = 8;
    digits.remove_prefix(1);
  }
  if (digits.starts_with('-') || digits.starts_with('+')) {
    return std::nullopt;
  }
  return base::parse_integer<std::int64_t>(cat(sign, digits), radix);
}

Json plain_value(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  for (std::string_view word : {"true", "True", "TRUE"}) {
    if (text == word) {
      return true;
    }
  }
  for (std::string_view word : {"false", "False", "FALSE"}) {
    if (text == word) {
      return false;
    }
  }
  if (std::optional<std::int64_t> number = find_integer(text)) {
    return *number;
  }
  return std::string(text);
}

// A collection whose end has not come yet.
struct Open {
  Json value;
  std::optional<std::string> key;  // of a mapping: what the next value belongs to
};

class Reader {
 public:
  Reader(std::string_view text, std::string_view what) : what_(what) {
    if (yaml_parser_initialize(&parser_) == 0) {
      base::fail(base::ErrorKind::kSystem, "there is no memory for a reader of YAML");
    }
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { yaml_parser_delete(&parser_); }

  Json read() {
    while (true) {
      Event event;
      if (yaml_parser_parse(&parser_, event.get()) == 0) {
        fail(parser_.problem_mark.line + 1, parser_.problem == nullptr ? "" : parser_.problem);
      }
      if (event.type() == YAML_STREAM_END_EVENT) {
        return std::move(result_);
      }
      take(event);
    }
  }

 private:
  [[noreturn]] void fail(std::size_t line, std::string_view problem) const {
    base::fail(base::ErrorKind::kInput,
               cat(what_, " is not valid YAML: line ", line, ": ", problem));
  }

  void take(const Event& event) {
    if (event.has_tag()) {
      fail(event.line(), "tags are not understood");
    }
    switch (event.type()) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) {
          fail(event.line(), "there is a second document");
        }
        return;
      case YAML_ALIAS_EVENT:
        fail(event.line(), "aliases are not understood");
      case YAML_SCALAR_EVENT:
        take_scalar(event);
        return;
      case YAML_SEQUENCE_START_EVENT:
        open(event, Json::array());
        return;
      case YAML_MAPPING_START_EVENT:
        open(event, Json::object());
        return;
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        close();
        return;
      default:
        return;
    }
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().key;
  }

  void take_scalar(const Event& event) {
    if (wants_key()) {
      open_.back().key = std::string(event.text());
      return;
    }
    put(event.line(),
        event.is_plain() ? plain_value(event.text()) : Json(std::string(event.text())));
  }

  void open(const Event& event, Json empty) {
    if (wants_key()) {
      fail(event.line(), "a key is no plain word");
    }
    if (open_.size() >= kDepthMax) {
      fail(event.line(), cat("it is nested deeper than ", kDepthMax));
    }
    open_.push_back({std::move(empty), std::nullopt});
    open_line_ = event.line();
  }

  void close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    put(open_line_, std::move(value));
  }

  void put(std::size_t line, Json value) {
    if (++values_ > kValuesMax) {
      fail(line, cat("there are more than ", kValuesMax, " values"));
    }
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (open_.back().value.is_array()) {
      open_.back().value.push_back(std::move(value));
    } else {
      open_.back().value[*open_.back().key] = std::move(value);
      open_.back().key.reset();
    }
  }

  std::string_view what_;
  yaml_parser_t parser_{};
  std::vector<Open> open_;
  std::size_t open_line_ = 0;
  std::size_t documents_ = 0;
  std::size_t values_ = 0;
  Json result_;
};

}  // namespace

nlohmann::json parse_yaml(std::string_view text, std::string_view what) {
  return Reader(text, what).read();
}

}  // namespace slipway::builder
