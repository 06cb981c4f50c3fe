#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/parser.h"

// What `--call=outline` and `--call=targets` show (language reference, section 14). The planner
// fills an Outline, since values and reachability are its knowledge; targets need the text only.

namespace slipway::parser {

struct Outline {
  struct Argument {
    std::string name;
    std::string description;
    std::optional<std::string> value;  // the effective one
    LineSpan lines;
    bool operator==(const Argument&) const = default;
  };
  struct Secret {
    std::string name;
    bool required = false;
    LineSpan lines;
    bool operator==(const Secret&) const = default;
  };
  struct Ssh {
    std::string name;
    bool required = false;
    LineSpan lines;
    bool operator==(const Ssh&) const = default;
  };

  std::string name;  // of the target stage; empty if it has none
  std::string description;
  std::vector<Argument> arguments;
  std::vector<Secret> secrets;
  std::vector<Ssh> ssh;

  bool operator==(const Outline&) const = default;
};

// Tables and JSON. `text` is the Dockerfile's, for "sources". Entries are sorted by line here.
std::string outline_text(const Outline& outline);
std::string outline_json(const Outline& outline, std::string_view text);

struct Target {
  std::string name;  // empty if it has none
  bool is_default = false;
  std::string description;
  std::string base;      // as written
  std::string platform;  // as written
  LineSpan lines;

  bool operator==(const Target&) const = default;
};

// Every stage in file order; the last is the default.
std::vector<Target> list_targets(const Dockerfile& dockerfile);
std::string targets_text(const std::vector<Target>& targets);
std::string targets_json(const std::vector<Target>& targets, std::string_view text);

}  // namespace slipway::parser
