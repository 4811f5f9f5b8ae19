// The C functions that generated kernels use.
#pragma once

#include <string>

#include "targets/machine.h"

namespace septran::cpu {

/// Integer helpers, conversions between element types and elementwise functions, all static: of
/// numbers (add_f32, exp_f64, ...) and, for f32, of vectors of the machine's size (add_v, ...). The
/// conversions agree bit for bit with compiler/kernels; the functions keep the error bounds of the
/// table of primitives.
std::string prelude(const Machine& machine);

}  // namespace septran::cpu
