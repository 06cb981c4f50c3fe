#pragma once

// What a template was parsed to; for the .cc files beside it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::cmd {

struct TemplatePipeline;

// A value, then members of it: `.Config.Env`, `$image.Id`, `"text"`, `(index .A 0).Name`.
struct TemplateOperand {
  struct Dot {};
  struct Variable {
    std::string name;  // empty: "$", what the whole template was given
  };
  struct Nil {};
  std::variant<Dot, Variable, Nil, bool, std::int64_t, std::string,
               std::shared_ptr<const TemplatePipeline>>
      value;
  std::vector<std::string> members;
};

// `function operand…`, or one operand alone (no function).
struct TemplateCommand {
  std::string function;
  std::vector<TemplateOperand> operands;
};

// Commands joined by '|': the value of each is the last operand of the next.
struct TemplatePipeline {
  std::string variable;  // `$name := …`; empty: not declared
  std::vector<TemplateCommand> commands;
};

struct TemplateNode;

struct TemplateBlock {
  std::vector<TemplateNode> nodes;
};

struct TemplateNode {
  enum class Kind { kText, kPrint, kIf, kWith, kRange };
  Kind kind = Kind::kText;
  std::string text;
  TemplatePipeline pipeline;
  std::string key_variable;  // range $key, $value := …; the value's name is the pipeline's
  TemplateBlock body;
  TemplateBlock otherwise;
};

// kUsage with the template and what is wrong.
TemplateBlock parse_template(std::string_view text);

}  // namespace slipway::cmd
