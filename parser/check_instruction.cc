#include "parser/check_instruction.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "parser/check_copy.h"
#include "parser/check_health.h"
#include "parser/check_run.h"
#include "parser/checked.h"
#include "parser/flags.h"
#include "parser/quoting.h"
#include "parser/suggest.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

// Fills one kind of instruction from its line; the problem, or nothing.
template <typename Kind>
using Check = Problem (*)(const LogicalLine& line, Kind& out);

Problem check_arg(const LogicalLine& line, Arg& out) {
  // Flags are not looked at.
  if (line.arguments.empty()) {
    return at_least_one("ARG");
  }
  for (const Word& word : line.arguments) {
    std::size_t equals = word.text.find('=');
    Arg::Declaration declared{.name = word.text.substr(0, equals)};
    if (equals != std::string::npos) {
      if (equals == 0) {
        return "ARG names can not be blank";
      }
      declared.default_value = word.text.substr(equals + 1);
    }
    declared.description = find_description(line.comments, declared.name);
    out.declarations.push_back(std::move(declared));
  }
  return std::nullopt;
}

template <typename Kind>
Problem check_command(const LogicalLine& line, Kind& out) {
  if (Problem problem = no_flags(line)) {
    return problem;
  }
  out.command = command_line(line);
  return std::nullopt;
}

Problem check_pairs(const LogicalLine& line, std::string_view name, std::vector<KeyValue>& out) {
  if (Problem problem = no_flags(line)) {
    return problem;
  }
  if (line.arguments.empty()) {
    return at_least_one(name);
  }
  for (std::size_t index = 0; index + 1 < line.arguments.size(); index += 2) {
    if (line.arguments[index].text.empty()) {
      return std::string(name) + " names can not be blank";
    }
    out.push_back({line.arguments[index].text, line.arguments[index + 1].text});
  }
  return std::nullopt;
}

Problem check_env(const LogicalLine& line, Env& out) {
  out.legacy_form = line.form == ArgumentForm::kLegacyKeyValue;
  return check_pairs(line, "ENV", out.variables);
}

Problem check_label(const LogicalLine& line, Label& out) {
  out.legacy_form = line.form == ArgumentForm::kLegacyKeyValue;
  return check_pairs(line, "LABEL", out.labels);
}

Problem check_expose(const LogicalLine& line, Expose& out) {
  if (line.arguments.empty()) {
    return at_least_one("EXPOSE");
  }
  if (Problem problem = no_flags(line)) {
    return problem;
  }
  out.ports = texts_of(line.arguments);
  std::ranges::sort(out.ports);
  return std::nullopt;
}

// The instructions whose whole text is one argument.
Problem check_single(const LogicalLine& line, std::string_view name, std::string& out) {
  if (line.arguments.size() != 1) {
    return std::string(name) + " requires exactly one argument";
  }
  out = line.arguments[0].text;
  return std::nullopt;
}

Problem check_maintainer(const LogicalLine& line, Maintainer& out) {
  Problem problem = check_single(line, "MAINTAINER", out.name);
  return problem ? problem : no_flags(line);
}

Problem check_user(const LogicalLine& line, User& out) {
  Problem problem = check_single(line, "USER", out.user);
  return problem ? problem : no_flags(line);
}

Problem check_workdir(const LogicalLine& line, Workdir& out) {
  Problem problem = check_single(line, "WORKDIR", out.path);
  return problem ? problem : no_flags(line);
}

Problem check_stopsignal(const LogicalLine& line, Stopsignal& out) {
  // Flags are not looked at.
  return check_single(line, "STOPSIGNAL", out.signal);
}

// The line without "ONBUILD" and the spaces after it, then each heredoc.
std::string trigger_text(const LogicalLine& line) {
  std::string_view text = trim_leading_spaces(line.text);
  text = trim_leading_spaces(text.substr(line.word.size()));
  std::string out(text);
  for (const Heredoc& heredoc : line.heredocs) {
    out.append("\n").append(heredoc.content).append(heredoc.name);
  }
  return out;
}

Problem check_onbuild(const LogicalLine& line, Onbuild& out) {
  if (line.trigger.empty()) {
    return at_least_one("ONBUILD");
  }
  if (Problem problem = no_flags(line)) {
    return problem;
  }
  std::string inner = upper_ascii(line.trigger[0].word);
  if (inner == "ONBUILD") {
    return "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed";
  }
  if (inner == "MAINTAINER" || inner == "FROM") {
    return inner + " isn't allowed as an ONBUILD trigger";
  }
  out.trigger = trigger_text(line);
  return std::nullopt;
}

Problem check_shell(const LogicalLine& line, Shell& out) {
  if (Problem problem = no_flags(line)) {
    return problem;
  }
  if (line.arguments.empty()) {
    return at_least_one("SHELL");
  }
  if (line.form != ArgumentForm::kJson) {
    return "SHELL requires the arguments to be in JSON form";
  }
  out.shell = texts_of(line.arguments);
  return std::nullopt;
}

Problem check_volume(const LogicalLine& line, Volume& out) {
  if (line.arguments.empty()) {
    return at_least_one("VOLUME");
  }
  if (Problem problem = no_flags(line)) {
    return problem;
  }
  for (const Word& word : line.arguments) {
    std::string_view volume = trim_spaces(word.text);
    if (volume.empty()) {
      return "VOLUME specified can not be an empty string";
    }
    out.volumes.emplace_back(volume);
  }
  return std::nullopt;
}

bool is_stage_name(std::string_view name) {
  auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name[0]) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

void fill_base(const LogicalLine& line, InstructionBase& out) {
  out.keyword = line.word;
  out.lines = line.lines;
  out.text = trim_spaces(line.text);
  out.comments = line.comments;
}

template <typename Kind, Check<Kind> check>
Problem append(const LogicalLine& line, std::vector<Instruction>& out) {
  Kind& kind = std::get<Kind>(out.emplace_back(std::in_place_type<Kind>));
  fill_base(line, kind);
  Problem problem = check(line, kind);
  if (problem) {
    out.pop_back();
  }
  return problem;
}

using Append = Problem (*)(const LogicalLine& line, std::vector<Instruction>& out);

struct Known {
  std::string_view name;
  Append append;  // null: FROM, which opens a stage
};

constexpr std::array kKnown{
    Known{"ADD", append<Add, check_add>},
    Known{"ARG", append<Arg, check_arg>},
    Known{"CMD", append<Cmd, check_command<Cmd>>},
    Known{"COPY", append<Copy, check_copy>},
    Known{"ENTRYPOINT", append<Entrypoint, check_command<Entrypoint>>},
    Known{"ENV", append<Env, check_env>},
    Known{"EXPOSE", append<Expose, check_expose>},
    Known{"FROM", nullptr},
    Known{"HEALTHCHECK", append<Healthcheck, check_healthcheck>},
    Known{"LABEL", append<Label, check_label>},
    Known{"MAINTAINER", append<Maintainer, check_maintainer>},
    Known{"ONBUILD", append<Onbuild, check_onbuild>},
    Known{"RUN", append<Run, check_run>},
    Known{"SHELL", append<Shell, check_shell>},
    Known{"STOPSIGNAL", append<Stopsignal, check_stopsignal>},
    Known{"USER", append<User, check_user>},
    Known{"VOLUME", append<Volume, check_volume>},
    Known{"WORKDIR", append<Workdir, check_workdir>},
};

}  // namespace

bool is_from(const LogicalLine& line) {
  return equal_ignoring_ascii_case(line.word, "FROM");
}

Problem check_from(const LogicalLine& line, From& out) {
  fill_base(line, out);
  constexpr std::array kRules{FlagRule{"platform", FlagKind::kString}};
  std::size_t count = line.arguments.size();
  if (count == 3 && equal_ignoring_ascii_case(line.arguments[1].text, "as")) {
    out.as_word = line.arguments[1].text;
    out.name_as_written = line.arguments[2].text;
    out.name = lower_ascii(out.name_as_written);
    if (!is_stage_name(out.name)) {
      return "invalid name for build stage: " + quote_text(out.name_as_written) +
             ", name can't start with a number or contain symbols";
    }
  } else if (count != 1) {
    return "FROM requires either one or three arguments";
  }
  Flags flags;
  if (Problem problem = flags.read(line.flags, kRules)) {
    return problem;
  }
  out.platform = flags.string("platform");
  out.base = line.arguments[0].text;
  out.description = find_description(line.comments, out.name);
  return std::nullopt;
}

Problem check_instruction(const LogicalLine& line, std::vector<Instruction>& out) {
  std::string upper = upper_ascii(line.word);
  for (const Known& known : kKnown) {
    if (known.name == upper && known.append != nullptr) {
      return known.append(line, out);
    }
  }
  std::array<std::string_view, kKnown.size()> names;
  std::ranges::transform(kKnown, names.begin(), &Known::name);
  return "unknown instruction: " + line.word +
         did_you_mean(line.word, std::span<const std::string_view>(names), SuggestCase::kIgnored);
}

}  // namespace slipway::parser
