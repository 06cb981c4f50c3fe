#include "parser/json_text.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "parser/unicode.h"

// A reader of our own instead of the JSON library: the exec form takes bytes that are no UTF-8 and
// lone surrogates, where the library refuses the whole text, and needs the places of its strings.

namespace slipway::parser {

namespace {

constexpr std::size_t kNestingMax = 10000;

class Reader {
 public:
  Reader(std::string_view text, std::size_t base) : text_(text), base_(base) {}

  std::optional<JsonStrings> read_array() {
    skip_spaces();
    if (!take('[')) {
      return std::nullopt;
    }
    JsonStrings found;
    skip_spaces();
    if (!take(']') && !read_elements(found)) {
      return std::nullopt;
    }
    skip_spaces();
    return at_ == text_.size() ? std::optional(std::move(found)) : std::nullopt;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }

  bool take(char wanted) {
    if (at_end() || text_[at_] != wanted) {
      return false;
    }
    ++at_;
    return true;
  }

  void skip_spaces() {
    while (!at_end() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  // After '[': elements, commas, ']'.
  bool read_elements(JsonStrings& found) {
    while (true) {
      skip_spaces();
      if (!at_end() && text_[at_] == '"') {
        Word word{{}, base_ + at_};
        if (!read_string(&word.text)) {
          return false;
        }
        found.words.push_back(std::move(word));
      } else {
        found.all_strings = false;
        if (!read_value()) {
          return false;
        }
      }
      skip_spaces();
      if (take(']')) {
        return true;
      }
      if (!take(',')) {
        return false;
      }
    }
  }

  // Any value, without recursion: `open_` holds the brackets still to be closed.
  bool read_value() {
    open_.clear();
    if (!read_start()) {
      return false;
    }
    while (!open_.empty()) {
      skip_spaces();
      if (take(open_.back() == '[' ? ']' : '}')) {
        open_.pop_back();
      } else if (!take(',') || !read_member()) {
        return false;
      }
    }
    return true;
  }

  // A scalar, or an opening bracket together with what follows it.
  bool read_start() {
    while (true) {
      skip_spaces();
      if (at_end()) {
        return false;
      }
      char first = text_[at_];
      if (first != '[' && first != '{') {
        return read_scalar();
      }
      ++at_;
      // The array around all is one level, this one another.
      if (open_.size() + 2 > kNestingMax) {
        return false;
      }
      skip_spaces();
      if (take(first == '[' ? ']' : '}')) {
        return true;
      }
      open_.push_back(first);
      if (first == '{' && !read_key()) {
        return false;
      }
    }
  }

  bool read_member() { return (open_.back() == '[' || read_key()) && read_start(); }

  bool read_key() {
    skip_spaces();
    if (!read_string(nullptr)) {
      return false;
    }
    skip_spaces();
    return take(':');
  }

  bool read_scalar() {
    char first = text_[at_];
    if (first == '"') {
      return read_string(nullptr);
    }
    for (std::string_view word : {"true", "false", "null"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return true;
      }
    }
    return read_number();
  }

  bool read_digits() {
    std::size_t start = at_;
    while (!at_end() && text_[at_] >= '0' && text_[at_] <= '9') {
      ++at_;
    }
    return at_ > start;
  }

  // A number too large for a double makes the text invalid, as in the original.
  bool read_number() {
    std::size_t start = at_;
    take('-');
    if (!take('0') && !read_digits()) {
      return false;
    }
    if (take('.') && !read_digits()) {
      return false;
    }
    bool negative_exponent = false;
    if (take('e') || take('E')) {
      negative_exponent = take('-');
      if (!negative_exponent) {
        take('+');
      }
      if (!read_digits()) {
        return false;
      }
    }
    double value = 0;
    auto result = std::from_chars(text_.data() + start, text_.data() + at_, value);
    return result.ec != std::errc::result_out_of_range || negative_exponent;
  }

  // At a quote. The decoded text goes to `out`, which may be null.
  bool read_string(std::string* out) {
    if (!take('"')) {
      return false;
    }
    std::string unused;
    std::string& text = out == nullptr ? unused : *out;
    while (!at_end()) {
      char next = text_[at_];
      if (next == '"') {
        ++at_;
        return true;
      }
      if (next == '\\') {
        if (!read_escape(text)) {
          return false;
        }
      } else if (static_cast<unsigned char>(next) < 0x20) {
        return false;
      } else {
        Decoded decoded = decode_utf8(text_, at_);
        append_utf8(text, decoded.character);
        at_ += decoded.size;
      }
    }
    return false;
  }

  bool read_escape(std::string& out) {
    ++at_;  // the backslash
    if (at_end()) {
      return false;
    }
    char letter = text_[at_++];
    if (letter == 'u') {
      return read_code_point(out);
    }
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    std::size_t index = kLetters.find(letter);
    if (index == std::string_view::npos) {
      return false;
    }
    out.push_back(kMeanings[index]);
    return true;
  }

  bool read_code_point(std::string& out) {
    std::optional<char32_t> unit = read_hex();
    if (!unit) {
      return false;
    }
    bool high = *unit >= 0xD800 && *unit < 0xDC00;
    bool low = *unit >= 0xDC00 && *unit < 0xE000;
    if (high && text_.substr(at_, 2) == "\\u") {
      std::size_t before = at_;
      at_ += 2;
      std::optional<char32_t> second = read_hex();
      if (!second) {
        return false;
      }
      if (*second >= 0xDC00 && *second < 0xE000) {
        append_utf8(out, 0x10000 + ((*unit - 0xD800) << 10) + (*second - 0xDC00));
        return true;
      }
      at_ = before;  // the second is read again on its own
    }
    append_utf8(out, high || low ? kReplacementCharacter : *unit);
    return true;
  }

  std::optional<char32_t> read_hex() {
    std::string_view digits = text_.substr(at_, 4);
    std::uint32_t value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 4 || error != std::errc{} || end != digits.data() + 4) {
      return std::nullopt;
    }
    at_ += 4;
    return value;
  }

  std::string_view text_;
  std::size_t base_;
  std::size_t at_ = 0;
  std::string open_;
};

}  // namespace

std::optional<JsonStrings> parse_json_strings(std::string_view text, std::size_t base) {
  return Reader(text, base).read_array();
}

}  // namespace slipway::parser
