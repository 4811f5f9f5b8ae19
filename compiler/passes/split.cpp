#include "compiler/passes/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/base/messages.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Prim;
using tile::Program;
using tile::Statement;
using tile::TileRef;

class Splitter {
 public:
  Splitter(Program& program, const Statement& statement, bool peel, const EmitPart& emit,
           Diagnostics& diagnostics)
      : program_(program),
        statement_(statement),
        peel_(peel),
        emit_(emit),
        diagnostics_(diagnostics) {}

  bool run(const Prim& prim, Block& out) {
    if (!check(prim)) return false;
    nest(prim, 0, Cond(true), out);
    return true;
  }

 private:
  bool check(const Prim& prim);
  void nest(const Prim& prim, std::size_t level, const Cond& first, Block& out);

  Program& program_;
  const Statement& statement_;
  bool peel_;
  const EmitPart& emit_;
  Diagnostics& diagnostics_;
};

bool Splitter::check(const Prim& prim) {
  const IterationSpace space = iteration_space(prim);
  bool fine = true;
  for (const auto& split : prim.binding.split) {
    const auto at = std::find_if(space.dims.begin(), space.dims.end(),
                                 [&](const IterationDim& d) { return d.name == split.dim; });
    if (at == space.dims.end()) continue;  // of another primitive of the leaf
    const PrimitiveKind kind = prim.primitive->kind;
    const bool parallel =
        !at->reduction && kind != PrimitiveKind::iota && kind != PrimitiveKind::quantization;
    const bool combines = at->reduction && carries_partial_results(program_, prim);
    if (!parallel && !combines) {
      diagnostics_
          .report(prim.binding.span, messages::split_unsupported, prim.primitive->name, split.dim)
          .notes.push_back({statement_.origin.logic_span, messages::for_call_note});
      fine = false;
    }
  }
  return fine;
}

void Splitter::nest(const Prim& prim, std::size_t level, const Cond& first, Block& out) {
  if (level == prim.binding.split.size()) return emit_(prim, first, out);
  const auto& split = prim.binding.split[level];
  const IterationSpace space = iteration_space(prim);
  const auto at = std::find_if(space.dims.begin(), space.dims.end(),
                               [&](const IterationDim& d) { return d.name == split.dim; });
  if (at == space.dims.end()) return nest(prim, level + 1, first, out);
  const auto dim = static_cast<std::size_t>(at - space.dims.begin());
  const Expr extent = at->extent;
  if (program_.vars.range(extent).hi <= split.size) return nest(prim, level + 1, first, out);

  Expr begin_trip = 0;
  Prim rest = prim;
  if (at->reduction && peel_) {
    // The first part overwrites (or combines as the call says), the others combine.
    const Expr size = program_.vars.simplify(Expr::min(split.size, extent));
    nest(cut_call(program_, prim, space, dim, 0, size), level + 1, first, out);
    rest.attributes["accumulate"] = true;
    begin_trip = 1;
  }
  const VarId var = program_.vars.add(fmt::format("{0}{0}", split.dim), begin_trip,
                                      program_.vars.simplify(Expr::ceil_div(extent, split.size)));
  const Expr begin = Expr::var(var) * split.size;
  const Expr size = program_.vars.simplify(Expr::min(split.size, extent - begin));
  Cond here = first;
  if (at->reduction) here = Cond::all({first, Cond::lt(Expr::var(var), begin_trip + 1)});
  tile::Loop loop;
  loop.var = var;
  nest(cut_call(program_, rest, space, dim, begin, size), level + 1, here, loop.body);
  Statement statement{std::move(loop), "", statement_.origin};
  statement.origin.rule = fmt::format("split {}", split.dim);
  out.push_back(std::move(statement));
}

}  // namespace

IterationSpace iteration_space(const Prim& prim) {
  std::vector<std::optional<std::vector<Expr>>> shapes;
  for (const tile::Operand& operand : prim.operands) {
    const auto* tile = std::get_if<TileRef>(&operand);
    shapes.push_back(tile == nullptr ? std::nullopt : std::optional(tile->view.shape()));
  }
  return resolve_shapes(*prim.primitive, prim.attributes, shapes).space;
}

Prim cut_call(const Program& program, const Prim& prim, const IterationSpace& space,
              std::size_t dim, const Expr& begin, const Expr& extent) {
  Prim part = prim;
  for (std::size_t o = 0; o < part.operands.size(); ++o) {
    auto* tile = std::get_if<TileRef>(&part.operands[o]);
    if (tile == nullptr) continue;
    for (std::size_t d = 0; d < space.operand_dims[o].size(); ++d) {
      if (space.operand_dims[o][d] != dim) continue;
      tile->view = simplify(slice_dim(tile->view, d, begin, extent), program.vars);
    }
  }
  std::vector<Expr> begins(space.dims.size());
  begins[dim] = begin;
  part.attributes = attributes_of_part(*prim.primitive, prim.attributes, begins);
  return part;
}

bool split_call(Program& program, const Statement& statement, const Prim& prim, bool peel,
                const EmitPart& emit, Diagnostics& diagnostics, Block& out) {
  return Splitter(program, statement, peel, emit, diagnostics).run(prim, out);
}

bool carries_partial_results(const Program& program, const Prim& prim) {
  if (!prim.primitive->combining()) return false;
  if (prim.primitive->kind != PrimitiveKind::matrix) return true;
  const double alpha = float_attribute(prim.attributes, "alpha");
  return alpha == std::trunc(alpha) ||
         std::any_of(prim.operands.begin(), prim.operands.end(), [&](const tile::Operand& operand) {
           const auto* tile = std::get_if<TileRef>(&operand);
           return tile != nullptr && is_float(program[tile->tensor].dtype);
         });
}

bool splits_reduction(const Prim& prim) {
  const IterationSpace space = iteration_space(prim);
  return std::any_of(prim.binding.split.begin(), prim.binding.split.end(), [&](const auto& split) {
    return std::any_of(space.dims.begin(), space.dims.end(), [&](const IterationDim& dim) {
      return dim.reduction && dim.name == split.dim;
    });
  });
}

}  // namespace septran::passes
