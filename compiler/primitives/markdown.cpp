// The documentation page of primitives.
#include <fmt/format.h>

#include "compiler/primitives/primitives.h"

namespace septran {
namespace {

std::string default_text(const AttributeValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "True" : "False";
  if (const Expr* integer = std::get_if<Expr>(&value)) return fmt::format("{}", integer->offset());
  if (const double* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return "\"" + std::get<std::string>(value) + "\"";
}

std::string signature(const Primitive& primitive) {
  std::string text;
  for (const OperandSpec& operand : primitive.operands) {
    text += (text.empty() ? "" : ", ") + operand.name + (operand.optional ? "=None" : "");
  }
  for (const AttributeSpec& attribute : primitive.attributes) {
    text += ", " + attribute.name;
    if (attribute.default_value) text += "=" + default_text(*attribute.default_value);
    if (attribute.optional) text += "=None";
  }
  return primitive.name + "(" + text + ")";
}

const char* access_text(Access access) {
  switch (access) {
    case Access::none:
      return "not used";
    case Access::read:
      return "read";
    case Access::write:
      return "written";
    case Access::read_write:
      return "read and written";
  }
  return "";
}

const char* dims_text(const Primitive& primitive) {
  switch (primitive.kind) {
    case PrimitiveKind::matrix:
      return "`m`, `n`, and `k` (reduction)";
    case PrimitiveKind::reduction:
      return "`d0`, `d1`, ... of X; that of `axis` is a reduction";
    default:
      return "`d0`, `d1`, ...";
  }
}

/// "relative 2^-21 * (1 + |x|), subnormals may flush"; empty if there is nothing to say.
std::string error_text(const Primitive& primitive) {
  const ErrorBound& bound = primitive.error_bound;
  if (bound.measure == ErrorBound::Measure::exact) return primitive.rounding;
  std::string text = fmt::format(
      "{} 2^{}", bound.measure == ErrorBound::Measure::relative ? "relative" : "absolute",
      bound.exponent);
  if (bound.growth == ErrorBound::Growth::argument) text += " * (1 + |x|)";
  if (bound.growth == ErrorBound::Growth::result) text += " * (1 + |result|)";
  if (bound.flushes) text += ", subnormals may flush";
  return text;
}

std::string section(const Primitive& primitive) {
  std::string text = fmt::format("\n## `{}`\n\n`{}`\n\n{}.\n\n", primitive.name,
                                 signature(primitive), primitive.meaning);
  text += "| argument | use | |\n|---|---|---|\n";
  for (const OperandSpec& operand : primitive.operands) {
    std::string use = access_text(operand.access);
    if (operand.only_dtype) use += fmt::format(", {} only", name(*operand.only_dtype));
    if (operand.scalar_allowed) use += ", may be a number";
    text += fmt::format("| `{}` | {} | {} |\n", operand.name, use, operand.doc);
  }
  for (const AttributeSpec& attribute : primitive.attributes) {
    text += fmt::format("| `{}` | attribute | {} |\n", attribute.name, attribute.doc);
  }
  text += fmt::format("\nIteration dimensions: {}.", dims_text(primitive));
  text += fmt::format(" Operations a point: {}.", primitive.operations_per_point);
  if (primitive.combining()) text += " Partial results may be combined.";
  if (const std::string error = error_text(primitive); !error.empty()) {
    text += fmt::format(" Error: {}.", error);
  }
  return text + "\n";
}

}  // namespace

std::string primitives_markdown() {
  std::string text =
      "# Primitives\n\n"
      "This page is made from the table in `compiler/primitives/table.cpp`. The first operand is "
      "the output; it may also be an input. Arguments are given in the order shown or by name. "
      "Arithmetic happens in f32 for f16, bf16 and f8, in i32 for i8, otherwise in the element "
      "type (exp and its like on integers: in f32), and the result is rounded once, when it is "
      "written: to nearest even; values beyond an integer type saturate, NaN becomes 0. Where an "
      "operand may be one value, that is a number or a tensor without dimensions, such as `S[i]` "
      "of "
      "a 1-d `S`.\n";
  for (const Primitive& primitive : primitives()) text += section(primitive);
  return text;
}

}  // namespace septran
