#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ast/instructions.h"
#include "parser/lines.h"

// What the checks of single instructions share.

namespace slipway::parser {

// What is wrong, or nothing.
using Problem = std::optional<std::string>;

std::string at_least_one(std::string_view instruction);

// For instructions without flags: «unknown flag: --<name>».
Problem no_flags(const LogicalLine& line);

std::vector<std::string> texts_of(std::span<const Word> words);

// The command of RUN, CMD or ENTRYPOINT.
CommandLine command_line(const LogicalLine& line);

}  // namespace slipway::parser
