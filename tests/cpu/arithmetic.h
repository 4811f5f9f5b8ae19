// How much a kernel's results may be off.
#pragma once

#include "runtime/compare.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

/// What stands between the inputs and the results of a compiled kernel.
runtime::Arithmetic arithmetic_of(const Kernel& kernel);

}  // namespace septran::testing_support
