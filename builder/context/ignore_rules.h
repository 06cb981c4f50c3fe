#pragma once

#include <string>

#include "parser/ignore.h"

namespace slipway::builder {

// The patterns that hide files of a context, and where they stand.
struct IgnoreRules {
  parser::PatternMatcher matcher;
  std::string file;  // for messages: ".dockerignore", "build/Dockerfile.dockerignore"
};

// The rules for a context (language reference, 12.1): `<dockerfile>.dockerignore` if there is such
// a file (also an empty one), else `.dockerignore` at the root of the context, else none.
// `dockerfile` is a host path, "" where the Dockerfile is no file. kInput for patterns that can't
// be read.
IgnoreRules find_ignore_rules(const std::string& context_directory, const std::string& dockerfile);

}  // namespace slipway::builder
