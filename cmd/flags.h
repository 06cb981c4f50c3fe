#pragma once

// Flags of one verb, in docker's manner: `-t x`, `-tx`, `-t=x`, `--tag x`, `--tag=x`, `-it`,
// `--quiet=false`, `--` ends flags; a value may look like a flag. Behind it is CLI11; this header
// keeps its templates out of every verb.

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway::cmd {

class Flags {
 public:
  // `synopsis` as in "[OPTIONS] PATH | URL | -". `summary` is one sentence.
  Flags(std::string verb, std::string synopsis, std::string summary);
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;
  ~Flags();

  // `names` as in "-t,--tag". Targets belong to the caller and outlive parse().
  void text(const std::string& names, std::string& target,
            const std::string& help);  // the last one wins
  // The same, but the value may be left out, and then has to follow an equal sign where it is not:
  // `--pull` means `when_bare`, `--pull=never` what it says.
  void text_or(const std::string& names, std::string& target, const std::string& when_bare,
               const std::string& help);
  void optional_text(const std::string& names, std::optional<std::string>& target,
                     const std::string& help);
  void texts(const std::string& names, std::vector<std::string>& target,
             const std::string& help);  // may repeat
  void toggle(const std::string& names, bool& target, const std::string& help);
  // A flag that others have and this verb can't: whoever gives it is told why (kUsage).
  void refuse(const std::string& names, const std::string& why);
  // The words that are no flags. kUsage unless at least `least` and at most `most` are given.
  struct Count {
    std::size_t least;
    std::size_t most;
  };
  void words(std::vector<std::string>& target, Count count);
  // Flags end at the first word that is none: `run IMAGE ls -l`.
  void end_at_first_word();

  // False if help was asked for (--help): then `help_text` is what to print. Throws base::Error of
  // kind kUsage, with the nearest flag where one is unknown.
  bool parse(const std::vector<std::string>& arguments);
  std::string help_text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::cmd
