// Which part of a tensor a piece of program touches, and whether it writes it before it reads it.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::passes {

/// A box: begin and extent along each axis.
struct Region {
  std::vector<Expr> begin;
  std::vector<Expr> extent;
};

/// The smallest box, in expressions over variables bound outside the block, that holds every use of
/// the tensor inside it; the whole tensor along an axis where none can be said. Nothing where the
/// tensor is not used.
std::optional<Region> touched_region(const tile::Program& program, const tile::Block& block,
                                     tile::TensorId tensor);

/// Whether every element of the region is provably written in the block before it is read, so that
/// its old values are not needed.
bool written_before_read(const tile::Program& program, const tile::Block& block,
                         tile::TensorId tensor, const Region& region);

/// The variables that statements of the block bind, at any depth.
std::set<VarId> bound_inside(const tile::Block& block);

/// Whether a loop provably runs at least once whenever it is reached.
bool runs_at_least_once(const tile::Program& program, VarId var);

}  // namespace septran::passes
