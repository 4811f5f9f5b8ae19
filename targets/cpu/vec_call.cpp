#include "targets/cpu/vec_call.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "compiler/base/diagnostic.h"

namespace septran::cpu {
namespace {

using tile::TileRef;

bool is_whole(double value) { return std::nearbyint(value) == value; }

DType type_of(const tile::Program& program, const VecCall& call) {
  const Primitive& primitive = call.primitive;
  if (primitive.kind == PrimitiveKind::fill || primitive.kind == PrimitiveKind::iota) {
    return DType::f64;
  }
  const bool on_integers =
      primitive.kind == PrimitiveKind::unary
          ? primitive.name == "neg" || primitive.name == "abs" || primitive.name == "relu"
          : primitive.kind != PrimitiveKind::quantization;
  bool any_f64 = false;
  bool any_float = !on_integers;
  bool any_i32 = false;
  for (std::size_t o = 0; o < call.vec.operands.size(); ++o) {
    if (const double* scalar = call.scalar(o)) any_float |= !is_whole(*scalar);
    const TileRef* tile = call.tile(o);
    if (tile == nullptr || !reads(operand_access(primitive, call.attributes, o))) continue;
    const DType type = program[tile->tensor].dtype;
    any_f64 |= arithmetic_type(type) == DType::f64;
    any_float |= is_float(type);
    any_i32 |= type == DType::i32;
  }
  if (primitive.name == "clamp") {
    any_float |= !is_whole(float_attribute(call.attributes, "low")) ||
                 !is_whole(float_attribute(call.attributes, "high"));
  }
  if (primitive.name == "select" && any_i32 && any_float) any_f64 = true;
  return any_f64 ? DType::f64 : any_float ? DType::f32 : DType::i32;
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
