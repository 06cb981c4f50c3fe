#include "parser/global_arguments.h"

#include <optional>
#include <utility>

#include "parser/expand.h"

namespace slipway::parser {

std::vector<std::string> GlobalArguments::names() const {
  std::set<std::string> all;
  for (std::string& name : values.names()) {
    all.insert(std::move(name));
  }
  for (const auto& [name, info] : infos) {
    all.insert(name);
  }
  return {all.begin(), all.end()};
}

namespace {

using BuildArguments = std::map<std::string, std::string, std::less<>>;

// Adds one declaration; the problem of its default, or nothing.
std::optional<std::string> declare(GlobalArguments& out, const Arg::Declaration& declaration,
                                   LineSpan lines, const BuildArguments& build_arguments,
                                   char escape) {
  GlobalArguments::Info info{.declaration = declaration, .lines = lines};
  const std::string& name = declaration.name;
  if (auto given = build_arguments.find(name); given != build_arguments.end()) {
    out.values.set(name, given->second);
  } else if (declaration.default_value) {
    auto expansion = expand(*declaration.default_value, out.values, {.escape = escape});
    if (!expansion) {
      return std::move(expansion.error());
    }
    info.depends_on = {expansion->matched.begin(), expansion->matched.end()};
    auto before = out.infos.find(name);
    // A value made from the former value of the same name depends on what that one did.
    if (info.depends_on.erase(name) > 0 && before != out.infos.end()) {
      info.depends_on.merge(std::set(before->second.depends_on));
    }
    out.values.set(name, expansion->text);
  }
  out.infos.insert_or_assign(name, std::move(info));
  return std::nullopt;
}

}  // namespace

std::expected<GlobalArguments, Diagnostic> evaluate_global_arguments(
    const Dockerfile& dockerfile, const VariableList& predefined,
    const BuildArguments& build_arguments) {
  GlobalArguments out{.values = predefined};
  for (const Arg& arg : dockerfile.global_arguments) {
    for (const Arg::Declaration& declaration : arg.declarations) {
      if (auto problem = declare(out, declaration, arg.lines, build_arguments, dockerfile.escape)) {
        return std::unexpected(Diagnostic{std::move(*problem), arg.lines});
      }
    }
  }
  return out;
}

}  // namespace slipway::parser
