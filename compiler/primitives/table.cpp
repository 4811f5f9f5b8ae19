// The table of primitives: one row each. The order of rows is part of the machine code's format, so
// new rows go to the end.
#include "compiler/primitives/primitives.h"

namespace septran {
namespace {

using Measure = ErrorBound::Measure;
using Growth = ErrorBound::Growth;

OperandSpec output(const char* name, const char* doc) {
  return {.name = name, .access = Access::write, .doc = doc};
}
OperandSpec updated(const char* name, const char* doc) {
  return {.name = name, .access = Access::read_write, .doc = doc};
}
OperandSpec input(const char* name, const char* doc) { return {.name = name, .doc = doc}; }
OperandSpec scalar_or_tensor(const char* name, const char* doc) {
  return {.name = name, .scalar_allowed = true, .doc = doc};
}
OperandSpec optional_zero() {
  return {.name = "zero",
          .scalar_allowed = true,
          .optional = true,
          .doc = "zero point: one value, or a tensor of scale's shape; 0 if left out"};
}

AttributeSpec flag(const char* name, const char* doc) {
  return {.name = name,
          .kind = AttributeKind::boolean,
          .default_value = false,
          .choices = {},
          .doc = doc};
}
AttributeSpec required(const char* name, AttributeKind kind, const char* doc) {
  return {.name = name, .kind = kind, .default_value = {}, .choices = {}, .doc = doc};
}
AttributeSpec integer(const char* name, AttributeKind kind, std::int64_t value, const char* doc) {
  return {.name = name, .kind = kind, .default_value = Expr(value), .choices = {}, .doc = doc};
}
AttributeSpec optional_integer(const char* name, const char* doc) {
  return {.name = name,
          .kind = AttributeKind::integer,
          .default_value = {},
          .optional = true,
          .choices = {},
          .doc = doc};
}

Primitive gemm() {
  return {.name = "gemm",
          .kind = PrimitiveKind::matrix,
          .operands = {output("C", "m x n; also read if accumulate"),
                       input("A", "m x k, or k x m if transpose_a"),
                       input("B", "k x n, or n x k if transpose_b")},
          .attributes = {flag("transpose_a", "op(A) is A transposed"),
                         flag("transpose_b", "op(B) is B transposed"),
                         flag("accumulate", "adds to C instead of overwriting it"),
                         {.name = "alpha",
                          .kind = AttributeKind::floating,
                          .default_value = 1.0,
                          .choices = {},
                          .doc = "factor of the product"}},
          .combined_by = "add",
          .operations_per_point = 2,
          .meaning = "C = alpha * op(A) * op(B), plus C if accumulate",
          .rounding = "sums in any order"};
}

Primitive fill() {
  return {.name = "fill",
          .kind = PrimitiveKind::fill,
          .operands = {output("X", "any shape")},
          .attributes = {required("value", AttributeKind::floating, "what every element becomes")},
          .meaning = "X = value, every element"};
}

Primitive copy() {
  return {.name = "copy",
          .kind = PrimitiveKind::copy,
          .operands = {output("Y", "X's shape"), input("X", "any shape")},
          .attributes = {},
          .meaning = "Y = X; converts the element type"};
}

Primitive transpose() {
  return {.name = "transpose",
          .kind = PrimitiveKind::transpose,
          .operands = {output("Y", "n x m"), input("X", "m x n")},
          .attributes = {},
          .meaning = "Y = X transposed; converts the element type"};
}

Primitive binary(const char* name, const char* meaning) {
  return {
      .name = name,
      .kind = PrimitiveKind::binary,
      .operands = {output("Y", "X1's shape"), input("X1", "any shape"),
                   scalar_or_tensor("X2", "X1's shape, one value, or 1-d with axis")},
      .attributes = {optional_integer(
          "axis",
          "the dimension of X1 that a 1-d X2 runs along: 0 is one value a row, 1 one a column")},
      .meaning = meaning};
}

Primitive unary(const char* name, double operations, const char* meaning,
                const ErrorBound& bound = {}) {
  return {.name = name,
          .kind = PrimitiveKind::unary,
          .operands = {output("Y", "X's shape"), input("X", "any shape")},
          .attributes = {},
          .operations_per_point = operations,
          .meaning = meaning,
          .error_bound = bound};
}

Primitive gelu() {
  Primitive p = unary("gelu", 5, "Y = X / 2 * (1 + erf(X / sqrt(2)))",
                      {Measure::absolute, -20, Growth::argument});
  p.attributes = {{.name = "approximate",
                   .kind = AttributeKind::choice,
                   .default_value = std::string("none"),
                   .choices = {"none", "tanh"},
                   .doc = "tanh: X / 2 * (1 + tanh(sqrt(2 / pi) * (X + 0.044715 * X^3)))"}};
  return p;
}

Primitive reduction(const char* name, const char* combined_by, const char* meaning,
                    const char* rounding) {
  return {.name = name,
          .kind = PrimitiveKind::reduction,
          .operands = {output("Y", "X's shape without `axis`; also read if accumulate"),
                       input("X", "one dimension or more")},
          .attributes = {required("axis", AttributeKind::integer, "the dimension that goes away"),
                         flag("accumulate", "combines with Y instead of overwriting it")},
          .combined_by = combined_by,
          .meaning = meaning,
          .rounding = rounding};
}

Primitive fma() {
  return {.name = "fma",
          .kind = PrimitiveKind::ternary,
          .operands = {output("Y", "X1's shape"), input("X1", "any shape"),
                       scalar_or_tensor("X2", "X1's shape or one value"),
                       scalar_or_tensor("X3", "X1's shape or one value")},
          .attributes = {},
          .operations_per_point = 2,
          .meaning = "Y = X1 * X2 + X3",
          .rounding = "one rounding or two"};
}

Primitive clamp() {
  return {.name = "clamp",
          .kind = PrimitiveKind::ternary,
          .operands = {output("Y", "X's shape"), input("X", "any shape")},
          .attributes = {required("low", AttributeKind::floating, "lower bound"),
                         required("high", AttributeKind::floating, "upper bound")},
          .operations_per_point = 2,
          .meaning = "Y = min(max(X, low), high); NaN stays NaN"};
}

Primitive select() {
  return {.name = "select",
          .kind = PrimitiveKind::ternary,
          .operands = {output("Y", "M's shape"), input("M", "any shape"),
                       scalar_or_tensor("X1", "M's shape or one value"),
                       scalar_or_tensor("X2", "M's shape or one value")},
          .attributes = {},
          .meaning = "Y = X1 where M is not 0, X2 elsewhere"};
}

Primitive mask(const char* name, std::vector<AttributeSpec> window, const char* meaning) {
  Primitive p{
      .name = name,
      .kind = PrimitiveKind::mask,
      .operands = {updated("S", "two dimensions or more; r and c count along the last two")},
      .attributes = {required("row0", AttributeKind::position, "position of row 0"),
                     required("col0", AttributeKind::position, "position of column 0")},
      .meaning = meaning};
  for (AttributeSpec& spec : window) p.attributes.push_back(std::move(spec));
  p.attributes.push_back(
      required("value", AttributeKind::floating, "what masked elements become, e.g. -task.inf"));
  return p;
}

Primitive iota() {
  return {.name = "iota",
          .kind = PrimitiveKind::iota,
          .operands = {output("X", "one dimension or more")},
          .attributes = {required("axis", AttributeKind::integer, "the dimension counted along"),
                         integer("start", AttributeKind::position, 0, "value at position 0"),
                         integer("step", AttributeKind::integer, 1, "value between neighbours")},
          .meaning = "X = start + step * position along axis"};
}

Primitive dequantize() {
  OperandSpec q = input("Q",
                        "Y's shape; with bits=4 two values a byte along the last dimension, the "
                        "first in the low half");
  q.only_dtype = DType::i8;
  return {
      .name = "dequantize",
      .kind = PrimitiveKind::quantization,
      .operands = {output("Y", "one dimension or more"), q,
                   scalar_or_tensor("scale",
                                    "one value; or Y's shape without the last dimension; or, with "
                                    "group, Y's shape with one value a group in the last"),
                   optional_zero()},
      .attributes = {integer("bits", AttributeKind::integer, 8, "bits of a value of Q: 4 or 8"),
                     optional_integer("group",
                                      "elements of the last dimension that share a scale; all "
                                      "of them if left out")},
      .operations_per_point = 2,
      .meaning = "Y = (Q - zero) * scale; values of Q are signed"};
}

Primitive quantize() {
  return {
      .name = "quantize",
      .kind = PrimitiveKind::quantization,
      .operands = {output("Y", "X's shape"), input("X", "one dimension or more"),
                   scalar_or_tensor("scale", "one value, or X's shape without the last dimension"),
                   optional_zero()},
      .attributes = {},
      .operations_per_point = 3,
      .meaning = "Y = X / scale rounded to nearest even, plus zero, saturated to Y's type"};
}

std::vector<Primitive> make_table() {
  const ErrorBound exponential{Measure::relative, -21, Growth::argument, true};
  return {
      gemm(),
      fill(),
      copy(),
      transpose(),
      binary("add", "Y = X1 + X2"),
      binary("sub", "Y = X1 - X2"),
      binary("mul", "Y = X1 * X2"),
      binary("div", "Y = X1 / X2; integers: rounded towards zero, 0 where X2 is 0"),
      binary("max", "Y = the larger of X1 and X2; NaN if either is"),
      binary("min", "Y = the smaller of X1 and X2; NaN if either is"),
      fma(),
      unary("neg", 1, "Y = -X"),
      unary("exp", 1, "Y = e^X", exponential),
      unary("exp2", 1, "Y = 2^X", exponential),
      unary("log", 1, "Y = natural logarithm of X", {Measure::absolute, -21, Growth::result}),
      unary("sqrt", 1, "Y = square root of X", {Measure::relative, -22}),
      unary("rsqrt", 1, "Y = 1 / square root of X", {Measure::relative, -21}),
      unary("recip", 1, "Y = 1 / X", {Measure::relative, -22}),
      unary("abs", 1, "Y = |X|"),
      unary("relu", 1, "Y = max(X, 0); NaN stays NaN"),
      gelu(),
      unary("silu", 4, "Y = X / (1 + e^-X)", {Measure::relative, -20, Growth::argument, true}),
      unary("tanh", 1, "Y = hyperbolic tangent of X", {Measure::absolute, -20}),
      unary("sigmoid", 3, "Y = 1 / (1 + e^-X)", {Measure::relative, -20, Growth::argument, true}),
      unary("erf", 1, "Y = error function of X", {Measure::absolute, -20}),
      reduction("reduce_sum", "add", "Y = sum of X along axis, plus Y if accumulate",
                "sums in any order"),
      reduction("reduce_max", "max",
                "Y = largest of X along axis (and Y if accumulate); NaN if any is", ""),
      reduction("reduce_min", "min",
                "Y = smallest of X along axis (and Y if accumulate); NaN if any is", ""),
      clamp(),
      select(),
      mask("mask_causal", {}, "S[r, c] = value where col0 + c > row0 + r"),
      mask("mask_window",
           {required("left", AttributeKind::integer, "columns kept before the diagonal"),
            required("right", AttributeKind::integer, "columns kept after the diagonal")},
           "S[r, c] = value where col0 + c is outside row0 + r - left ... row0 + r + right"),
      iota(),
      dequantize(),
      quantize(),
  };
}

}  // namespace

const std::vector<Primitive>& primitives() {
  static const std::vector<Primitive> table = make_table();
  return table;
}

}  // namespace septran
