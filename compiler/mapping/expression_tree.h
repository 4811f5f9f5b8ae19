// The tree of a mapping file's expression.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/mapping/expression.h"

namespace septran::mapping::expression {

enum class Op {
  integer,
  floating,
  boolean,
  text,  // a quoted element type
  name,
  attribute,  // text.text2
  negate,
  plus,
  logical_not,
  logical_and,
  logical_or,
  conditional,  // children: then, condition, otherwise
  compare,      // children[0] operators[0] children[1] ...
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  ceil_divide,
  modulo,
  power,
  minimum,
  maximum
};

struct Node {
  Op op = Op::integer;
  std::size_t begin = 0;  // bytes of the text
  std::size_t end = 0;
  std::int64_t integer = 0;
  double floating = 0;
  std::string text;  // a name, or the operator as written
  std::string text2;
  std::vector<std::string> operators;
  std::vector<Node> children;
};

/// Parses the whole text; syntax errors and too deep nesting are reported.
Result<Node> parse(std::string_view text, ExpressionPlace place, Diagnostics& diagnostics);

Span span_at(ExpressionPlace place, std::size_t begin, std::size_t end);
bool is_name_start(char c);
bool is_name_part(char c);

}  // namespace septran::mapping::expression
