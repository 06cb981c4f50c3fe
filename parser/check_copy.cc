#include "parser/check_copy.h"

#include <array>
#include <span>
#include <unordered_map>

#include "parser/flags.h"

namespace slipway::parser {

namespace {

constexpr std::array kAddFlags{
    FlagRule{"checksum", FlagKind::kString},      FlagRule{"chmod", FlagKind::kString},
    FlagRule{"chown", FlagKind::kString},         FlagRule{"exclude", FlagKind::kStrings},
    FlagRule{"keep-git-dir", FlagKind::kBoolean}, FlagRule{"link", FlagKind::kBoolean},
    FlagRule{"unpack", FlagKind::kBoolean},
};

constexpr std::array kCopyFlags{
    FlagRule{"chmod", FlagKind::kString},    FlagRule{"chown", FlagKind::kString},
    FlagRule{"exclude", FlagKind::kStrings}, FlagRule{"from", FlagKind::kString},
    FlagRule{"link", FlagKind::kBoolean},    FlagRule{"parents", FlagKind::kBoolean},
};

// Bodies by name. Of two heredocs of one name the last counts: both get its body.
using Bodies = std::unordered_map<std::string_view, std::string_view>;

Bodies bodies_of(const LogicalLine& line) {
  Bodies bodies;
  for (const Heredoc& heredoc : line.heredocs) {
    bodies.insert_or_assign(heredoc.name, heredoc.content);
  }
  return bodies;
}

Problem check_arguments(const LogicalLine& line, std::string_view name, const Flags& flags,
                        CopyArguments& out) {
  out.chown = flags.string("chown");
  out.chmod = flags.string("chmod");
  out.link = flags.boolean("link").value_or(false);
  out.exclude = flags.strings("exclude");
  out.destination = line.arguments.back().text;
  if (parse_heredoc_word(out.destination)) {
    return std::string(name) + " cannot accept a heredoc as a destination";
  }
  Bodies bodies = bodies_of(line);
  for (const Word& word : std::span(line.arguments).first(line.arguments.size() - 1)) {
    std::optional<Heredoc> heredoc = parse_heredoc_word(word.text);
    if (!heredoc) {
      out.sources.push_back(word.text);
      continue;
    }
    auto found = bodies.find(heredoc->name);
    std::string_view body = found == bodies.end() ? std::string_view() : found->second;
    out.files.push_back(
        {heredoc->name, heredoc->chomp ? chomp_heredoc(body) : std::string(body), heredoc->expand});
  }
  return std::nullopt;
}

Problem check_count(const LogicalLine& line, std::string_view name) {
  if (line.arguments.size() >= 2) {
    return std::nullopt;
  }
  return std::string(name) +
         " requires at least two arguments, but only one was provided. Destination could not be "
         "determined";
}

}  // namespace

Problem check_add(const LogicalLine& line, Add& out) {
  if (Problem problem = check_count(line, "ADD")) {
    return problem;
  }
  Flags flags;
  if (Problem problem = flags.read(line.flags, kAddFlags)) {
    return problem;
  }
  out.checksum = flags.string("checksum");
  out.keep_git_dir = flags.boolean("keep-git-dir");
  out.unpack = flags.boolean("unpack");
  return check_arguments(line, "ADD", flags, out.copy);
}

Problem check_copy(const LogicalLine& line, Copy& out) {
  if (Problem problem = check_count(line, "COPY")) {
    return problem;
  }
  Flags flags;
  if (Problem problem = flags.read(line.flags, kCopyFlags)) {
    return problem;
  }
  out.from = flags.string("from");
  out.parents = flags.boolean("parents").value_or(false);
  return check_arguments(line, "COPY", flags, out.copy);
}

}  // namespace slipway::parser
