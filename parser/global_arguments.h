#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "parser/parser.h"
#include "parser/variables.h"

namespace slipway::parser {

// A hostile file doubles an argument per line and repeats it on thousands of others; all values
// together may not take more.
inline constexpr std::size_t kGlobalArgumentsBytesMax = std::size_t{128} << 20;

// The global arguments of a file with their values (language reference 6.1).
struct GlobalArguments {
  struct Info {
    Arg::Declaration declaration;  // the last one of that name; its default as written
    LineSpan lines;
    std::set<std::string> depends_on;  // names that the effective value was made from
  };

  VariableList values;                // the predefined ones and every declared one with a value
  std::map<std::string, Info> infos;  // every declared one, with or without a value

  // Names of both: what a FROM may use.
  std::vector<std::string> names() const;
};

// `predefined` are the platform arguments and TARGETSTAGE, build arguments applied. A name in
// `build_arguments` takes that value and its default is not looked at. The error is that of a
// default that can't be expanded, or of values beyond kGlobalArgumentsBytesMax, at its ARG. Time is
// linear in the text and the values.
std::expected<GlobalArguments, Diagnostic> evaluate_global_arguments(
    const Dockerfile& dockerfile, const VariableList& predefined,
    const std::map<std::string, std::string, std::less<>>& build_arguments);

}  // namespace slipway::parser
