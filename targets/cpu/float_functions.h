// The parts of the prelude that are about f32.
#pragma once

#include <string>

#include "targets/machine.h"

namespace septran::cpu {

/// Elementwise functions of one f32; their names end in _f32.
std::string float_functions();

/// Vectors of f32, as many as the machine's registers hold (LANES): type `vector`, loads and stores
/// of each element type that has them, of parts of a vector too, and the same elementwise
/// functions, whose names end in _v.
std::string vector_functions(const Machine& machine);

}  // namespace septran::cpu
