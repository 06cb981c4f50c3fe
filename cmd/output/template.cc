#include "cmd/output/template.h"

#include <map>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cmd/output/template_ast.h"
#include "cmd/output/template_functions.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Variables = std::map<std::string, TemplateValue>;

[[noreturn]] void fail_run(std::string_view source, const std::string& why) {
  base::fail(base::ErrorKind::kUsage, cat("template ", base::quote(source), ": ", why));
}

// Runs a template over one value.
class Run {
 public:
  Run(std::string_view source, const TemplateValue& root) : source_(source), root_(&root) {}

  void block(const TemplateBlock& block, const TemplateValue& dot, Variables& variables) {
    for (const TemplateNode& node : block.nodes) {
      run(node, dot, variables);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void run(const TemplateNode& node, const TemplateValue& dot, Variables& variables) {
    if (node.kind == TemplateNode::Kind::kText) {
      out_ += node.text;
      return;
    }
    TemplateValue value = evaluate(node.pipeline, dot, variables);
    if (node.kind == TemplateNode::Kind::kPrint) {
      if (node.pipeline.variable.empty()) {
        out_ += template_text_of(value);
      } else {
        variables[node.pipeline.variable] = std::move(value);
      }
      return;
    }
    Variables inner = variables;
    if (!is_true(value)) {
      block(node.otherwise, dot, inner);
    } else if (node.kind == TemplateNode::Kind::kRange) {
      range(node, value, inner);
    } else {
      declare(inner, node.pipeline.variable, value);
      block(node.body, node.kind == TemplateNode::Kind::kWith ? value : dot, inner);
    }
  }

  static void declare(Variables& variables, const std::string& name, const TemplateValue& value) {
    if (!name.empty()) {
      variables[name] = value;
    }
  }

  void range(const TemplateNode& node, const TemplateValue& value, Variables& variables) {
    if (!value.is_structured()) {
      fail_run(source_, "range takes a list or a map");
    }
    std::size_t place = 0;
    for (const auto& [key, item] : value.items()) {
      declare(variables, node.key_variable,
              value.is_object() ? TemplateValue(key) : TemplateValue(place++));
      declare(variables, node.pipeline.variable, item);
      block(node.body, item, variables);
    }
  }

  TemplateValue evaluate(const TemplatePipeline& pipeline, const TemplateValue& dot,
                         const Variables& variables) {
    TemplateValue value;
    bool first = true;
    for (const TemplateCommand& command : pipeline.commands) {
      std::vector<TemplateValue> operands;
      for (const TemplateOperand& operand : command.operands) {
        operands.push_back(evaluate(operand, dot, variables));
      }
      if (!first && command.function.empty()) {
        fail_run(source_, "after \"|\" comes a function");
      }
      if (!first) {
        operands.push_back(std::move(value));
      }
      value = command.function.empty()
                  ? std::move(operands.front())
                  : call_template_function(command.function, operands, source_);
      first = false;
    }
    return value;
  }

  TemplateValue evaluate(const TemplateOperand& operand, const TemplateValue& dot,
                         const Variables& variables) {
    TemplateValue value = start_of(operand, dot, variables);
    bool is_root = &dot == root_ && std::holds_alternative<TemplateOperand::Dot>(operand.value);
    for (const std::string& member : operand.members) {
      value = member_of(value, member, is_root);
      is_root = false;
    }
    return value;
  }

  TemplateValue start_of(const TemplateOperand& operand, const TemplateValue& dot,
                         const Variables& variables) {
    if (std::holds_alternative<TemplateOperand::Dot>(operand.value)) {
      return dot;
    }
    if (const auto* variable = std::get_if<TemplateOperand::Variable>(&operand.value)) {
      auto found = variables.find(variable->name);
      if (found == variables.end() && !variable->name.empty()) {
        fail_run(source_, cat("undefined variable: $", variable->name));
      }
      return found == variables.end() ? *root_ : found->second;
    }
    if (const auto* truth = std::get_if<bool>(&operand.value)) {
      return *truth;
    }
    if (const auto* number = std::get_if<std::int64_t>(&operand.value)) {
      return *number;
    }
    if (const auto* text = std::get_if<std::string>(&operand.value)) {
      return *text;
    }
    using Inner = std::shared_ptr<const TemplatePipeline>;
    const auto* inner = std::get_if<Inner>(&operand.value);
    return inner == nullptr ? TemplateValue() : evaluate(**inner, dot, variables);
  }

  TemplateValue member_of(const TemplateValue& value, const std::string& member, bool is_root) {
    if (value.is_object()) {
      auto found = value.find(member);
      if (found != value.end()) {
        return *found;
      }
      if (is_root) {
        fail_unknown(value, member);
      }
    } else if (!value.is_null()) {
      fail_run(source_, cat("no member ", member, " in a value that is no map"));
    }
    return {};
  }

  [[noreturn]] void fail_unknown(const TemplateValue& value, const std::string& member) {
    std::vector<std::string> names;
    for (const auto& [key, item] : value.items()) {
      names.push_back(key);
    }
    std::string suggestion = parser::did_you_mean(member, names, parser::SuggestCase::kSensitive);
    base::fail(base::ErrorKind::kUsage,
               cat("template ", base::quote(source_), ": no field ", member, suggestion),
               cat("the fields are: ", base::join(names, ", ")));
  }

  std::string_view source_;    // owned by the Template
  const TemplateValue* root_;  // owned by the caller
  std::string out_;
};

}  // namespace

Template::Template(std::string_view text)
    : source_(text), block_(std::make_unique<const TemplateBlock>(parse_template(text))) {}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;

std::string Template::text_for(const nlohmann::ordered_json& value) const {
  Run run(source_, value);
  Variables variables;
  run.block(*block_, value, variables);
  return run.take();
}

}  // namespace slipway::cmd
