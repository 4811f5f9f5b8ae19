// How generated C is compiled for a machine.
#pragma once

#include <string>
#include <vector>

#include "targets/cpu/source.h"
#include "targets/machine.h"

namespace septran::cpu {

/// Flags of GCC and Clang that give the generated C its meaning (signed sums wrap, products and
/// sums may be contracted, NaN and infinities are honoured) and the machine's instruction sets.
std::vector<std::string> compiler_flags(const Source& source, const Machine& machine);

}  // namespace septran::cpu
