// Random programs that pass check_structure.
#pragma once

#include <cstdint>

#include "targets/dsa/program.h"

namespace septran::dsa {

Program random_program(std::uint32_t seed);

}  // namespace septran::dsa
