#include "cmd/flags.h"

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/text.h"
#include "parser/suggest.h"

namespace slipway::cmd {

struct Flags::State {
  std::string verb;
  std::string synopsis;
  CLI::App app;
  std::vector<std::string>* words = nullptr;
  Count count{0, 0};
  bool ends_at_first_word = false;

  State(std::string verb_name, std::string synopsis_text, const std::string& summary)
      : verb(std::move(verb_name)),
        synopsis(std::move(synopsis_text)),
        app(summary, base::cat("slipway ", verb)) {}
};

namespace {

// The long and short names that exist, without dashes, for suggestions.
std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back(name);
    }
  }
  return names;
}

[[noreturn]] void fail_unknown(const CLI::App& app, const std::string& verb,
                               const std::string& word) {
  std::string name = word.substr(0, word.find('='));
  std::string bare = name.substr(std::min(name.size(), name.find_first_not_of('-')));
  std::string suggestion = parser::did_you_mean(bare, flag_names(app));
  base::fail(base::ErrorKind::kUsage, base::cat("unknown flag: ", name, suggestion),
             base::cat("'slipway ", verb, " --help' lists the flags"));
}

bool is_flag_word(const std::string& word) {
  return word.size() > 1 && word[0] == '-';
}

}  // namespace

Flags::Flags(std::string verb, std::string synopsis, std::string summary)
    : state_(std::make_unique<State>(std::move(verb), std::move(synopsis), summary)) {
  state_->app.set_help_flag("--help", "Print this text");
  state_->app.allow_extras();
}

Flags::~Flags() = default;

void Flags::text(const std::string& names, std::string& target, const std::string& help) {
  state_->app.add_option(names, target, help)->take_last()->expected(1)->allow_extra_args(false);
}

void Flags::optional_text(const std::string& names, std::optional<std::string>& target,
                          const std::string& help) {
  state_->app
      .add_option_function<std::string>(
          names, [&target](const std::string& value) { target = value; }, help)
      ->take_last()
      ->expected(1)
      ->allow_extra_args(false);
}

void Flags::texts(const std::string& names, std::vector<std::string>& target,
                  const std::string& help) {
  // One value a flag, the flag as often as wanted.
  state_->app.add_option(names, target, help)->take_all()->expected(1)->allow_extra_args(false);
}

void Flags::toggle(const std::string& names, bool& target, const std::string& help) {
  state_->app.add_flag(names, target, help)->take_last();
}

void Flags::words(std::vector<std::string>& target, Count count) {
  state_->words = &target;
  state_->count = count;
}

void Flags::end_at_first_word() {
  state_->ends_at_first_word = true;
  state_->app.prefix_command();
}

bool Flags::parse(const std::vector<std::string>& arguments) {
  // CLI11 takes its words last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    state_->app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return false;
  } catch (const CLI::ParseError& error) {
    base::fail(base::ErrorKind::kUsage, base::cat(state_->verb, ": ", error.what()),
               base::cat("'slipway ", state_->verb, " --help' lists the flags"));
  }
  std::vector<std::string> rest = state_->app.remaining();
  bool flags_ended = state_->ends_at_first_word;
  std::vector<std::string> words;
  for (const std::string& word : rest) {
    if (!flags_ended && word == "--") {
      flags_ended = true;
      continue;
    }
    if (!flags_ended && is_flag_word(word)) {
      fail_unknown(state_->app, state_->verb, word);
    }
    words.push_back(word);
  }
  if (state_->ends_at_first_word && !words.empty() && is_flag_word(words.front())) {
    fail_unknown(state_->app, state_->verb, words.front());
  }
  if (words.size() < state_->count.least || words.size() > state_->count.most) {
    base::fail(base::ErrorKind::kUsage,
               base::cat("usage: slipway ", state_->verb, " ", state_->synopsis, "; got ",
                         words.size(), words.size() == 1 ? " argument" : " arguments"),
               base::cat("'slipway ", state_->verb, " --help' says more"));
  }
  if (state_->words != nullptr) {
    *state_->words = std::move(words);
  }
  return true;
}

std::string Flags::help_text() const {
  std::string text = base::cat("Usage: slipway ", state_->verb, " ", state_->synopsis, "\n\n",
                               state_->app.get_description(), "\n\nOptions:\n");
  std::size_t width = 0;
  for (const CLI::Option* option : state_->app.get_options()) {
    width = std::max(width, option->get_name(false, true).size());
  }
  for (const CLI::Option* option : state_->app.get_options()) {
    std::string name = option->get_name(false, true);
    text += base::cat("  ", name, std::string(width - name.size() + 2, ' '),
                      option->get_description(), "\n");
  }
  return text;
}

}  // namespace slipway::cmd
