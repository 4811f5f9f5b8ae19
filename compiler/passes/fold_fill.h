// Why a fill with zeros is not folded into the product behind it.
#pragma once

#include <string>

#include "compiler/tile/program.h"

namespace septran::passes {

/// Of a statement of a block that fills a tile with zeros and was left in place, what keeps a
/// product from overwriting the tile instead; empty for any other statement.
std::string why_fill_stays(const tile::Program& program, const tile::Block& block,
                           std::size_t place);

}  // namespace septran::passes
