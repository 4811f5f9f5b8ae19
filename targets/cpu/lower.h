// From the final tile program to C.
#pragma once

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"
#include "targets/cpu/source.h"
#include "targets/machine.h"

namespace septran::cpu {

/// The program has passed all passes for a machine of family cpu: it consists of Alloc, Loop, If,
/// DmaCopy, Mma, Vec and Barrier; layouts and places are assigned. The text of the result depends
/// on nothing but program and machine.
Source lower_to_c(const tile::Program& program, const Machine& machine);

}  // namespace septran::cpu
