#include "tests/parser/lint/small_planner.h"

#include <algorithm>

#include "parser/ast/expand_instruction.h"
#include "parser/global_arguments.h"
#include "parser/suggest.h"

namespace slipway::tests {

namespace {

using parser::Diagnostic;
using Error = std::optional<Diagnostic>;

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

parser::VariableList predefined() {
  std::vector<std::string> assignments;
  for (std::string_view side : {"BUILD", "TARGET"}) {
    for (std::string_view part :
         {"PLATFORM=linux/amd64", "OS=linux", "OSVERSION=", "ARCH=amd64", "VARIANT="}) {
      assignments.push_back(std::string(side) + std::string(part));
    }
  }
  assignments.emplace_back("TARGETSTAGE=default");
  return parser::VariableList(assignments);
}

bool is_reference(std::string_view text) {
  return !text.empty() && !text.ends_with(':') && !text.starts_with(':');
}

struct StageState {
  parser::StageChecks checks;
  parser::VariableList environment{std::vector<std::string>{kPath}};
  std::vector<std::string> declared;
};

class Planner {
 public:
  Planner(const parser::Dockerfile& file, const SmallPlan& plan, parser::Linter& linter)
      : file_(file), plan_(plan), linter_(linter) {}

  Error run() {
    if (plan_.ignore_file) {
      auto patterns = parser::read_ignore_file(*plan_.ignore_file);
      ignore_ = parser::PatternMatcher::compile(*patterns).value();
    }
    parser::check_default_bases(file_, predefined(), is_reference, linter_);
    auto arguments = parser::evaluate_global_arguments(file_, predefined(), plan_.build_arguments);
    if (!arguments) {
      return arguments.error();
    }
    global_ = *arguments;
    for (const parser::Stage& stage : file_.stages) {
      if (Error error = expand_from(stage.from)) {
        return error;
      }
    }
    states_.resize(file_.stages.size());
    std::vector<bool> wanted(file_.stages.size(), plan_.stages == SmallPlan::Stages::kAll);
    if (plan_.stages == SmallPlan::Stages::kReachable) {
      reach(parser::find_stage(file_, plan_.target).value_or(file_.stages.size() - 1), wanted);
    }
    for (std::size_t index = 0; index < file_.stages.size(); ++index) {
      if (wanted[index]) {
        walk(index);
      }
    }
    return std::nullopt;
  }

 private:
  Error expand_from(const parser::From& from) {
    auto base = parser::expand(from.base, global_.values, {.escape = file_.escape});
    if (!base) {
      return Diagnostic{base.error(), from.lines};
    }
    bases_.push_back(base->text);
    parser::FromExpansion expansion{
        .base = *base, .declared = global_.names(), .target_platform = "linux/amd64"};
    Error error;
    if (!from.platform.empty()) {
      expansion.platform =
          parser::expand(from.platform, global_.values, {.escape = file_.escape}).value();
      const std::string& text = expansion.platform->text;
      std::size_t slash = text.find('/');
      expansion.platform_os = text.substr(0, slash);
      expansion.platform_architecture = slash == std::string::npos ? "" : text.substr(slash + 1);
      if (expansion.platform_architecture.empty()) {
        error = Diagnostic{"failed to parse platform " + from.platform, from.lines};
      }
    }
    parser::check_from(from, expansion, linter_);
    return error;
  }

  std::optional<std::size_t> base_stage(std::size_t index) const {
    for (std::size_t before = index; before > 0; --before) {
      const std::string& name = file_.stages[before - 1].from.name;
      if (!name.empty() && name == bases_[index]) {
        return before - 1;
      }
    }
    return std::nullopt;
  }

  void reach(std::size_t index, std::vector<bool>& wanted) {
    wanted[index] = true;
    if (auto base = base_stage(index)) {
      reach(*base, wanted);
    }
    for (const parser::Instruction& instruction : file_.stages[index].instructions) {
      const auto* copy = std::get_if<parser::Copy>(&instruction);
      auto from = copy == nullptr ? std::nullopt : parser::find_stage(file_, copy->from);
      if (from && *from < index) {
        reach(*from, wanted);
      }
    }
  }

  void walk(std::size_t index) {
    StageState state;
    if (auto base = base_stage(index)) {
      state = states_[*base];
      state.checks = states_[*base].checks.continued();
    }
    for (const parser::Instruction& instruction : file_.stages[index].instructions) {
      step(state, instruction);
    }
    states_[index] = std::move(state);
  }

  void step(StageState& state, const parser::Instruction& instruction) {
    auto expanded =
        parser::expand_instruction(instruction, state.environment, file_.escape).value();
    const auto* arg = std::get_if<parser::Arg>(&instruction);
    std::vector<std::string> unmatched = expanded.unmatched;
    if (arg != nullptr) {
      declare(state, *arg, unmatched);
    }
    parser::InstructionContext context{
        .unmatched = unmatched,
        .declared_arguments = state.declared,
        .environment_names = [&] { return state.environment.names(); },
        .ignore = ignore_ ? &*ignore_ : nullptr};
    state.checks.check(expanded.instruction, context, linter_);
    if (const auto* env = std::get_if<parser::Env>(&expanded.instruction)) {
      for (const parser::KeyValue& variable : env->variables) {
        state.environment.set(variable.key, variable.value);
      }
    }
  }

  void declare(StageState& state, const parser::Arg& arg, std::vector<std::string>& unmatched) {
    for (const auto& declaration : arg.declarations) {
      auto given = plan_.build_arguments.find(declaration.name);
      std::optional<std::string> value;
      if (given != plan_.build_arguments.end()) {
        value = given->second;
      } else if (declaration.default_value) {
        auto expansion =
            parser::expand(*declaration.default_value, state.environment, {.escape = file_.escape})
                .value();
        std::ranges::copy(expansion.unmatched, std::back_inserter(unmatched));
        value = expansion.text;
      } else if (auto global = global_.values.find(declaration.name)) {
        value = std::string(*global);
      }
      if (value) {
        state.environment.set(declaration.name, *value);
      }
      state.declared.push_back(declaration.name);
    }
  }

  const parser::Dockerfile& file_;
  const SmallPlan& plan_;
  parser::Linter& linter_;
  std::optional<parser::PatternMatcher> ignore_;
  parser::GlobalArguments global_;
  std::vector<std::string> bases_;
  std::vector<StageState> states_;
};

}  // namespace

std::optional<parser::Diagnostic> run_checks(std::string_view text, const SmallPlan& plan,
                                             parser::Linter& linter) {
  parser::ParseResult result = parser::parse(text);
  parser::check_file(result, linter);
  if (!result.ok()) {
    return result.errors[0];
  }
  if (auto errors = parser::check_has_stages(result.dockerfile); !errors.empty()) {
    return errors[0];
  }
  Error error = Planner(result.dockerfile, plan, linter).run();
  return error ? error : linter.violation();
}

}  // namespace slipway::tests
