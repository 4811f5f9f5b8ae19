// Checks of names and structure of a parsed logic file, as far as they need no sizes.
#pragma once

#include <cstddef>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/task_tree.h"

namespace septran::lang {

/// Reports all faults of names, calls and launches, until `error_limit` errors are in
/// `diagnostics`. Calls are put into one form on the way: arguments of language functions that may
/// stand either way are positional, operands of primitives are positional, their attributes are
/// keywords (those given as None are left out).
void check_module(Module& module, std::size_t error_limit, Diagnostics& diagnostics);

}  // namespace septran::lang
