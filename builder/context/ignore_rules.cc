#include "builder/context/ignore_rules.h"

#include <optional>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

// Far more patterns than anybody writes.
constexpr std::size_t kIgnoreFileBytesMax = std::size_t{16} << 20;

IgnoreRules rules_of(const std::string& text, std::string file) {
  auto patterns = parser::read_ignore_file(text);
  if (!patterns) {
    base::fail(base::ErrorKind::kInput, base::cat(file, ": ", patterns.error()));
  }
  auto matcher = parser::PatternMatcher::compile(*patterns);
  if (!matcher) {
    base::fail(base::ErrorKind::kInput, base::cat(file, ": ", matcher.error()));
  }
  return {std::move(*matcher), std::move(file)};
}

}  // namespace

IgnoreRules find_ignore_rules(const std::string& context_directory, const std::string& dockerfile) {
  if (!dockerfile.empty()) {
    std::string own = dockerfile + ".dockerignore";
    if (auto text = base::find_file_content(own, kIgnoreFileBytesMax)) {
      return rules_of(*text, own);
    }
  }
  if (auto text =
          base::find_file_content(context_directory + "/.dockerignore", kIgnoreFileBytesMax)) {
    return rules_of(*text, ".dockerignore");
  }
  return {};
}

}  // namespace slipway::builder
