// The type in which a primitive computes.
#pragma once

#include <span>
#include <variant>

#include "compiler/base/dtype.h"
#include "compiler/primitives/primitives.h"

namespace septran {

/// What a call gives for an operand: nothing, a tensor with such elements, or a scalar.
using OperandKind = std::variant<std::monostate, DType, double>;

/// Whether a number is an integer (or infinite).
bool is_whole(double value);

/// The type in which a call's arithmetic happens: f64, f32 or i32. Operands in the primitive's
/// order; attributes complete.
DType call_type(const Primitive& primitive, std::span<const OperandKind> operands,
                const Attributes& attributes);

}  // namespace septran
