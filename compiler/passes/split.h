// Cutting a primitive call along its iteration dimensions.
#pragma once

#include <functional>

#include "compiler/passes/pass.h"

namespace septran::passes {

/// The rule of the vec that rounds a complete product held in a wider accumulator type.
inline constexpr const char* rounding_rule = "round the product";

/// Emits one part of a call: `first` holds where no earlier part went to the same output elements.
using EmitPart = std::function<void(const tile::Prim& part, const Cond& first, tile::Block& body)>;

/// Writes the loop nest of the binding's `split`, outermost first, around parts of the call, and
/// appends it to `out`. A reduction dimension is legal for gemm, whose parts accumulate, and for
/// reductions, whose first part is peeled. False after an error.
bool split_call(tile::Program& program, const tile::Statement& statement, const tile::Prim& prim,
                const EmitPart& emit, Diagnostics& diagnostics, tile::Block& out);

}  // namespace septran::passes
