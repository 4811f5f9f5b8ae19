// The order of last resort, on machines with fewer event counters than pairs of engines at work.
#pragma once

#include <cstddef>

#include "compiler/tile/program.h"

namespace septran::passes {

/// Lets one engine work at a time, in program order: a turn goes round from engine to engine, with
/// one counter for each engine at work. How many that are; the program is changed only where these
/// are at most `available`.
std::size_t take_turns(tile::Program& program, std::size_t available);

}  // namespace septran::passes
