#include "targets/cuda/operands.h"

#include <numeric>

#include "compiler/base/diagnostic.h"

namespace septran::cuda {
namespace {

OperationDims of_vec(const tile::Vec& vec) {
  Attributes attributes = vec.attributes;
  SEPTRAN_CHECK(complete_attributes(*vec.primitive, attributes).empty());
  std::vector<std::optional<std::vector<Expr>>> shapes(vec.primitive->operands.size());
  for (std::size_t o = 0; o < vec.operands.size(); ++o) {
    if (const auto* tile = std::get_if<tile::TileRef>(&vec.operands[o])) {
      shapes[o] = tile->view.shape();
    }
  }
  const IterationSpace space = resolve_shapes(*vec.primitive, attributes, shapes).space;
  OperationDims result;
  for (const IterationDim& dim : space.dims) result.extents.push_back(dim.extent);
  for (std::size_t o = 0; o < vec.operands.size(); ++o) {
    const auto* tile = std::get_if<tile::TileRef>(&vec.operands[o]);
    if (tile == nullptr) continue;
    const Access access = operand_access(*vec.primitive, attributes, o);
    std::vector<std::size_t> dims = space.operand_dims[o];
    if (vec.primitive->kind == PrimitiveKind::quantization) {
      dims.assign(tile->view.rank(), whole_dim);
    }
    result.operands.push_back({tile, std::move(dims), writes(access), reads(access)});
  }
  return result;
}

}  // namespace

bool is_elementwise(PrimitiveKind kind) {
  return kind == PrimitiveKind::unary || kind == PrimitiveKind::binary ||
         kind == PrimitiveKind::ternary;
}

std::optional<OperationDims> operation_dims(const tile::Statement& statement) {
  if (const auto* vec = std::get_if<tile::Vec>(&statement.node)) return of_vec(*vec);
  if (const auto* copy = std::get_if<tile::DmaCopy>(&statement.node)) {
    std::vector<std::size_t> dims(copy->dst.view.rank());
    std::iota(dims.begin(), dims.end(), std::size_t{0});
    return OperationDims{copy->dst.view.shape(),
                         {{&copy->dst, dims, true, false}, {&copy->src, dims, false, true}}};
  }
  if (const auto* mma = std::get_if<tile::Mma>(&statement.node)) {
    const std::size_t a_k = mma->transpose_a ? 0 : 1;
    OperationDims result;
    result.extents = mma->acc.view.shape();
    result.extents.push_back(mma->a.view.dims[a_k].extent);
    const auto ordered = [](bool swap, std::size_t x, std::size_t y) {
      return swap ? std::vector<std::size_t>{y, x} : std::vector<std::size_t>{x, y};
    };
    const bool reads_acc = mma->accumulate.constant() != false;
    result.operands = {{&mma->acc, {0, 1}, true, reads_acc},
                       {&mma->a, ordered(mma->transpose_a, 0, 2), false, true},
                       {&mma->b, ordered(mma->transpose_b, 2, 1), false, true}};
    return result;
  }
  return std::nullopt;
}

}  // namespace septran::cuda
