#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/words.h"

namespace slipway::parser {

enum class FlagKind { kBoolean, kString, kStrings };

struct FlagRule {
  std::string_view name;
  FlagKind kind;
};

// The flags of one instruction, checked against its table (language reference 3.2).
class Flags {
 public:
  // The first problem in written order, or nothing. `rules` are sorted by name.
  std::optional<std::string> read(std::span<const Word> words, std::span<const FlagRule> rules);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Of a boolean flag: nothing where it was not given.
  std::optional<bool> boolean(std::string_view name) const;
  // Of a string flag: empty where it was not given.
  std::string string(std::string_view name) const;
  std::vector<std::string> strings(std::string_view name) const;
  // Sorted, unique.
  std::vector<std::string> names() const;

 private:
  struct Given {
    std::string_view name;  // of the rule
    std::vector<std::string> values;
  };

  const Given* find(std::string_view name) const;
  std::optional<std::string> read_one(std::string_view word, std::span<const FlagRule> rules);

  std::vector<Given> given_;
};

}  // namespace slipway::parser
