// Expressions, by the precedence of Python.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/language.h"
#include "compiler/frontend/parser_impl.h"

namespace septran::lang {

/// What stands for an expression that could not be read.
Parser::Node Parser::missing() {
  return {std::make_unique<Expression>(Expression{span(peek()), NoneLiteral{}}), 1};
}

void Parser::fail_too_deep(Span where) {
  fail(where, messages::expression_too_deep, max_expression_height);
}

/// `a` or `a, b, ...` without brackets.
Parser::Node Parser::expression_list() {
  const std::uint32_t begin = peek().begin;
  Node first = expression();
  if (!at_op(",")) return first;
  TupleExpression tuple;
  int height = first.height;
  tuple.items.push_back(std::move(first.expression));
  while (accept_op(",")) {
    if (at_line_end() || at_op("=")) break;
    Node item = expression();
    height = std::max(height, item.height);
    tuple.items.push_back(std::move(item.expression));
  }
  return make(span_from(begin), std::move(tuple), height + 1);
}

Parser::Node Parser::expression() {
  const DepthGuard guard(*this);
  if (depth_ > max_expression_height) {
    fail_too_deep(span(peek()));
    return missing();
  }
  const std::uint32_t begin = peek().begin;
  Node then = or_expression();
  if (!accept_word("if")) return then;
  Node condition = or_expression();
  if (!accept_word("else")) {
    fail_expected("'else' and the other value of the conditional expression");
    return then;
  }
  Node otherwise = expression();
  const int height = std::max({then.height, condition.height, otherwise.height}) + 1;
  return make(span_from(begin),
              Conditional{std::move(condition.expression), std::move(then.expression),
                          std::move(otherwise.expression)},
              height);
}

Parser::Node Parser::or_expression() { return bool_operation(false); }
Parser::Node Parser::and_expression() { return bool_operation(true); }

Parser::Node Parser::bool_operation(bool is_and) {
  const auto operand = [&] { return is_and ? not_expression() : and_expression(); };
  const std::string_view word = is_and ? "and" : "or";
  const std::uint32_t begin = peek().begin;
  Node first = operand();
  if (!at_word(word)) return first;
  BoolOperation operation{is_and, {}};
  int height = first.height;
  operation.operands.push_back(std::move(first.expression));
  while (accept_word(word)) {
    Node next = operand();
    height = std::max(height, next.height);
    operation.operands.push_back(std::move(next.expression));
  }
  return make(span_from(begin), std::move(operation), height + 1);
}

Parser::Node Parser::not_expression() {
  std::vector<std::uint32_t> begins;
  while (at_word("not")) begins.push_back(take().begin);
  Node operand = comparison();
  for (auto begin = begins.rbegin(); begin != begins.rend() && !panic_; ++begin) {
    const int height = operand.height + 1;
    operand =
        make(span_from(*begin), Unary{UnaryOp::logical_not, std::move(operand.expression)}, height);
  }
  return operand;
}

Parser::Node Parser::comparison() {
  constexpr std::array<std::pair<std::string_view, CompareOp>, 6> ops{{{"==", CompareOp::eq},
                                                                       {"!=", CompareOp::ne},
                                                                       {"<=", CompareOp::le},
                                                                       {">=", CompareOp::ge},
                                                                       {"<", CompareOp::lt},
                                                                       {">", CompareOp::gt}}};
  const std::uint32_t begin = peek().begin;
  Node first = sum();
  Comparison comparison;
  int height = first.height;
  bool found = true;
  while (found) {
    found = false;
    for (const auto& [text, op] : ops) {
      if (found || !accept_op(text)) continue;
      found = true;
      Node next = sum();
      height = std::max(height, next.height);
      comparison.ops.push_back(op);
      comparison.operands.push_back(std::move(next.expression));
    }
  }
  reject_operator();
  if (comparison.ops.empty()) return first;
  comparison.operands.insert(comparison.operands.begin(), std::move(first.expression));
  return make(span_from(begin), std::move(comparison), height + 1);
}

/// Operators of Python that Task Lang has not; each has its own hint.
void Parser::reject_operator() {
  for (const messages::Forbidden& row : messages::forbidden_operators) {
    const bool word = is_identifier(row.word);
    if (word ? !at_word(row.word) : !at_op(row.word)) continue;
    fail(span(peek()), messages::unsupported_operator, row.word, row.hint);
    return;
  }
  if (at_word("not") && peek_next().kind == TokenKind::name && text(peek_next()) == "in") {
    const Span both{file_, peek().begin, peek_next().end};
    fail(both, messages::unsupported_operator, "not in", messages::not_in_hint);
  }
}

Parser::Node Parser::binary(BinaryOp op, Node left, Node right) {
  const int height = std::max(left.height, right.height) + 1;
  const Span where{file_, left.expression->span.begin, last_end_};
  return make(where, Binary{op, std::move(left.expression), std::move(right.expression)}, height);
}

Parser::Node Parser::sum() {
  Node left = term();
  while (at_op("+") || at_op("-")) {
    const BinaryOp op = text(take()) == "+" ? BinaryOp::add : BinaryOp::subtract;
    Node right = term();
    left = binary(op, std::move(left), std::move(right));
  }
  return left;
}

Parser::Node Parser::term() {
  constexpr std::array<std::pair<std::string_view, BinaryOp>, 4> ops{
      {{"*", BinaryOp::multiply},
       {"//", BinaryOp::floor_divide},
       {"/", BinaryOp::divide},
       {"%", BinaryOp::modulo}}};
  Node left = unary();
  bool found = true;
  while (found) {
    found = false;
    for (const auto& [text, op] : ops) {
      if (found || !accept_op(text)) continue;
      found = true;
      Node right = unary();
      left = binary(op, std::move(left), std::move(right));
    }
  }
  return left;
}

Parser::Node Parser::unary() {
  std::vector<Token> signs;
  while (at_op("-") || at_op("+")) signs.push_back(take());
  if (at_op("~")) reject_operator();
  Node operand = power();
  for (auto sign = signs.rbegin(); sign != signs.rend() && !panic_; ++sign) {
    const UnaryOp op = text(*sign) == "-" ? UnaryOp::negate : UnaryOp::plus;
    const int height = operand.height + 1;
    operand = make(span_from(sign->begin), Unary{op, std::move(operand.expression)}, height);
  }
  return operand;
}

/// `a ** b`: binds tighter than a sign on its left, less tight than one on its right.
Parser::Node Parser::power() {
  Node base = postfix();
  if (!accept_op("**")) return base;
  const DepthGuard guard(*this);
  if (depth_ > max_expression_height) {
    fail_too_deep(span(peek()));
    return base;
  }
  Node exponent = unary();
  return binary(BinaryOp::power, std::move(base), std::move(exponent));
}

Parser::Node Parser::postfix() {
  Node object = atom();
  while (!panic_) {
    if (at_op(".")) {
      object = attribute(std::move(object));
    } else if (at_op("(")) {
      object = call(std::move(object));
    } else if (at_op("[")) {
      object = subscript(std::move(object));
    } else {
      break;
    }
  }
  return object;
}

Parser::Node Parser::attribute(Node object) {
  take();
  Attribute attribute;
  attribute.name = expect_name("a name after '.'", attribute.name_span);
  if (panic_) return object;
  const Span where{file_, object.expression->span.begin, last_end_};
  const auto* base = std::get_if<NameRef>(&object.expression->node);
  if (base != nullptr && base->name == module_.alias) {
    return make(where, ModuleAttribute{std::move(attribute.name)}, 1);
  }
  const int height = object.height + 1;
  attribute.object = std::move(object.expression);
  return make(where, std::move(attribute), height);
}

Parser::Node Parser::call(Node callee) {
  Call call;
  call.function_span = callee.expression->span;
  if (const auto* of_module = std::get_if<ModuleAttribute>(&callee.expression->node)) {
    call.from_module = true;
    call.function = of_module->name;
    const auto length = static_cast<std::uint32_t>(call.function.size());
    call.function_span.begin = call.function_span.end - length;
  } else if (const auto* name = std::get_if<NameRef>(&callee.expression->node)) {
    call.function = name->name;
  } else if (const auto* method = std::get_if<Attribute>(&callee.expression->node)) {
    fail(method->name_span, messages::method_call, method->name);
    return callee;
  } else {
    fail(call.function_span, messages::not_callable);
    return callee;
  }
  take();
  Arguments args = arguments();
  const Span where{file_, callee.expression->span.begin, last_end_};
  call.arguments = std::move(args.positional);
  call.keywords = std::move(args.keywords);
  return make(where, std::move(call), args.height + 1);
}

/// After the opening bracket of a call, up to and with the closing one.
Parser::Arguments Parser::arguments() {
  Arguments out;
  while (!at_op(")") && !panic_) {
    argument(out);
    reject_in_brackets();
    if (!at_op(")")) expect_op(",");
  }
  expect_op(")");
  return out;
}

void Parser::argument(Arguments& out) {
  const bool is_keyword =
      at(TokenKind::name) && peek_next().kind == TokenKind::op && text(peek_next()) == "=";
  if (is_keyword) {
    KeywordArgument keyword;
    keyword.name = expect_name("a keyword", keyword.name_span);
    expect_op("=");
    Node value = expression();
    out.height = std::max(out.height, value.height);
    keyword.value = std::move(value.expression);
    out.keywords.push_back(std::move(keyword));
    return;
  }
  Node value = expression();
  if (!out.keywords.empty()) {
    fail(value.expression->span, messages::positional_after_keyword, out.keywords.back().name);
  }
  out.height = std::max(out.height, value.height);
  out.positional.push_back(std::move(value.expression));
}

/// After an expression within brackets: what Python allows there and Task Lang does not.
void Parser::reject_in_brackets() {
  if (at_word("for") || at_word("async")) fail(span(peek()), messages::comprehension);
  if (at_op(":=")) fail(span(peek()), messages::walrus);
}

Parser::Node Parser::subscript(Node object) {
  take();
  Subscript subscript;
  int height = object.height;
  if (at_op("]")) fail_expected("an index or a slice");
  while (!at_op("]") && !panic_) {
    subscript.items.push_back(subscript_item(height));
    reject_in_brackets();
    if (!at_op("]")) expect_op(",");
  }
  expect_op("]");
  // T[(i, j)] is T[i, j].
  if (subscript.items.size() == 1 && !subscript.items[0].is_slice) {
    auto* tuple = std::get_if<TupleExpression>(&subscript.items[0].index->node);
    if (tuple != nullptr && !tuple->is_list && !tuple->items.empty()) {
      std::vector<ExpressionPtr> indices = std::move(tuple->items);
      subscript.items.clear();
      for (ExpressionPtr& index : indices) {
        const Span where = index->span;
        subscript.items.push_back({where, false, std::move(index), nullptr, nullptr});
      }
    }
  }
  const Span where{file_, object.expression->span.begin, last_end_};
  subscript.object = std::move(object.expression);
  return make(where, std::move(subscript), height + 1);
}

SubscriptItem Parser::subscript_item(int& height) {
  SubscriptItem item;
  const std::uint32_t begin = peek().begin;
  const auto part = [&] {
    Node node = expression();
    height = std::max(height, node.height);
    return std::move(node.expression);
  };
  if (!at_op(":")) item.index = part();
  if (accept_op(":")) {
    item.is_slice = true;
    item.begin = std::move(item.index);
    if (!at_op(":") && !at_op(",") && !at_op("]")) item.end = part();
    if (at_op(":")) fail(span(peek()), messages::slice_step);
  }
  item.span = span_from(begin);
  return item;
}

}  // namespace septran::lang
