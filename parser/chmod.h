#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

// The value of COPY --chmod and ADD --chmod: octal, or the clauses of chmod(1).

namespace slipway::parser {

class ChmodValue {
 public:
  // Octal digits only, up to 07777?
  bool is_octal() const { return octal_; }
  // The mode of an octal value.
  std::uint32_t octal_mode() const { return mode_; }

  // The permission bits (07777) of a file that had `mode`. The mask of the process plays no part;
  // X gives execute to folders and to what has any execute bit.
  enum class Kind { kFile, kFolder };
  std::uint32_t apply(std::uint32_t mode, Kind kind) const;

 private:
  friend std::expected<ChmodValue, std::string> parse_chmod(std::string_view text);
  struct Action {
    std::uint32_t who = 0;  // bits 4 user, 2 group, 1 others
    char operation = '=';
    std::string permissions;  // of "rwxXst", or one of "u", "g", "o"
  };
  bool octal_ = false;
  std::uint32_t mode_ = 0;
  std::vector<Action> actions_;
};

// Errors: «invalid chmod parameter: '<v>'. it should be octal string and between 0 and 07777»,
// «invalid syntax».
std::expected<ChmodValue, std::string> parse_chmod(std::string_view text);

}  // namespace slipway::parser
