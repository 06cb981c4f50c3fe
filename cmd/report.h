#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"

namespace slipway::cmd {

// docs/exit-codes.md
enum class ExitCode : int {
  kSuccess = 0,
  kFailed = 1,  // what was asked for can't be done with what was given
  kUsage = 2,
  kDenied = 3,
  kNetwork = 4,
  kIntegrity = 5,
  kSystem = 6,
  kInternal = 70,
  kCancelled = 130,
};
ExitCode exit_code_of(base::ErrorKind kind);

// "ERROR: <message>", its notes and its hint, for people.
std::string report_text(const base::Error& error);

// The Error that left `body`, if any: for verbs that take several images and tell each failure
// without giving up the others.
std::optional<base::Error> failure_of(const std::function<void()>& body);

void print_out(const std::string& text);    // standard output; throws when it can't be written
void print_error(const std::string& text);  // standard error; never throws

}  // namespace slipway::cmd
