// Text to blocks, in two steps: the text is cut into literal pieces and actions ({{…}}), actions
// into tokens; then blocks are read by recursive descent.
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "cmd/output/template_ast.h"

namespace slipway::cmd {

namespace {

using base::cat;

// Blocks in blocks and parentheses in parentheses: deeper is a mistake, and recursion stays
// shallow.
constexpr int kDepthMax = 64;
constexpr std::string_view kSpace = " \t\r\n";

struct Piece {
  bool is_action = false;
  std::string text;
};

[[noreturn]] void fail_parse(std::string_view source, const std::string& why) {
  base::fail(base::ErrorKind::kUsage, cat("template ", base::quote(source), ": ", why));
}

bool is_space(char byte) {
  return kSpace.find(byte) != std::string_view::npos;
}

// The end of an action that begins at `start`: "}}" outside of quotes.
std::size_t find_action_end(std::string_view source, std::size_t start) {
  char quote = 0;
  for (std::size_t i = start; i < source.size(); ++i) {
    if (quote != 0) {
      if (source[i] == '\\' && quote != '`') {
        ++i;
      } else if (source[i] == quote) {
        quote = 0;
      }
    } else if (source[i] == '"' || source[i] == '`' || source[i] == '\'') {
      quote = source[i];
    } else if (source.substr(i, 2) == "}}") {
      return i;
    }
  }
  fail_parse(source, "unclosed action: \"{{\" without \"}}\"");
}

void trim_right(std::string& text) {
  text.erase(text.find_last_not_of(kSpace) + 1);
}

std::vector<Piece> cut(std::string_view source) {
  std::vector<Piece> pieces;
  bool trim_next = false;
  std::size_t place = 0;
  while (place <= source.size()) {
    std::size_t open = std::min(source.find("{{", place), source.size());
    std::string text(source.substr(place, open - place));
    if (trim_next) {
      text.erase(0, text.find_first_not_of(kSpace));
    }
    if (open == source.size()) {
      pieces.push_back({false, std::move(text)});
      return pieces;
    }
    std::size_t end = find_action_end(source, open + 2);
    std::string_view action = source.substr(open + 2, end - open - 2);
    if (action.size() >= 2 && action[0] == '-' && is_space(action[1])) {
      action.remove_prefix(1);
      trim_right(text);
    }
    trim_next = action.size() >= 2 && action.back() == '-' && is_space(action[action.size() - 2]);
    if (trim_next) {
      action.remove_suffix(1);
    }
    pieces.push_back({false, std::move(text)});
    pieces.push_back({true, std::string(base::trim(action))});
    place = end + 2;
  }
  return pieces;
}

struct Token {
  enum class Kind { kWord, kField, kVariable, kText, kNumber, kSign, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;  // of a field: without its dot; "" is the dot alone
  bool after_space = true;
  bool is(Kind wanted, std::string_view wanted_text) const {
    return kind == wanted && text == wanted_text;
  }
};

class Lexer {
 public:
  Lexer(std::string_view source, std::string_view action) : source_(source), action_(action) {}

  std::vector<Token> tokens() {
    std::vector<Token> tokens;
    while (true) {
      std::size_t before = place_;
      while (place_ < action_.size() && is_space(action_[place_])) {
        ++place_;
      }
      bool spaced = place_ > before || tokens.empty();
      if (place_ == action_.size()) {
        tokens.push_back({});
        return tokens;
      }
      Token token = next();
      token.after_space = spaced;
      tokens.push_back(std::move(token));
    }
  }

 private:
  static bool is_word(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || (byte & 0x80) != 0;
  }

  std::string word() {
    std::size_t start = place_;
    while (place_ < action_.size() && is_word(action_[place_])) {
      ++place_;
    }
    return std::string(action_.substr(start, place_ - start));
  }

  Token next() {
    char first = action_[place_];
    if (first == '.') {
      ++place_;
      return {Token::Kind::kField, word()};
    }
    if (first == '$') {
      ++place_;
      return {Token::Kind::kVariable, word()};
    }
    if (first == '"' || first == '`') {
      return {Token::Kind::kText, quoted(first)};
    }
    bool signed_number = (first == '-' || first == '+') && place_ + 1 < action_.size();
    if ((first >= '0' && first <= '9') || signed_number) {
      ++place_;
      std::string digits = word();
      return {Token::Kind::kNumber, first == '+' ? digits : cat(first, digits)};
    }
    if (is_word(first)) {
      return {Token::Kind::kWord, word()};
    }
    std::size_t length = action_.substr(place_, 2) == ":=" ? 2 : 1;
    Token sign{Token::Kind::kSign, std::string(action_.substr(place_, length))};
    place_ += length;
    return sign;
  }

  std::string quoted(char quote) {
    std::string text;
    for (++place_; place_ < action_.size() && action_[place_] != quote; ++place_) {
      char byte = action_[place_];
      if (byte != '\\' || quote == '`') {
        text += byte;
        continue;
      }
      char escaped = ++place_ < action_.size() ? action_[place_] : '\\';
      switch (escaped) {
        case 'n':
          text += '\n';
          break;
        case 't':
          text += '\t';
          break;
        case 'r':
          text += '\r';
          break;
        case '\\':
        case '"':
        case '\'':
          text += escaped;
          break;
        default:
          fail_parse(source_, cat("unknown escape in a string: \\", escaped));
      }
    }
    ++place_;
    return text;
  }

  std::string_view source_;
  std::string_view action_;  // both owned by the parser's caller
  std::size_t place_ = 0;
};

// One action's tokens read as a pipeline.
class PipelineParser {
 public:
  PipelineParser(std::string_view source, std::vector<Token> tokens)
      : source_(source), tokens_(std::move(tokens)) {}

  const Token& peek() const { return tokens_[place_]; }
  Token take() {
    Token token = tokens_[place_];
    if (token.kind != Token::Kind::kEnd) {
      ++place_;
    }
    return token;
  }
  bool take_sign(std::string_view text) {
    if (!peek().is(Token::Kind::kSign, text)) {
      return false;
    }
    ++place_;
    return true;
  }

  // `$value := pipeline` or `$key, $value := pipeline`; without them the names stay empty.
  TemplatePipeline declared(std::string& key_variable) {
    std::string value_variable;
    std::size_t start = place_;
    if (peek().kind == Token::Kind::kVariable) {
      value_variable = take().text;
      if (take_sign(",") && peek().kind == Token::Kind::kVariable) {
        key_variable = std::exchange(value_variable, take().text);
      }
      if (!take_sign(":=")) {
        place_ = start;
        key_variable.clear();
        value_variable.clear();
      }
    }
    TemplatePipeline result = pipeline(0);
    result.variable = value_variable;
    return result;
  }

  TemplatePipeline pipeline(int depth) {
    if (depth > kDepthMax) {
      fail_parse(source_, "too many parentheses in each other");
    }
    TemplatePipeline result;
    do {
      result.commands.push_back(command(depth));
    } while (take_sign("|"));
    return result;
  }

  void end() {
    if (peek().kind != Token::Kind::kEnd) {
      fail_parse(source_, cat("unexpected ", base::quote(peek().text), " in an action"));
    }
  }

 private:
  TemplateCommand command(int depth) {
    TemplateCommand result;
    bool literal = peek().text == "true" || peek().text == "false" || peek().text == "nil";
    if (peek().kind == Token::Kind::kWord && !literal) {
      result.function = take().text;
    }
    while (std::optional<TemplateOperand> next = operand(depth)) {
      result.operands.push_back(std::move(*next));
    }
    if (result.function.empty() && result.operands.size() != 1) {
      fail_parse(source_, result.operands.empty() ? "a value is missing in an action"
                                                  : "two values stand side by side in an action");
    }
    return result;
  }

  std::optional<TemplateOperand> operand(int depth) {
    TemplateOperand result;
    Token token = peek();
    switch (token.kind) {
      case Token::Kind::kField:
        result.value = TemplateOperand::Dot{};
        if (!token.text.empty()) {
          result.members.push_back(token.text);
        }
        break;
      case Token::Kind::kVariable:
        result.value = TemplateOperand::Variable{token.text};
        break;
      case Token::Kind::kText:
        result.value = token.text;
        break;
      case Token::Kind::kNumber:
        result.value = number(token.text);
        break;
      case Token::Kind::kWord:
        result.value = literal(token.text);
        break;
      case Token::Kind::kSign:
        if (token.text != "(") {
          return std::nullopt;
        }
        take();
        result.value = std::make_shared<const TemplatePipeline>(pipeline(depth + 1));
        if (!peek().is(Token::Kind::kSign, ")")) {
          fail_parse(source_, "\"(\" without \")\"");
        }
        break;
      case Token::Kind::kEnd:
        return std::nullopt;
    }
    take();
    while (peek().kind == Token::Kind::kField && !peek().after_space) {
      result.members.push_back(take().text);
    }
    return result;
  }

  std::int64_t number(const std::string& text) const {
    std::optional<std::int64_t> value = base::parse_integer<std::int64_t>(text);
    if (!value) {
      fail_parse(source_, cat("no whole number: ", text));
    }
    return *value;
  }

  decltype(TemplateOperand::value) literal(const std::string& word) const {
    if (word == "true" || word == "false") {
      return word == "true";
    }
    if (word == "nil") {
      return TemplateOperand::Nil{};
    }
    fail_parse(source_,
               cat("a function in the place of a value: ", word, " (put it in parentheses)"));
  }

  std::string_view source_;  // owned by the caller of parse_template
  std::vector<Token> tokens_;
  std::size_t place_ = 0;
};

class BlockParser {
 public:
  explicit BlockParser(std::string_view source) : source_(source), pieces_(cut(source)) {}

  TemplateBlock all() {
    TemplateBlock result = block(0);
    if (place_ < pieces_.size()) {
      fail_parse(source_, cat("unexpected {{", pieces_[place_].text, "}}"));
    }
    return result;
  }

 private:
  // Up to an {{else…}} or {{end}}, which stays.
  TemplateBlock block(int depth) {
    if (depth > kDepthMax) {
      fail_parse(source_, "too many blocks in each other");
    }
    TemplateBlock result;
    while (place_ < pieces_.size()) {
      const Piece& piece = pieces_[place_];
      if (!piece.is_action) {
        result.nodes.push_back({.text = piece.text});
        ++place_;
        continue;
      }
      std::string word = first_word(piece.text);
      if (word == "else" || word == "end") {
        break;
      }
      ++place_;
      if (!piece.text.starts_with("/*")) {
        result.nodes.push_back(node(word, piece.text, depth));
      }
    }
    return result;
  }

  static std::string first_word(std::string_view action) {
    return std::string(action.substr(0, action.find_first_of(kSpace)));
  }

  TemplateNode node(const std::string& word, std::string_view action, int depth) {
    TemplateNode result;
    if (word == "if" || word == "with" || word == "range") {
      result.kind = word == "if"     ? TemplateNode::Kind::kIf
                    : word == "with" ? TemplateNode::Kind::kWith
                                     : TemplateNode::Kind::kRange;
      read_pipeline(result, action.substr(word.size()));
      result.body = block(depth + 1);
      read_rest(result, word, depth);
      return result;
    }
    result.kind = TemplateNode::Kind::kPrint;
    read_pipeline(result, action);
    if (!result.key_variable.empty()) {
      fail_parse(source_, "two variables are declared outside of a range");
    }
    return result;
  }

  void read_pipeline(TemplateNode& node, std::string_view action) {
    PipelineParser parser(source_, Lexer(source_, action).tokens());
    node.pipeline = parser.declared(node.key_variable);
    parser.end();
  }

  // {{else}}, {{else if …}}, {{end}}
  void read_rest(TemplateNode& node, const std::string& word, int depth) {
    if (place_ == pieces_.size()) {
      fail_parse(source_, cat("{{", word, "}} without {{end}}"));
    }
    std::string action = pieces_[place_++].text;
    if (action == "end") {
      return;
    }
    std::string condition(base::trim(std::string_view(action).substr(4)));
    if (condition.empty()) {
      node.otherwise = block(depth + 1);
      if (place_ == pieces_.size() || pieces_[place_].text != "end") {
        fail_parse(source_, cat("{{", word, "}} without {{end}}"));
      }
      ++place_;
      return;
    }
    std::string next_word = first_word(condition);
    if (next_word != "if" && next_word != "with") {
      fail_parse(source_, cat("unexpected {{", action, "}}"));
    }
    node.otherwise.nodes.push_back(this->node(next_word, condition, depth + 1));
  }

  std::string_view source_;  // owned by the caller of parse_template
  std::vector<Piece> pieces_;
  std::size_t place_ = 0;
};

}  // namespace

TemplateBlock parse_template(std::string_view text) {
  return BlockParser(text).all();
}

}  // namespace slipway::cmd
