#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "parser/git_ref.h"
#include "parser/glob.h"
#include "parser/lint/checks.h"
#include "parser/suggest.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

// One of the words between underscores, in any case.
bool has_word(std::string_view name, std::span<const std::string_view> words) {
  while (true) {
    std::size_t end = std::min(name.find('_'), name.size());
    if (std::ranges::find(words, lower_ascii(name.substr(0, end))) != words.end()) {
      return true;
    }
    if (end == name.size()) {
      return false;
    }
    name.remove_prefix(end + 1);
  }
}

bool looks_secret(std::string_view name) {
  constexpr std::array<std::string_view, 10> kSecret{
      "apikey",   "auth",  "credential", "credentials", "key",
      "password", "pword", "passwd",     "secret",      "token"};
  constexpr std::array<std::string_view, 3> kHarmless{"public", "file", "version"};
  return has_word(name, kSecret) && !has_word(name, kHarmless);
}

void check_secret(std::string_view instruction, const std::string& name,
                  const InstructionBase& base, Linter& linter) {
  if (looks_secret(name)) {
    linter.report(LintRule::kSecretsUsedInArgOrEnv, base,
                  "Do not use ARG or ENV instructions for sensitive data (" +
                      std::string(instruction) + " \"" + name + "\")");
  }
}

void check_legacy(const InstructionBase& base, bool legacy_form, Linter& linter) {
  if (legacy_form) {
    linter.report(LintRule::kLegacyKeyValueFormat, base,
                  "\"" + base.keyword + " key=value\" should be used instead of legacy \"" +
                      base.keyword + " key value\" format");
  }
}

void check_undefined(const InstructionBase& base, const InstructionContext& context,
                     Linter& linter) {
  // Can be declared, but never become variables.
  constexpr std::array<std::string_view, 2> kNoVariables{"BUILDKIT_SBOM_SCAN_CONTEXT",
                                                         "BUILDKIT_SBOM_SCAN_STAGE"};
  for (const std::string& name : context.unmatched) {
    if (std::ranges::find(context.declared_arguments, name) != context.declared_arguments.end() ||
        std::ranges::find(kNoVariables, name) != kNoVariables.end()) {
      continue;
    }
    // Listing the names takes as long as comparing them, so the first question is free of both.
    std::string match;
    if (context.environment_names && linter.may_suggest(0)) {
      std::vector<std::string> known = context.environment_names();
      linter.may_suggest(known.size());
      match = find_suggestion(name, known);
    }
    std::string hint = match.empty() ? match : " (did you mean $" + match + "?)";
    linter.report(LintRule::kUndefinedVar, base,
                  "Usage of undefined variable '$" + name + "'" + hint);
  }
}

// Is the whole context ignored, so that even its root is empty?
bool ignores_everything(const PatternMatcher& ignore) {
  return std::ranges::any_of(ignore.patterns(), [](const IgnorePattern& pattern) {
    return pattern.text == "*" || pattern.text == "**" || pattern.text == "**/*";
  });
}

void check_ignored(std::string_view verb, const CopyArguments& copy, const InstructionBase& base,
                   const InstructionContext& context, Linter& linter) {
  if (context.ignore == nullptr || context.ignore->has_exclusions()) {
    return;
  }
  for (const std::string& source : copy.sources) {
    if (verb == "Add" && (is_http_url(source) || parse_git_reference(source).is_git)) {
      continue;
    }
    std::string path = clean_path(source);
    bool root = path == "." || path == "/";
    std::string_view inside = path;
    inside.remove_prefix(path.starts_with('/') ? 1 : 0);
    if (root ? ignores_everything(*context.ignore) : context.ignore->match(inside).ignored) {
      linter.report(LintRule::kCopyIgnoredFile, base,
                    "Attempting to " + std::string(verb) + " file \"" + path +
                        "\" that is excluded by .dockerignore");
    }
  }
}

void check_port(const std::string& port, const InstructionBase& base, Linter& linter) {
  auto exposed = parse_exposed_ports(port);
  if (!exposed) {
    return;
  }
  if (exposed->protocol_not_lower_case) {
    linter.report(LintRule::kExposeProtoCasing, base,
                  "Defined protocol '" + port + "' in EXPOSE instruction should be lowercase");
  }
  if (exposed->has_host_part) {
    linter.report(LintRule::kExposeInvalidFormat, base,
                  "EXPOSE instruction should not define an IP address or host-port mapping, found "
                  "'" +
                      port + "'");
  }
}

}  // namespace

struct StageCheckVisitor {
  StageChecks& stage;
  const InstructionContext& context;
  Linter& linter;

  void operator()(const Add& add) const { check_ignored("Add", add.copy, add, context, linter); }
  void operator()(const Copy& copy) const {
    if (copy.from.empty()) {
      check_ignored("Copy", copy.copy, copy, context, linter);
    }
  }
  void operator()(const Arg& arg) const {
    for (const Arg::Declaration& declaration : arg.declarations) {
      check_secret("ARG", declaration.name, arg, linter);
    }
  }
  void operator()(const Cmd& cmd) const { check_command(cmd, cmd.command, stage.cmd_); }
  void operator()(const Entrypoint& entrypoint) const {
    check_command(entrypoint, entrypoint.command, stage.entrypoint_);
  }
  void operator()(const Env& env) const {
    check_legacy(env, env.legacy_form, linter);
    for (const KeyValue& variable : env.variables) {
      check_secret("ENV", variable.key, env, linter);
    }
  }
  void operator()(const Expose& expose) const {
    for (const std::string& port : expose.ports) {
      check_port(port, expose, linter);
    }
  }
  void operator()(const Healthcheck& healthcheck) const {
    check_used_once(healthcheck, stage.healthcheck_);
  }
  void operator()(const Label& label) const { check_legacy(label, label.legacy_form, linter); }
  void operator()(const Shell&) const { stage.shell_set_ = true; }
  void operator()(const Workdir& workdir) const {
    if (!std::exchange(stage.workdir_set_, true) && !workdir.path.starts_with('/')) {
      linter.report(LintRule::kWorkdirRelativePath, workdir,
                    "Relative workdir \"" + workdir.path +
                        "\" can have unexpected results if the base image changes");
    }
  }
  void operator()(const Maintainer&) const {}
  void operator()(const Onbuild&) const {}
  void operator()(const Run&) const {}
  void operator()(const Stopsignal&) const {}
  void operator()(const User&) const {}
  void operator()(const Volume&) const {}

 private:
  void check_command(const InstructionBase& base, const CommandLine& command,
                     std::optional<LineSpan>& before) const {
    check_used_once(base, before);
    if (command.shell_form && !stage.shell_set_) {
      linter.report(LintRule::kJsonArgsRecommended, base,
                    "JSON arguments recommended for " + base.keyword +
                        " to prevent unintended behavior related to OS signals");
    }
  }

  // The earlier one is the one that has no effect, so that is the place.
  void check_used_once(const InstructionBase& base, std::optional<LineSpan>& before) const {
    if (before) {
      linter.report(LintRule::kMultipleInstructionsDisallowed, *before,
                    "Multiple " + base.keyword +
                        " instructions should not be used in the same stage because only the "
                        "last one will be used",
                    base.comments);
    }
    before = base.lines;
  }
};

StageChecks StageChecks::continued() const {
  StageChecks next;
  next.shell_set_ = shell_set_;
  next.workdir_set_ = workdir_set_;
  return next;
}

void StageChecks::check(const Instruction& expanded, const InstructionContext& context,
                        Linter& linter) {
  check_undefined(base_of(expanded), context, linter);
  std::visit(StageCheckVisitor{*this, context, linter}, expanded);
}

}  // namespace slipway::parser
