// A compiled kernel on the simulated accelerator, held against the reference.
#pragma once

#include <string>

#include "tests/support/kernel.h"

namespace septran::testing_support {

/// Lowers and simulates the kernel's final program, with values and without. What differs from the
/// reference by more than the tolerance (see difference()), or went wrong, hazards included; empty
/// if all is well.
std::string simulate_and_compare(Kernel& kernel, bool integers, double tolerance);

/// Compiles, checks every pass's program on the tile interpreter if wished, and simulates.
std::string check_kernel(const KernelText& text, bool integers, double tolerance,
                         bool every_pass = false);

}  // namespace septran::testing_support
