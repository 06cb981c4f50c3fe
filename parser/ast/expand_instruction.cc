#include "parser/ast/expand_instruction.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "parser/expand.h"

namespace slipway::parser {

namespace {

// Expands the values of one instruction in place; stops at the first error.
class ValueWalk {
 public:
  ValueWalk(const Variables& variables, char escape) : variables_(variables), escape_(escape) {}

  void operator()(Add& add) {
    one(add.copy.chown);
    one(add.copy.chmod);
    one(add.checksum);
    paths(add.copy);
  }
  void operator()(Copy& copy) {
    one(copy.copy.chown);
    one(copy.copy.chmod);
    paths(copy.copy);
  }
  void operator()(Env& env) { pairs(env.variables); }
  void operator()(Label& label) { pairs(label.labels); }
  void operator()(Expose& expose) {
    std::vector<std::string> words;
    for (const std::string& port : expose.ports) {
      if (auto expansion = run(port, {.escape = escape_, .split_words = true})) {
        std::ranges::move(expansion->words, std::back_inserter(words));
      }
    }
    expose.ports = std::move(words);
  }
  void operator()(Stopsignal& stopsignal) { one(stopsignal.signal); }
  void operator()(User& user) { one(user.user); }
  void operator()(Volume& volume) { all(volume.volumes); }
  void operator()(Workdir& workdir) { one(workdir.path); }
  // Not expanded by the builder.
  void operator()(Arg&) {}
  void operator()(Cmd&) {}
  void operator()(Entrypoint&) {}
  void operator()(Healthcheck&) {}
  void operator()(Maintainer&) {}
  void operator()(Onbuild&) {}
  void operator()(Run&) {}
  void operator()(Shell&) {}

  std::optional<std::string> error;
  std::vector<std::string> unmatched;

 private:
  std::optional<Expansion> run(std::string_view word, const ExpandOptions& options) {
    if (error) {
      return std::nullopt;
    }
    auto expansion = expand(word, variables_, options);
    if (!expansion) {
      error = std::move(expansion.error());
      return std::nullopt;
    }
    std::ranges::copy(expansion->unmatched, std::back_inserter(unmatched));
    return std::move(*expansion);
  }

  void one(std::string& value) {
    if (auto expansion = run(value, {.escape = escape_})) {
      value = std::move(expansion->text);
    }
  }

  void all(std::vector<std::string>& values) {
    for (std::string& value : values) {
      one(value);
    }
  }

  void pairs(std::vector<KeyValue>& pairs) {
    for (KeyValue& pair : pairs) {
      one(pair.key);
      one(pair.value);
    }
  }

  void paths(CopyArguments& copy) {
    all(copy.sources);
    one(copy.destination);
    for (InlineFile& file : copy.files) {
      if (!file.expand) {
        continue;
      }
      if (auto expansion = run(file.content, ExpandOptions::heredoc_body())) {
        file.content = std::move(expansion->text);
      }
    }
  }

  const Variables& variables_;
  char escape_;
};

}  // namespace

std::expected<ExpandedInstruction, std::string> expand_instruction(const Instruction& instruction,
                                                                   const Variables& variables,
                                                                   char escape) {
  ExpandedInstruction expanded{.instruction = instruction};
  ValueWalk walk(variables, escape);
  std::visit(walk, expanded.instruction);
  if (walk.error) {
    return std::unexpected(std::move(*walk.error));
  }
  expanded.unmatched = std::move(walk.unmatched);
  return expanded;
}

}  // namespace slipway::parser
