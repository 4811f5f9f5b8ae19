// The part of the prelude that moves vectors of f32 between registers and memory.
#pragma once

#include <string>
#include <string_view>

#include "targets/machine.h"

namespace septran::cpu {

bool has_instructions(const Machine& machine, std::string_view set);

/// Loads and stores of each element type that vectors are made from, of parts of a vector and past
/// the caches too, and what makes one number of a vector's lanes.
std::string vector_memory(const Machine& machine);

}  // namespace septran::cpu
