#include "targets/cpu/direct_results.h"

#include <algorithm>
#include <optional>

#include "compiler/tile/visit.h"
#include "targets/cpu/inner_kernel.h"

namespace septran::cpu {
namespace {

using tile::Block;
using tile::DmaCopy;
using tile::Mma;
using tile::Program;
using tile::Statement;
using tile::Tensor;
using tile::TensorId;

/// Whether e is at most 0 for all values of its variables. A minimum is no larger than any of its
/// arguments.
bool is_at_most_zero(const Expr& e, const VarTable& vars) {
  const Expr simple = vars.simplify(e);
  if (vars.range(simple).hi <= 0) return true;
  for (const Term& term : simple.terms()) {
    if (term.atom.kind != Atom::Kind::min || term.coefficient <= 0) continue;
    Expr least = term.atom.args[0];
    for (const Expr& arg : term.atom.args) least = Expr::min(least, arg);
    const Expr rest = simple - least * term.coefficient;
    for (const Expr& arg : term.atom.args) {
      if (is_at_most_zero(rest + arg * term.coefficient, vars)) return true;
    }
  }
  return false;
}

/// Whether a view shows its tensor from the first element on, axis by axis.
bool is_corner(const View& view, const Tensor& tensor) {
  if (!view.is_box() || view.rank() != tensor.shape.size()) return false;
  for (std::size_t d = 0; d < view.rank(); ++d) {
    if (view.dims[d].digits[0].axis != d || !(view.base[d] == Expr(0))) return false;
  }
  return true;
}

class Director {
 public:
  explicit Director(Program& program) : program_(program) {}

  void run(Block& block) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      for (Block* inner : tile::child_blocks(block[i])) run(*inner);
      if (direct(block, i)) block.erase(block.begin() + static_cast<std::ptrdiff_t>(i--));
    }
  }

 private:
  /// Whether the copy at block[at] is no longer needed.
  bool direct(Block& block, std::size_t at) {
    const auto* copy = std::get_if<DmaCopy>(&block[at].node);
    if (copy == nullptr || !rounds_rows(*copy)) return false;
    Mma* mma = nullptr;
    const auto i = static_cast<std::ptrdiff_t>(at);
    auto from = std::make_reverse_iterator(block.begin() + i);
    for (; from != block.rend() && mma == nullptr; ++from) {
      if (touches(*from, copy->dst.tensor)) return false;
      mma = product_of(*from, copy->src.tensor);
    }
    if (mma == nullptr || !is_fit(*mma, *copy)) return false;
    const auto view = compose(copy->dst.view, mma->acc.view);
    if (!view) return false;
    program_[copy->src.tensor].kind = tile::TensorKind::parameter;  // without a place of its own
    mma->acc = {copy->dst.tensor, simplify(*view, program_.vars)};
    return true;
  }

  [[nodiscard]] bool rounds_rows(const DmaCopy& copy) const {
    const Tensor& from = program_[copy.src.tensor];
    const Tensor& to = program_[copy.dst.tensor];
    const bool own =
        from.kind == tile::TensorKind::temporary || from.kind == tile::TensorKind::buffer;
    const bool narrow = to.storage == DType::f16 || to.storage == DType::bf16;
    if (!own || from.depth != 1 || from.storage != DType::f32 || from.dtype != DType::f32 ||
        !narrow || to.storage != to.dtype || to.depth != 1) {
      return false;
    }
    const View& rows = copy.dst.view;
    return copy.src.view.rank() == 2 && is_corner(copy.src.view, from) && rows.is_box() &&
           rows.dims[1].digits[0].axis + 1 == to.shape.size() && uses(copy.src.tensor) == 2;
  }

  [[nodiscard]] std::size_t uses(TensorId tensor) const {
    std::size_t count = 0;
    tile::for_each_statement(program_.body, [&](const Statement& statement) {
      for (const auto& use : tile::operands(statement)) count += use.tile->tensor == tensor;
    });
    return count;
  }

  /// Whether a statement, or one inside it, uses the tensor or orders workers.
  static bool touches(Statement& statement, TensorId tensor) {
    bool found = false;
    visit_all(statement, [&](Statement& one) {
      found |= std::holds_alternative<tile::Barrier>(one.node);
      for (const auto& use : tile::operands(one)) found |= use.tile->tensor == tensor;
    });
    return found;
  }

  /// The product in a statement whose sums are a tensor.
  static Mma* product_of(Statement& statement, TensorId sums) {
    Mma* product = nullptr;
    visit_all(statement, [&](Statement& one) {
      auto* mma = std::get_if<Mma>(&one.node);
      if (mma != nullptr && mma->acc.tensor == sums) product = mma;
    });
    return product;
  }

  template <typename F>
  static void visit_all(Statement& statement, F&& visit) {
    visit(statement);
    for (Block* inner : tile::child_blocks(statement)) tile::for_each_statement(*inner, visit);
  }

  /// Whether a product by blocks makes part of what the copy takes, at once.
  [[nodiscard]] bool is_fit(const Mma& mma, const DmaCopy& copy) const {
    if (mma.accumulate.constant() != false || mma.tile.size() < 2 || mma.acc.view.rank() != 2 ||
        !mma.acc.view.is_box()) {
      return false;
    }
    for (std::size_t d = 0; d < 2; ++d) {
      const ViewDim& dim = mma.acc.view.dims[d];
      const std::size_t axis = dim.digits[0].axis;
      if (axis != d || program_.vars.range(dim.extent).hi <= few_inner_products) return false;
      const Expr beyond = mma.acc.view.base[axis] + dim.extent - copy.src.view.dims[axis].extent;
      if (!is_at_most_zero(beyond, program_.vars)) return false;
    }
    return true;
  }

  Program& program_;
};

}  // namespace

tile::Program with_direct_results(tile::Program program) {
  Director(program).run(program.body);
  return program;
}

}  // namespace septran::cpu
