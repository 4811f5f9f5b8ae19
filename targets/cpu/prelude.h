// The C functions that generated kernels use.
#pragma once

#include <string_view>

namespace septran::cpu {

/// Integer helpers, conversions between element types and elementwise functions, all static. The
/// conversions agree bit for bit with compiler/kernels; the functions keep the error bounds of the
/// table of primitives.
extern const std::string_view prelude;

}  // namespace septran::cpu
