// Rings that always move on together, so that one register can say where all of them are.
#pragma once

#include <map>

#include "compiler/tile/program.h"

namespace septran::dsa {

/// For each ring on chip (a buffer of more than one slot), the ring whose turns it takes: the first
/// of those that are as deep, allocated in the same block, each once, and that nothing uses between
/// the first one's move and its own. Rings that move alone stand for themselves.
std::map<tile::TensorId, tile::TensorId> rings_in_step(const tile::Program& program);

}  // namespace septran::dsa
