#include "parser/checked.h"

#include "parser/flags.h"

namespace slipway::parser {

std::string at_least_one(std::string_view instruction) {
  return std::string(instruction) + " requires at least one argument";
}

Problem no_flags(const LogicalLine& line) {
  return Flags().read(line.flags, {});
}

std::vector<std::string> texts_of(std::span<const Word> words) {
  std::vector<std::string> texts;
  texts.reserve(words.size());
  for (const Word& word : words) {
    texts.push_back(word.text);
  }
  return texts;
}

CommandLine command_line(const LogicalLine& line) {
  CommandLine command{.arguments = texts_of(line.arguments),
                      .shell_form = line.form != ArgumentForm::kJson};
  for (const Heredoc& heredoc : line.heredocs) {
    command.files.push_back({heredoc.name, heredoc.content, heredoc.chomp});
  }
  return command;
}

}  // namespace slipway::parser
