// Fills with zeros, which a product behind them may take over.
#pragma once

#include <string>

#include "compiler/tile/program.h"

namespace septran::passes {

/// Whether a call or operation fills its output with zeros.
bool is_zero_fill(const Primitive& primitive, const std::vector<tile::Operand>& operands,
                  const Attributes& attributes);

/// Of a statement of a block that fills a tile with zeros and was left in place, what keeps a
/// product from overwriting the tile instead; empty for any other statement.
std::string why_fill_stays(const tile::Program& program, const tile::Block& block,
                           std::size_t place);

}  // namespace septran::passes
