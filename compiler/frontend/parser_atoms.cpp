// Literals, names, tuples and lists.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/language.h"
#include "compiler/frontend/parser_impl.h"

namespace septran::lang {

Parser::Node Parser::atom() {
  const Token token = peek();
  const std::string_view word = text(token);
  switch (token.kind) {
    case TokenKind::number:
      return number_atom();
    case TokenKind::string:
      return string_atom();
    case TokenKind::name:
      return name_atom();
    case TokenKind::op:
      if (word == "(") return bracketed(false);
      if (word == "[") return bracketed(true);
      if (word == "{") {
        fail(span(token), messages::braces);
      } else if (word == "...") {
        fail(span(token), messages::ellipsis);
      } else if (word == "*" || word == "**") {
        fail(span(token), messages::starred, word);
      } else {
        fail_expected("an expression");
      }
      return missing();
    default:
      fail_expected("an expression");
      return missing();
  }
}

Parser::Node Parser::number_atom() {
  const Token token = take();
  const auto value = decode_number(text(token), span(token), diagnostics_);
  if (value && !value->is_integer) return make(span(token), FloatLiteral{value->floating}, 1);
  return make(span(token), IntegerLiteral{value ? value->integer : 1}, 1);
}

/// One or more strings side by side, which Python joins.
Parser::Node Parser::string_atom() {
  const std::uint32_t begin = peek().begin;
  StringLiteral literal;
  while (at(TokenKind::string)) {
    const Token token = take();
    literal.value += decode_string(text(token), span(token), diagnostics_).value_or("");
  }
  return make(span_from(begin), std::move(literal), 1);
}

Parser::Node Parser::name_atom() {
  const Token token = peek();
  const std::string word(text(token));
  if (word == "lambda") {
    fail(span(token), messages::forbidden_expression, "lambda", messages::lambda_hint);
    return missing();
  }
  if (word == "await" || word == "yield") {
    fail(span(token), messages::forbidden_expression, word, messages::await_hint);
    return missing();
  }
  if (is_keyword(word) && word != "True" && word != "False" && word != "None") {
    fail_expected("an expression");
    return missing();
  }
  take();
  if (word == "True" || word == "False") return make(span(token), BoolLiteral{word == "True"}, 1);
  if (word == "None") return make(span(token), NoneLiteral{}, 1);
  return make(span(token), NameRef{word}, 1);
}

/// A parenthesised expression, a tuple or a list.
Parser::Node Parser::bracketed(bool is_list) {
  const std::string_view close = is_list ? "]" : ")";
  const std::uint32_t begin = take().begin;
  TupleExpression tuple{{}, is_list};
  int height = 0;
  bool comma = false;
  while (!at_op(close) && !panic_) {
    Node item = expression();
    height = std::max(height, item.height);
    tuple.items.push_back(std::move(item.expression));
    reject_in_brackets();
    if (at_op(close)) break;
    expect_op(",");
    comma = true;
  }
  expect_op(close);
  if (!is_list && !comma && tuple.items.size() == 1) {
    tuple.items[0]->span = span_from(begin);
    return {std::move(tuple.items[0]), height};
  }
  return make(span_from(begin), std::move(tuple), height + 1);
}

}  // namespace septran::lang
