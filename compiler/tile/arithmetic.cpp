#include "compiler/tile/arithmetic.h"

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

class ArithmeticWalk {
 public:
  explicit ArithmeticWalk(const Program& program) : program_(program) {}

  ArithmeticChain run() {
    walk(program_.body, 1);
    for (const Tensor& tensor : program_.tensors) {
      const bool narrow = is_float(tensor.dtype) && size_bytes(tensor.dtype) < 4;
      if (tensor.kind == TensorKind::temporary && narrow) {
        chain_.intermediates.push_back(tensor.dtype);
      }
    }
    return chain_;
  }

 private:
  void walk(const Block& block, std::int64_t times) {
    for (const Statement& statement : block) {
      std::int64_t inner = times;
      if (const auto* loop = std::get_if<Loop>(&statement.node)) {
        const VarInfo& info = program_.vars[loop->var];
        inner *= std::max<std::int64_t>(1, program_.vars.range(info.end - info.begin).hi);
      }
      if (const auto* prim = std::get_if<Prim>(&statement.node)) count(*prim, times);
      for (const Block* child : child_blocks(statement)) walk(*child, inner);
    }
  }

  void count(const Prim& prim, std::int64_t times) {
    std::vector<std::optional<std::vector<Expr>>> shapes;
    for (const Operand& operand : prim.operands) {
      const auto* tile = std::get_if<TileRef>(&operand);
      shapes.push_back(tile == nullptr ? std::nullopt : std::optional(tile->view.shape()));
    }
    std::int64_t length = 1;
    for (const IterationDim& dim :
         resolve_shapes(*prim.primitive, prim.attributes, shapes).space.dims) {
      if (dim.reduction) length *= std::max<std::int64_t>(1, program_.vars.range(dim.extent).hi);
    }
    chain_.additions += times * length;
    if (prim.primitive->kind == PrimitiveKind::unary) chain_.transcendentals += times;
  }

  const Program& program_;
  ArithmeticChain chain_;
};

}  // namespace

ArithmeticChain arithmetic_of(const Program& launch_tree) {
  return ArithmeticWalk(launch_tree).run();
}

ShortProducts short_products(const Program& program) {
  ShortProducts result;
  const auto fewest = [](int& most, int bits) {
    if (bits > 0 && (most == 0 || bits < most)) most = bits;
  };
  for_each_statement(program.body, [&](const Statement& statement) {
    const auto* mma = std::get_if<Mma>(&statement.node);
    if (mma == nullptr || (mma->factor_bits == 0 && mma->sum_bits == 0)) return;
    fewest(result.factor_bits, mma->factor_bits);
    fewest(result.sum_bits, mma->sum_bits);
    ++result.products;
  });
  return result;
}

}  // namespace septran::tile
