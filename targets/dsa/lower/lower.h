// From the final tile program to machine code of the simulated accelerator.
#pragma once

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"
#include "targets/dsa/program.h"
#include "targets/machine.h"

namespace septran::dsa {

/// The program has passed all passes: it consists of Alloc, Loop, If, DmaCopy, Mma, Vec, Sync and
/// Barrier; engines, layouts and places are assigned. Arguments are the first global buffers, in
/// order; temporaries in GLOBAL follow, those allocated in a worker's share of a loop once a core.
/// The size of the result does not depend on extents. The result has passed validate() for the
/// machine; reports what the machine has too little of (registers, operands, instructions, ...).
Result<Program> lower_to_dsa(const tile::Program& program, const Machine& machine,
                             Diagnostics& diagnostics);

}  // namespace septran::dsa
