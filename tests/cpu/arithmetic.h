// How much a kernel's results may be off.
#pragma once

#include <string>

#include "runtime/compare.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

/// What stands between the inputs and the results of a kernel whose logic and mapping lie in files
/// (`logic_file`, `text.mapping_file`).
runtime::Arithmetic arithmetic_of(const KernelText& text, const std::string& logic_file);

}  // namespace septran::testing_support
