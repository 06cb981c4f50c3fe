// The words are read here, by the rules of pflag, which docker's users have in their fingers and
// scripts; CLI11 has others (`-n=x` gives "=x", `--name -x` and `--name=` are errors). What it gets
// is each flag in the one form that it takes without doubt, and it converts, collects and
// documents.
#include "cmd/flags.h"

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/text.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

enum class Takes { kValue, kTruth };

struct Known {
  std::vector<std::string> names;  // "-t", "--tag"
  Takes takes = Takes::kValue;
  std::optional<std::string> when_bare;  // the value that may be left out
  std::string refused;                   // why it can't be had; empty: it can
  const std::string& canonical() const { return names.back(); }
};

bool is_flag_word(const std::string& word) {
  return word.size() > 1 && word[0] == '-';
}

std::string parse_truth(const std::string& name, std::string_view text) {
  for (std::string_view yes : {"true", "1", "t", "T", "TRUE", "True"}) {
    if (text == yes) {
      return "true";
    }
  }
  for (std::string_view no : {"false", "0", "f", "F", "FALSE", "False"}) {
    if (text == no) {
      return "false";
    }
  }
  base::fail(base::ErrorKind::kUsage,
             cat("flag ", name, ": ", base::quote(text), " is neither true nor false"));
}

// One verb's words, taken apart.
class WordReader {
 public:
  WordReader(const std::vector<Known>& known, const std::string& verb, bool ends_at_first_word)
      : known_(known), verb_(verb), ends_at_first_word_(ends_at_first_word) {}

  // False if help was asked for.
  bool read(const std::vector<std::string>& arguments) {
    for (place_ = 0; place_ < arguments.size(); ++place_) {
      const std::string& word = arguments[place_];
      if (word == "--") {
        words.insert(words.end(), arguments.begin() + static_cast<std::ptrdiff_t>(place_) + 1,
                     arguments.end());
        return true;
      }
      if (!is_flag_word(word)) {
        if (ends_at_first_word_) {
          words.insert(words.end(), arguments.begin() + static_cast<std::ptrdiff_t>(place_),
                       arguments.end());
          return true;
        }
        words.push_back(word);
      } else if (word == "--help" || (word == "-h" && find("-h") == nullptr)) {
        return false;
      } else if (word.starts_with("--")) {
        read_long(word, arguments);
      } else {
        read_short(word, arguments);
      }
    }
    return true;
  }

  std::vector<std::string> words;
  std::vector<std::string> flags;  // in the form for CLI11

 private:
  const Known* find(const std::string& name) const {
    for (const Known& known : known_) {
      for (const std::string& one : known.names) {
        if (one == name) {
          return &known;
        }
      }
    }
    return nullptr;
  }

  const Known& get(const std::string& name) const {
    const Known* known = find(name);
    if (known == nullptr) {
      fail_unknown(name);
    }
    if (!known->refused.empty()) {
      base::fail(base::ErrorKind::kUsage, cat(name, " is not available: ", known->refused));
    }
    return *known;
  }

  [[noreturn]] void fail_unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const Known& known : known_) {
      if (known.refused.empty()) {
        names.insert(names.end(), known.names.begin(), known.names.end());
      }
    }
    // "-x" is too short to be near to anything.
    std::string suggestion = name.size() > 2 ? parser::did_you_mean(name, names) : "";
    base::fail(base::ErrorKind::kUsage, cat("unknown flag: ", name, suggestion),
               cat("'slipway ", verb_, " --help' lists the flags"));
  }

  void take(const Known& known, const std::string& name, const std::string& value) {
    if (known.takes == Takes::kTruth) {
      flags.push_back(cat(known.canonical(), "=", parse_truth(name, value)));
    } else if (value.empty()) {
      flags.insert(flags.end(), {known.canonical(), ""});
    } else {
      flags.push_back(cat(known.canonical(), "=", value));
    }
  }

  // The next word, whatever it looks like.
  const std::string& next_word(const std::string& name, const std::vector<std::string>& arguments) {
    if (place_ + 1 == arguments.size()) {
      base::fail(base::ErrorKind::kUsage, cat("flag needs an argument: ", name),
                 cat("'slipway ", verb_, " --help' says which"));
    }
    return arguments[++place_];
  }

  // --name=value, --name value, --toggle, --toggle=false
  void read_long(const std::string& word, const std::vector<std::string>& arguments) {
    auto pair = base::split_once(word, '=');
    std::string name(pair ? pair->before : std::string_view(word));
    const Known& known = get(name);
    if (pair) {
      take(known, name, std::string(pair->after));
    } else if (known.when_bare) {
      take(known, name, *known.when_bare);
    } else {
      take(known, name, next_word(name, arguments));
    }
  }

  // -it, -tx, -t x, -t=x: toggles up to one that takes a value, which is the rest of the word.
  void read_short(const std::string& word, const std::vector<std::string>& arguments) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      std::string name = cat('-', word[i]);
      const Known& known = get(name);
      bool has_equal_sign = i + 1 < word.size() && word[i + 1] == '=';
      if (known.when_bare && !has_equal_sign) {
        take(known, name, *known.when_bare);
        continue;
      }
      bool is_last = i + 1 == word.size();
      take(known, name,
           is_last ? next_word(name, arguments) : word.substr(i + (has_equal_sign ? 2 : 1)));
      return;
    }
  }

  const std::vector<Known>& known_;
  const std::string& verb_;
  bool ends_at_first_word_;
  std::size_t place_ = 0;
};

// "  -t, --tag VALUE", with the long names below each other.
std::string help_name(const CLI::Option& option) {
  std::string shorts;
  for (const std::string& name : option.get_snames()) {
    shorts += cat(shorts.empty() ? "" : ", ", "-", name);
  }
  std::string longs;
  for (const std::string& name : option.get_lnames()) {
    longs += cat(longs.empty() ? "" : ", ", "--", name);
  }
  std::string names = shorts.empty()  ? cat("    ", longs)
                      : longs.empty() ? shorts
                                      : cat(shorts, ", ", longs);
  bool takes_value = option.get_items_expected_max() > 0 && option.get_type_size_max() > 0;
  return cat("  ", names, takes_value ? " VALUE" : "");
}

}  // namespace

struct Flags::State {
  std::string verb;
  std::string synopsis;
  CLI::App app;
  std::vector<Known> known;
  std::vector<std::string>* words = nullptr;
  Count count{0, 0};
  bool ends_at_first_word = false;

  State(std::string verb_name, std::string synopsis_text, const std::string& summary)
      : verb(std::move(verb_name)),
        synopsis(std::move(synopsis_text)),
        app(summary, cat("slipway ", verb)) {}

  void know(const std::string& names, Takes takes,
            std::optional<std::string> when_bare = std::nullopt, std::string refused = {}) {
    Known flag{{}, takes, std::move(when_bare), std::move(refused)};
    for (std::string_view name : base::split(names, ',')) {
      flag.names.emplace_back(name);
    }
    known.push_back(std::move(flag));
  }
};

Flags::Flags(std::string verb, std::string synopsis, std::string summary)
    : state_(std::make_unique<State>(std::move(verb), std::move(synopsis), summary)) {
  state_->app.set_help_flag("--help", "Print this text");
}

Flags::~Flags() = default;

void Flags::text(const std::string& names, std::string& target, const std::string& help) {
  state_->know(names, Takes::kValue);
  state_->app.add_option(names, target, help)->take_last()->expected(1)->allow_extra_args(false);
}

void Flags::text_or(const std::string& names, std::string& target, const std::string& when_bare,
                    const std::string& help) {
  state_->know(names, Takes::kValue, when_bare);
  state_->app.add_option(names, target, help)->take_last()->expected(1)->allow_extra_args(false);
}

void Flags::optional_text(const std::string& names, std::optional<std::string>& target,
                          const std::string& help) {
  state_->know(names, Takes::kValue);
  state_->app
      .add_option_function<std::string>(
          names, [&target](const std::string& value) { target = value; }, help)
      ->take_last()
      ->expected(1)
      ->allow_extra_args(false);
}

void Flags::texts(const std::string& names, std::vector<std::string>& target,
                  const std::string& help) {
  state_->know(names, Takes::kValue);
  // One value a flag, the flag as often as wanted.
  state_->app.add_option(names, target, help)->take_all()->expected(1)->allow_extra_args(false);
}

void Flags::toggle(const std::string& names, bool& target, const std::string& help) {
  state_->know(names, Takes::kTruth, "true");
  state_->app.add_flag(names, target, help)->take_last();
}

void Flags::refuse(const std::string& names, const std::string& why) {
  state_->know(names, Takes::kValue, std::nullopt, why);
}

void Flags::words(std::vector<std::string>& target, Count count) {
  state_->words = &target;
  state_->count = count;
}

void Flags::end_at_first_word() {
  state_->ends_at_first_word = true;
}

bool Flags::parse(const std::vector<std::string>& arguments) {
  WordReader reader(state_->known, state_->verb, state_->ends_at_first_word);
  if (!reader.read(arguments)) {
    return false;
  }
  // CLI11 takes its words last first.
  std::vector<std::string> reversed(reader.flags.rbegin(), reader.flags.rend());
  try {
    state_->app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    base::fail(base::ErrorKind::kUsage, cat(state_->verb, ": ", error.what()),
               cat("'slipway ", state_->verb, " --help' lists the flags"));
  }
  std::size_t count = reader.words.size();
  if (count < state_->count.least || count > state_->count.most) {
    base::fail(base::ErrorKind::kUsage,
               cat("usage: slipway ", state_->verb, " ", state_->synopsis, "; got ", count,
                   count == 1 ? " argument" : " arguments"),
               cat("'slipway ", state_->verb, " --help' says more"));
  }
  if (state_->words != nullptr) {
    *state_->words = std::move(reader.words);
  }
  return true;
}

std::string Flags::help_text() const {
  std::string text = cat("Usage: slipway ", state_->verb, " ", state_->synopsis, "\n\n",
                         state_->app.get_description(), "\n\nOptions:\n");
  std::vector<std::string> names;
  std::size_t width = 0;
  for (const CLI::Option* option : state_->app.get_options()) {
    names.push_back(help_name(*option));
    width = std::max(width, names.back().size());
  }
  std::size_t place = 0;
  for (const CLI::Option* option : state_->app.get_options()) {
    const std::string& name = names[place++];
    text += cat(name, std::string(width - name.size() + 2, ' '), option->get_description(), "\n");
  }
  return text;
}

}  // namespace slipway::cmd
