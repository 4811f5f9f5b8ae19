// How high event counters can count: more signals than a counter holds would be a trap.
#pragma once

#include "compiler/passes/pass.h"

namespace septran::passes {

/// Reports every event of a synchronised program whose counter may come to more than the machine's
/// event_maximum, where the ring's or loop's mapping line says so. True if there is none.
bool check_event_bounds(const tile::Program& program, const PassContext& context);

}  // namespace septran::passes
