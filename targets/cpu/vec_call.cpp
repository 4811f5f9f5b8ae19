#include "targets/cpu/vec_call.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/primitives/call_type.h"

namespace septran::cpu {
namespace {

using tile::TileRef;

DType type_of(const tile::Program& program, const VecCall& call) {
  std::vector<OperandKind> kinds(call.vec.operands.size());
  for (std::size_t o = 0; o < kinds.size(); ++o) {
    if (const double* scalar = call.scalar(o)) kinds[o] = *scalar;
    if (const TileRef* tile = call.tile(o)) kinds[o] = program[tile->tensor].dtype;
  }
  return call_type(call.primitive, kinds, call.attributes);
}

}  // namespace

VecCall::VecCall(const tile::Program& program, const tile::Vec& call)
    : vec(call), primitive(*call.primitive), attributes(call.attributes) {
  SEPTRAN_CHECK(complete_attributes(primitive, attributes).empty());
  std::vector<std::optional<std::vector<Expr>>> shapes(primitive.operands.size());
  for (std::size_t o = 0; o < vec.operands.size(); ++o) {
    if (const TileRef* one = tile(o)) shapes[o] = one->view.shape();
  }
  space = resolve_shapes(primitive, attributes, shapes).space;
  type = type_of(program, *this);
}

const TileRef* VecCall::tile(std::size_t operand) const {
  return operand < vec.operands.size() ? std::get_if<TileRef>(&vec.operands[operand]) : nullptr;
}

const double* VecCall::scalar(std::size_t operand) const {
  return operand < vec.operands.size() ? std::get_if<double>(&vec.operands[operand]) : nullptr;
}

bool VecCall::is_elementwise() const {
  return primitive.kind == PrimitiveKind::unary || primitive.kind == PrimitiveKind::binary ||
         primitive.kind == PrimitiveKind::ternary || primitive.kind == PrimitiveKind::copy;
}

std::optional<std::size_t> VecCall::along(std::size_t operand) const {
  const auto& dims = space.operand_dims[operand];
  const auto at = std::find(dims.begin(), dims.end(), space.dims.size() - 1);
  if (at == dims.end()) return std::nullopt;
  return static_cast<std::size_t>(at - dims.begin());
}

bool VecCall::overlaps() const {
  for (std::size_t o = 1; o < vec.operands.size(); ++o) {
    const TileRef* one = tile(o);
    if (one == nullptr || one->tensor != tile(0)->tensor) continue;
    if (!is_elementwise() || one->view != tile(0)->view) return true;
  }
  return false;
}

}  // namespace septran::cpu
