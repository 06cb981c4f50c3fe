#include "parser/global_arguments.h"

#include <algorithm>
#include <optional>
#include <string_view>
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

// Evaluates one name after another; each sees those before it.
class Evaluator {
 public:
  Evaluator(GlobalArguments& out, const BuildArguments& build_arguments, char escape)
      : out_(out), build_arguments_(build_arguments), escape_(escape) {}

  // The problem of the declaration, or nothing.
  std::optional<std::string> declare(const Arg::Declaration& declaration, LineSpan lines) {
    GlobalArguments::Info info{.declaration = declaration, .lines = lines};
    const std::string& name = declaration.name;
    if (auto given = build_arguments_.find(name); given != build_arguments_.end()) {
      set(name, given->second);
    } else if (declaration.default_value) {
      auto expansion = expand(*declaration.default_value, out_.values, {.escape = escape_});
      if (!expansion) {
        return std::move(expansion.error());
      }
      note_dependencies(name, expansion->matched, info);
      set(name, expansion->text);
    }
    out_.infos.insert_or_assign(name, std::move(info));
    if (bytes_ > kGlobalArgumentsBytesMax) {
      return "global arguments expand to more than " +
             std::to_string(kGlobalArgumentsBytesMax >> 20) + " MiB";
    }
    return std::nullopt;
  }

 private:
  void set(const std::string& name, std::string_view value) {
    bytes_ += value.size();
    out_.values.set(name, value);
  }

  // A value made from the former value of the same name depends on what that one did. The former
  // entry is about to be replaced: its set is taken, not copied.
  void note_dependencies(const std::string& name, const std::vector<std::string>& matched,
                         GlobalArguments::Info& info) {
    bool on_itself = std::find(matched.begin(), matched.end(), name) != matched.end();
    if (auto before = out_.infos.find(name); on_itself && before != out_.infos.end()) {
      info.depends_on = std::move(before->second.depends_on);
    }
    for (const std::string& used : matched) {
      if (used != name) {
        info.depends_on.insert(used);
      }
    }
  }

  GlobalArguments& out_;
  const BuildArguments& build_arguments_;
  char escape_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::expected<GlobalArguments, Diagnostic> evaluate_global_arguments(
    const Dockerfile& dockerfile, const VariableList& predefined,
    const BuildArguments& build_arguments) {
  GlobalArguments out{.values = predefined};
  Evaluator evaluator(out, build_arguments, dockerfile.escape);
  for (const Arg& arg : dockerfile.global_arguments) {
    for (const Arg::Declaration& declaration : arg.declarations) {
      if (auto problem = evaluator.declare(declaration, arg.lines)) {
        return std::unexpected(Diagnostic{std::move(*problem), arg.lines});
      }
    }
  }
  return out;
}

}  // namespace slipway::parser
