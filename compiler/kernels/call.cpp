#include "compiler/kernels/call.h"

#include <variant>

#include "compiler/primitives/call_type.h"

namespace septran::kernels {

AlongAxis along_axis(const std::vector<std::int64_t>& shape, std::size_t axis) {
  SEPTRAN_CHECK(axis < shape.size());
  AlongAxis result;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    (d < axis ? result.outer : d == axis ? result.axis : result.inner) *= shape[d];
  }
  return result;
}

DType call_type(const Primitive& primitive, std::span<const Argument> operands,
                const Attributes& attributes) {
  std::vector<OperandKind> kinds;
  for (const Argument& operand : operands) {
    if (const Tile* tile = std::get_if<Tile>(&operand)) {
      kinds.emplace_back(tile->logical);
    } else if (const double* scalar = std::get_if<double>(&operand)) {
      kinds.emplace_back(*scalar);
    } else {
      kinds.emplace_back();
    }
  }
  return septran::call_type(primitive, kinds, attributes);
}

}  // namespace septran::kernels
