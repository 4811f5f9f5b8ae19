// The trips of one loop in the order of its schedule.
#pragma once

#include "compiler/passes/pass.h"

namespace septran::passes {

/// What stands in the place of a loop with a schedule: its first trips, the rotated loop, its last
/// trips. `family`: a number of its own for every such loop (TripPart). Nothing if the order is not
/// possible, which is reported.
Result<tile::Block> rotate_loop(tile::Program& program, tile::Loop loop, const tile::Origin& origin,
                                int family, Diagnostics& diagnostics);

}  // namespace septran::passes
