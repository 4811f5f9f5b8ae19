// What the reference interpreter says.
#pragma once

#include "compiler/base/diagnostic.h"

namespace septran::messages {

inline constexpr Message temporary_memory{
    "temporary-memory", Severity::error,
    "this machine has no memory for temporary '{0}' of {1} bytes in the reference interpreter",
    "run without the check against the reference, or a smaller problem"};

}  // namespace septran::messages
