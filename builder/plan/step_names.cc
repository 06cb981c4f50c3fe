#include "builder/plan/step_names.h"

#include <utility>

#include "base/text.h"
#include "builder/plan/platforms.h"
#include "parser/expand.h"
#include "parser/words.h"

namespace slipway::builder {

namespace {

using base::cat;

// "->arm64" where variables say that something else than `base` is built for.
std::string cross_text(const registry::Platform& base, const Environment& variables) {
  auto declared = declared_platform(variables);
  if (!declared) {
    return {};
  }
  declared->os = declared->os.empty() ? base.os : declared->os;
  declared->architecture =
      declared->architecture.empty() ? base.architecture : declared->architecture;
  registry::Platform target = registry::normalise(*std::move(declared));
  if (target.os != base.os) {
    return cat("->", platform_text(target));
  }
  if (target.architecture == base.architecture) {
    return {};
  }
  return cat("->", target.architecture, target.variant.empty() ? "" : "/", target.variant);
}

}  // namespace

std::string StepNames::next(std::string_view text, const Environment& variables, bool is_trigger) {
  if (total_ == 0) {
    return std::string(text);
  }
  ++index_;
  std::string name = "[";
  if (platform_ != nullptr) {
    name += cat(platform_text(*platform_), cross_text(*platform_, variables), " ");
  }
  if (!label_.empty()) {
    name += cat(label_, " ");
  }
  std::string total = cat(total_);
  std::string index = cat(index_);
  if (index.size() < total.size()) {
    name.append(total.size() - index.size(), ' ');
  }
  return cat(name, index, "/", total, "] ", is_trigger ? "ONBUILD " : "", text);
}

std::string step_text(std::string_view text, const parser::Variables& variables, char escape,
                      NameStyle style) {
  auto options = style == NameStyle::kCommand ? parser::ExpandOptions::step_name(escape)
                                              : parser::ExpandOptions{.escape = escape};
  auto expanded = parser::expand(text, variables, options);
  std::string name = expanded ? std::move(expanded->text) : std::string(text);
  std::size_t word = name.find(' ');
  return parser::upper_ascii(std::string_view(name).substr(0, word)) +
         (word == std::string::npos ? std::string() : name.substr(word));
}

std::string heredoc_summary(std::string_view body) {
  body = base::trim(body);
  std::size_t end = body.find('\n');
  std::string_view first = body.substr(0, end);
  if (first.ends_with('\r')) {
    first.remove_suffix(1);
  }
  return cat(" (", first, end == std::string_view::npos ? "" : "...", ")");
}

}  // namespace slipway::builder
