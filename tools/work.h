// How much arithmetic a kernel is.
#pragma once

#include <optional>

#include "compiler/tile/program.h"

namespace septran::tools {

/// Arithmetic operations of all primitive calls of a launch tree, a multiply-accumulate counting as
/// two; nothing where counting would take too long.
std::optional<double> count_operations(const tile::Program& launch_tree);

}  // namespace septran::tools
