// Parsing a mapping file's expressions, by recursive descent.
#include <algorithm>
#include <array>

#include "compiler/base/messages.h"
#include "compiler/mapping/expression_tree.h"
#include "targets/yaml_reader.h"

namespace septran::mapping::expression {
namespace {

constexpr int max_depth = 100;

struct Token {
  enum class Kind { end, number, name, text, symbol } kind = Kind::end;
  std::string_view text;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Parser {
 public:
  Parser(std::string_view text, ExpressionPlace place, Diagnostics& diagnostics)
      : text_(text), place_(place), diagnostics_(diagnostics) {
    next();
  }

  Result<Node> parse() {
    auto node = ternary();
    if (node && token_.kind != Token::Kind::end) return expected("an operator or the end");
    return node;
  }

 private:
  using Level = Result<Node> (Parser::*)();
  struct BinaryOperator {
    std::string_view text;
    Op op;
  };

  void next();
  bool is(std::string_view text) const {
    return (token_.kind == Token::Kind::symbol || token_.kind == Token::Kind::name) &&
           token_.text == text;
  }
  bool accept(std::string_view text) {
    if (!is(text)) return false;
    next();
    return true;
  }
  /// In YAML's braces a comma ends a value that is not quoted.
  [[nodiscard]] bool is_cut_at_comma() const {
    return token_.kind == Token::Kind::end && std::count(text_.begin(), text_.end(), '(') >
                                                  std::count(text_.begin(), text_.end(), ')');
  }
  std::nullopt_t expected(std::string_view what) {
    const std::string found =
        token_.kind == Token::Kind::end ? "the end" : fmt::format("'{}'", token_.text);
    diagnostics_.report(
        span_at(place_, token_.begin, token_.end), messages::expression_syntax, what, found,
        is_cut_at_comma() ? messages::quote_expression_hint : messages::expression_hint);
    return std::nullopt;
  }
  bool enter();
  Result<Node> ternary();
  Result<Node> logical(Op op, std::string_view word, Level operand);
  Result<Node> disjunction() { return logical(Op::logical_or, "or", &Parser::conjunction); }
  Result<Node> conjunction() { return logical(Op::logical_and, "and", &Parser::negation); }
  Result<Node> negation();
  Result<Node> comparison();
  template <std::size_t n>
  Result<Node> left_associative(const std::array<BinaryOperator, n>& operators, Level operand);
  Result<Node> sum();
  Result<Node> product();
  Result<Node> factor();
  Result<Node> power();
  Result<Node> atom();
  Result<Node> number();
  Result<Node> name();
  Result<Node> call(const Token& function);

  std::string_view text_;
  ExpressionPlace place_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  Token token_;
  std::size_t last_end_ = 0;
  int depth_ = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void Parser::next() {
  last_end_ = token_.end;
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
  token_ = {Token::Kind::end, {}, at_, at_};
  if (at_ >= text_.size()) return;
  std::size_t end = at_;
  const char first = text_[at_];
  if (is_digit(first) || (first == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
    token_.kind = Token::Kind::number;
    while (end < text_.size() && (is_name_part(text_[end]) || text_[end] == '.' ||
                                  ((text_[end] == '+' || text_[end] == '-') &&
                                   (text_[end - 1] == 'e' || text_[end - 1] == 'E')))) {
      ++end;
    }
  } else if (is_name_start(first)) {
    token_.kind = Token::Kind::name;
    while (end < text_.size() && is_name_part(text_[end])) ++end;
  } else if (first == '\'' || first == '"') {
    const std::size_t close = text_.find(first, at_ + 1);
    token_.kind = close == std::string_view::npos ? Token::Kind::symbol : Token::Kind::text;
    end = close == std::string_view::npos ? text_.size() : close + 1;
  } else {
    token_.kind = Token::Kind::symbol;
    const std::string_view two = text_.substr(at_, 2);
    const bool wide =
        two == "//" || two == "**" || two == "==" || two == "!=" || two == "<=" || two == ">=";
    end = at_ + (wide ? 2 : 1);
  }
  token_.text = text_.substr(at_, end - at_);
  token_.end = end;
  at_ = end;
}

bool Parser::enter() {
  if (++depth_ <= max_depth) return true;
  diagnostics_.report(span_at(place_, token_.begin, token_.end),
                      messages::mapping_expression_too_deep, max_depth);
  return false;
}

Result<Node> Parser::ternary() {
  if (!enter()) return std::nullopt;
  auto then = disjunction();
  if (then && accept("if")) {
    auto condition = disjunction();
    if (!condition) return std::nullopt;
    if (!accept("else")) return expected("'else'");
    auto otherwise = ternary();
    if (!otherwise) return std::nullopt;
    Node node;
    node.op = Op::conditional;
    node.begin = then->begin;
    node.end = otherwise->end;
    node.children = {std::move(*then), std::move(*condition), std::move(*otherwise)};
    then = std::move(node);
  }
  --depth_;
  return then;
}

Result<Node> Parser::logical(Op op, std::string_view word, Level operand) {
  auto first = (this->*operand)();
  if (!first || !is(word)) return first;
  Node node;
  node.op = op;
  node.begin = first->begin;
  node.children.push_back(std::move(*first));
  while (accept(word)) {
    auto other = (this->*operand)();
    if (!other) return std::nullopt;
    node.end = other->end;
    node.children.push_back(std::move(*other));
  }
  return node;
}

Result<Node> Parser::negation() {
  if (!is("not")) return comparison();
  if (!enter()) return std::nullopt;
  Node node;
  node.op = Op::logical_not;
  node.begin = token_.begin;
  next();
  auto operand = negation();
  if (!operand) return std::nullopt;
  node.end = operand->end;
  node.children.push_back(std::move(*operand));
  --depth_;
  return node;
}

Result<Node> Parser::comparison() {
  constexpr std::array<std::string_view, 6> operators{"==", "!=", "<=", ">=", "<", ">"};
  auto first = sum();
  if (!first) return std::nullopt;
  Node node;
  node.op = Op::compare;
  node.begin = first->begin;
  node.children.push_back(std::move(*first));
  for (;;) {
    const auto* op = std::find_if(operators.begin(), operators.end(),
                                  [this](std::string_view text) { return is(text); });
    if (op == operators.end()) break;
    next();
    auto other = sum();
    if (!other) return std::nullopt;
    node.operators.emplace_back(*op);
    node.end = other->end;
    node.children.push_back(std::move(*other));
  }
  if (node.operators.empty()) return std::move(node.children[0]);
  return node;
}

template <std::size_t n>
Result<Node> Parser::left_associative(const std::array<BinaryOperator, n>& operators,
                                      Level operand) {
  auto left = (this->*operand)();
  int added = 0;
  while (left) {
    const auto* op = std::find_if(operators.begin(), operators.end(),
                                  [this](const BinaryOperator& o) { return is(o.text); });
    if (op == operators.end()) break;
    // The tree of a chain leans left: each operator is a level of it.
    if (!enter()) return std::nullopt;
    ++added;
    next();
    auto right = (this->*operand)();
    if (!right) return std::nullopt;
    Node node;
    node.op = op->op;
    node.text = op->text;
    node.begin = left->begin;
    node.end = right->end;
    node.children.push_back(std::move(*left));
    node.children.push_back(std::move(*right));
    left = std::move(node);
  }
  depth_ -= added;
  return left;
}

Result<Node> Parser::sum() {
  static constexpr std::array<BinaryOperator, 2> operators{{{"+", Op::add}, {"-", Op::subtract}}};
  return left_associative(operators, &Parser::product);
}

Result<Node> Parser::product() {
  static constexpr std::array<BinaryOperator, 4> operators{
      {{"*", Op::multiply}, {"//", Op::floor_divide}, {"/", Op::divide}, {"%", Op::modulo}}};
  return left_associative(operators, &Parser::factor);
}

Result<Node> Parser::factor() {
  if (!is("-") && !is("+")) return power();
  if (!enter()) return std::nullopt;
  Node node;
  node.op = is("-") ? Op::negate : Op::plus;
  node.begin = token_.begin;
  next();
  auto operand = factor();
  if (!operand) return std::nullopt;
  node.end = operand->end;
  node.children.push_back(std::move(*operand));
  --depth_;
  return node;
}

Result<Node> Parser::power() {
  auto base = atom();
  if (!base || !accept("**")) return base;
  if (!enter()) return std::nullopt;
  auto exponent = factor();
  if (!exponent) return std::nullopt;
  --depth_;
  Node node;
  node.op = Op::power;
  node.text = "**";
  node.begin = base->begin;
  node.end = exponent->end;
  node.children.push_back(std::move(*base));
  node.children.push_back(std::move(*exponent));
  return node;
}

Result<Node> Parser::number() {
  Node node;
  node.begin = token_.begin;
  node.end = token_.end;
  if (const auto integer = yaml::parse_integer(token_.text)) {
    node.op = Op::integer;
    node.integer = *integer;
  } else if (token_.text.find_first_not_of("0123456789") == std::string_view::npos) {
    diagnostics_.report(span_at(place_, node.begin, node.end), messages::expression_overflow);
    return std::nullopt;
  } else if (const auto floating = yaml::parse_number(token_.text)) {
    node.op = Op::floating;
    node.floating = *floating;
  } else {
    return expected("a number");
  }
  next();
  return node;
}

Result<Node> Parser::call(const Token& function) {
  Node node;
  node.begin = function.begin;
  node.text = function.text;
  if (function.text == "min" || function.text == "max") {
    node.op = function.text == "min" ? Op::minimum : Op::maximum;
  } else if (function.text == "ceildiv") {
    node.op = Op::ceil_divide;
  } else {
    diagnostics_.report(span_at(place_, function.begin, function.end),
                        messages::expression_unknown_name, function.text,
                        yaml::name_hint(function.text, {"min", "max", "ceildiv"}));
    return std::nullopt;
  }
  do {
    auto argument = ternary();
    if (!argument) return std::nullopt;
    node.children.push_back(std::move(*argument));
  } while (accept(","));
  if (node.op == Op::ceil_divide && node.children.size() != 2) return expected("two arguments");
  if (!accept(")")) return expected("',' or ')'");
  node.end = last_end_;
  return node;
}

Result<Node> Parser::name() {
  const Token token = token_;
  next();
  if (accept("(")) return call(token);
  Node node;
  node.op = Op::name;
  node.text = token.text;
  node.begin = token.begin;
  node.end = token.end;
  if (token.text == "True" || token.text == "False" || token.text == "true" ||
      token.text == "false") {
    node.op = Op::boolean;
    node.integer = token.text[0] == 'T' || token.text[0] == 't' ? 1 : 0;
  } else if (accept(".")) {
    if (token_.kind != Token::Kind::name) return expected("'dtype'");
    node.op = Op::attribute;
    node.text2 = token_.text;
    node.end = token_.end;
    next();
  }
  return node;
}

Result<Node> Parser::atom() {
  constexpr std::array<std::string_view, 5> words{"and", "or", "not", "if", "else"};
  if (token_.kind == Token::Kind::number) return number();
  if (token_.kind == Token::Kind::name &&
      std::find(words.begin(), words.end(), token_.text) == words.end()) {
    return name();
  }
  if (token_.kind == Token::Kind::text) {
    Node node;
    node.op = Op::text;
    node.text = token_.text.substr(1, token_.text.size() - 2);
    node.begin = token_.begin;
    node.end = token_.end;
    next();
    return node;
  }
  const std::size_t begin = token_.begin;
  if (!accept("(")) return expected("a value");
  auto inner = ternary();
  if (!inner) return std::nullopt;
  if (!accept(")")) return expected("')'");
  inner->begin = begin;
  inner->end = last_end_;
  return inner;
}

}  // namespace

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

Span span_at(ExpressionPlace place, std::size_t begin, std::size_t end) {
  if (!place.exact) return place.span;
  const auto at = [&](std::size_t offset) {
    return std::min(place.span.end, place.span.begin + static_cast<std::uint32_t>(offset));
  };
  return {place.span.file, at(begin), std::max(at(end), at(begin))};
}

Result<Node> parse(std::string_view text, ExpressionPlace place, Diagnostics& diagnostics) {
  return Parser(text, place, diagnostics).parse();
}

}  // namespace septran::mapping::expression
