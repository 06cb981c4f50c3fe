#include "parser/expand.h"
#include "tests/fuzz/fuzz.h"

// The first byte chooses the mode, the first line after it is one variable, the rest is the word.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slipway::tests::require;
  if (size == 0) {
    return 0;
  }
  unsigned mode = data[0];
  std::string_view text = slipway::tests::input_text(data + 1, size - 1);
  slipway::parser::VariableList variables({"a=hello", "e=", "star=*a*\n"});
  variables.set("v", slipway::tests::take_part(text));
  slipway::parser::ExpandOptions options{.escape = (mode & 1) != 0 ? '`' : '\\',
                                         .plain_quotes = (mode & 2) != 0,
                                         .keep_quotes = (mode & 4) != 0,
                                         .keep_escapes = (mode & 8) != 0,
                                         .skip_unset = (mode & 16) != 0};
  auto result = slipway::parser::expand(text, variables, options);
  auto again = slipway::parser::expand(text, variables, options);
  require(result.has_value() == again.has_value());
  if (!result) {
    require(result.error().starts_with("failed to process \""));
    return 0;
  }
  require(result->text == again->text);
  std::size_t words_size = 0;
  for (const std::string& word : result->words) {
    require(!word.empty());
    words_size += word.size();
  }
  // In words a byte that is no UTF-8 becomes the three of U+FFFD.
  require(words_size <= result->text.size() * 3);
  return 0;
}
