// Cutting a primitive call along its iteration dimensions.
#pragma once

#include <functional>

#include "compiler/passes/pass.h"

namespace septran::passes {

/// The iteration dimensions of a call, from its operands' shapes.
IterationSpace iteration_space(const tile::Prim& prim);

/// Cuts begin .. begin+extent-1 out of dimension `dim` of every operand that varies with it.
/// Attributes that are positions move along.
tile::Prim cut_call(const tile::Program& program, const tile::Prim& prim,
                    const IterationSpace& space, std::size_t dim, const Expr& begin,
                    const Expr& extent);

/// The rule of the vec that rounds a complete product held in a wider accumulator type.
inline constexpr const char* rounding_rule = "round the product";

/// Emits one part of a call: `first` holds where no earlier part went to the same output elements.
using EmitPart = std::function<void(const tile::Prim& part, const Cond& first, tile::Block& body)>;

/// Writes the loop nest of the binding's `split`, outermost first, around parts of the call, and
/// appends it to `out`. A reduction dimension is legal for primitives that combine: with `peel`,
/// the first part does as the call says and the others accumulate; without, the emitter takes care
/// of it by `first`. False after an error.
bool split_call(tile::Program& program, const tile::Statement& statement, const tile::Prim& prim,
                bool peel, const EmitPart& emit, Diagnostics& diagnostics, tile::Block& out);

/// Whether parts of the call along its reduction may be computed one after the other without adding
/// a rounding: products of integers by a fraction are rounded to integers, so theirs may not.
bool carries_partial_results(const tile::Program& program, const tile::Prim& prim);

/// Whether the binding splits the call along a reduction dimension.
bool splits_reduction(const tile::Prim& prim);

}  // namespace septran::passes
