#include "compiler/primitives/call_type.h"

#include <cmath>

namespace septran {
namespace {

/// Whether the primitive exists on integers; the others convert to f32 first.
bool has_integer_arithmetic(const Primitive& primitive) {
  if (primitive.kind == PrimitiveKind::quantization) return false;
  if (primitive.kind != PrimitiveKind::unary) return true;
  return primitive.name == "neg" || primitive.name == "abs" || primitive.name == "relu";
}

}  // namespace

bool is_whole(double value) { return std::nearbyint(value) == value; }

DType call_type(const Primitive& primitive, std::span<const OperandKind> operands,
                const Attributes& attributes) {
  if (primitive.kind == PrimitiveKind::fill || primitive.kind == PrimitiveKind::iota) {
    return DType::f64;  // constants are rounded once
  }
  bool any_f64 = false;
  bool any_float = !has_integer_arithmetic(primitive);
  bool any_i32 = false;
  for (std::size_t o = 0; o < operands.size(); ++o) {
    if (const double* scalar = std::get_if<double>(&operands[o])) {
      any_float = any_float || !is_whole(*scalar);
    } else if (const DType* type = std::get_if<DType>(&operands[o])) {
      if (!reads(operand_access(primitive, attributes, o))) continue;
      any_f64 = any_f64 || arithmetic_type(*type) == DType::f64;
      any_float = any_float || is_float(*type);
      any_i32 = any_i32 || *type == DType::i32;
    }
  }
  if (primitive.name == "clamp") {
    any_float = any_float || !is_whole(float_attribute(attributes, "low")) ||
                !is_whole(float_attribute(attributes, "high"));
  }
  // select does no arithmetic: it must not lose digits of what it passes on.
  if (primitive.name == "select" && any_i32 && any_float) any_f64 = true;
  return any_f64 ? DType::f64 : any_float ? DType::f32 : DType::i32;
}

}  // namespace septran
