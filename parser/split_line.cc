#include "parser/split_line.h"

#include <array>
#include <utility>

#include "parser/json_text.h"
#include "parser/quoting.h"
#include "parser/unicode.h"
#include "parser/words.h"

namespace slipway::parser {

namespace {

// How the argument text of an instruction is split (language reference 3.3).
enum class Form {
  kUnknown,
  kWholeString,
  kSpaceList,
  kJsonOrString,
  kJsonOrSpaceList,
  kWords,
  kKeyValue,
  kSubInstruction,
  kHealth,
};

struct KnownInstruction {
  std::string_view name;
  Form form;
};

constexpr std::array kInstructions{
    KnownInstruction{"ADD", Form::kJsonOrSpaceList},
    KnownInstruction{"ARG", Form::kWords},
    KnownInstruction{"CMD", Form::kJsonOrString},
    KnownInstruction{"COPY", Form::kJsonOrSpaceList},
    KnownInstruction{"ENTRYPOINT", Form::kJsonOrString},
    KnownInstruction{"ENV", Form::kKeyValue},
    KnownInstruction{"EXPOSE", Form::kSpaceList},
    KnownInstruction{"FROM", Form::kSpaceList},
    KnownInstruction{"HEALTHCHECK", Form::kHealth},
    KnownInstruction{"LABEL", Form::kKeyValue},
    KnownInstruction{"MAINTAINER", Form::kWholeString},
    KnownInstruction{"ONBUILD", Form::kSubInstruction},
    KnownInstruction{"RUN", Form::kJsonOrString},
    KnownInstruction{"SHELL", Form::kJsonOrString},
    KnownInstruction{"STOPSIGNAL", Form::kWholeString},
    KnownInstruction{"USER", Form::kWholeString},
    KnownInstruction{"VOLUME", Form::kJsonOrSpaceList},
    KnownInstruction{"WORKDIR", Form::kWholeString},
};

Form form_of(std::string_view word) {
  std::string upper = upper_ascii(word);
  for (const KnownInstruction& known : kInstructions) {
    if (known.name == upper) {
      return known.form;
    }
  }
  return Form::kUnknown;
}

// Flags at the start of `text`; what is left of it stays there. The escape character takes the
// next byte literally, inside quotes too; quotes go away.
class FlagReader {
 public:
  FlagReader(std::string_view text, std::size_t base, char escape)
      : text_(text), base_(base), escape_(escape) {}

  std::vector<Word> read() {
    std::vector<Word> flags;
    while (true) {
      std::string_view rest = trim_leading_spaces(text_.substr(at_));
      at_ = text_.size() - rest.size();
      if (!rest.starts_with("--")) {
        return flags;
      }
      Word flag{{}, base_ + at_};
      flag.text = read_word();
      if (flag.text == "--") {
        return flags;
      }
      flags.push_back(std::move(flag));
    }
  }

  std::size_t end() const { return at_; }

 private:
  std::string read_word() {
    std::string word;
    char quote = '\0';
    while (at_ < text_.size()) {
      char c = text_[at_];
      Decoded next = decode_utf8(text_, at_);
      if (quote == '\0' && is_unicode_space(next.character)) {
        break;
      }
      if (c == escape_) {
        ++at_;
        if (at_ < text_.size()) {
          word.push_back(text_[at_++]);
        }
      } else if (quote == '\0' ? c == '\'' || c == '"' : c == quote) {
        quote = quote == '\0' ? c : '\0';
        ++at_;
      } else {
        word.append(text_.substr(at_, next.size));
        at_ += next.size;
      }
    }
    return word;
  }

  std::string_view text_;
  std::size_t base_;
  char escape_;
  std::size_t at_ = 0;
};

constexpr std::string_view kNotStrings =
    "when using JSON array syntax, arrays must be comprised of strings only";

// One line on its way through the splitters. `rest` is the argument text, trimmed; `offset` its
// place in line.text.
class Splitter {
 public:
  Splitter(LogicalLine& line, char escape, int depth)
      : line_(line), escape_(escape), depth_(depth) {}

  std::optional<std::string> split() {
    std::string_view text = trim_spaces(line_.text);
    std::size_t end = 0;
    while (end < text.size() && !is_separator(text[end])) {
      ++end;
    }
    line_.word = text.substr(0, end);
    std::string_view rest = text.substr(end);
    while (!rest.empty() && is_separator(rest.front())) {
      rest.remove_prefix(1);
    }
    FlagReader flags(rest, offset_of(rest), escape_);
    line_.flags = flags.read();
    rest_ = trim_spaces(rest.substr(flags.end()));
    return split_arguments();
  }

 private:
  std::size_t offset_of(std::string_view part) const {
    return static_cast<std::size_t>(part.data() - line_.text.data());
  }

  std::optional<std::string> split_arguments() {
    Form form = form_of(line_.word);
    if (form == Form::kUnknown) {
      line_.form = ArgumentForm::kIgnored;
      return std::nullopt;
    }
    if (rest_.empty()) {
      return std::nullopt;
    }
    line_.form = ArgumentForm::kPlain;
    switch (form) {
      case Form::kWholeString:
        take_whole(rest_);
        return std::nullopt;
      case Form::kSpaceList:
        line_.arguments = split_separators(rest_, offset_of(rest_));
        return std::nullopt;
      case Form::kWords:
        line_.arguments = split_quoted(rest_, escape_, offset_of(rest_));
        return std::nullopt;
      case Form::kJsonOrString:
      case Form::kJsonOrSpaceList:
        return split_json_or(form, rest_);
      case Form::kKeyValue:
        return split_key_values();
      case Form::kSubInstruction:
        return split_trigger();
      case Form::kHealth:
        return split_health();
      case Form::kUnknown:
        break;
    }
    return std::nullopt;
  }

  void take_whole(std::string_view text) {
    line_.arguments.push_back({std::string(text), offset_of(text)});
  }

  std::optional<std::string> split_json_or(Form form, std::string_view text) {
    if (text.starts_with('[')) {
      if (auto json = parse_json_strings(text, offset_of(text))) {
        if (!json->all_strings) {
          return std::string(kNotStrings);
        }
        line_.form = ArgumentForm::kJson;
        for (Word& word : json->words) {
          line_.arguments.push_back(std::move(word));
        }
        return std::nullopt;
      }
    }
    if (form == Form::kJsonOrSpaceList) {
      line_.arguments = split_separators(text, offset_of(text));
    } else if (!text.empty()) {
      take_whole(text);
    }
    return std::nullopt;
  }

  std::optional<std::string> split_key_values() {
    std::vector<Word> words = split_quoted(rest_, escape_, offset_of(rest_));
    if (words.empty()) {
      line_.form = ArgumentForm::kNone;
      return std::nullopt;
    }
    if (!words[0].text.contains('=')) {
      return split_legacy();
    }
    line_.form = ArgumentForm::kKeyValue;
    for (Word& word : words) {
      std::size_t equals = word.text.find('=');
      if (equals == std::string::npos) {
        return "Syntax error - can't find = in " + quote_text(word.text) +
               ". Must be of the form: name=value";
      }
      line_.arguments.push_back({word.text.substr(0, equals), word.offset});
      line_.arguments.push_back({word.text.substr(equals + 1), word.offset + equals + 1});
    }
    return std::nullopt;
  }

  // `ENV key value`: cut at the first separators, quotes or not.
  std::optional<std::string> split_legacy() {
    std::size_t end = rest_.find_first_of(" \t\v\f\r");
    if (end == std::string_view::npos) {
      return upper_ascii(line_.word) + " must have two arguments";
    }
    line_.form = ArgumentForm::kLegacyKeyValue;
    take_whole(rest_.substr(0, end));
    take_whole(rest_.substr(rest_.find_first_not_of(" \t\v\f\r", end)));
    return std::nullopt;
  }

  std::optional<std::string> split_trigger() {
    line_.form = ArgumentForm::kTrigger;
    line_.trigger.emplace_back().text = rest_;
    return Splitter(line_.trigger[0], escape_, depth_ + 1).split_if_shallow();
  }

  std::optional<std::string> split_if_shallow() {
    if (depth_ > kOnbuildDepthMax) {
      line_.word = line_.text.substr(0, line_.text.find_first_of(" \t\v\f\r"));
      return std::nullopt;
    }
    return split();
  }

  std::optional<std::string> split_health() {
    std::size_t end = 0;
    while (end < rest_.size() && !is_unicode_space(decode_utf8(rest_, end).character)) {
      end += decode_utf8(rest_, end).size;
    }
    take_whole(rest_.substr(0, end));
    std::string_view command = trim_leading_spaces(rest_.substr(end));
    return command.empty() ? std::nullopt : split_json_or(Form::kJsonOrString, command);
  }

  LogicalLine& line_;
  char escape_;
  int depth_;
  std::string_view rest_;
};

}  // namespace

std::optional<std::string> split_line(LogicalLine& line, char escape) {
  return Splitter(line, escape, 0).split();
}

}  // namespace slipway::parser
