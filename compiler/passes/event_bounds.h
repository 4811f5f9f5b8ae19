// How high event counters can count: more signals than a counter holds would be a trap.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/passes/pass.h"

namespace septran::passes {

/// An event of a synchronised program whose counter may come to more than the machine's
/// event_maximum.
struct Overflow {
  std::uint32_t event = 0;
  std::int64_t count = 0;  // exact where the program's shares are short enough to be followed
};
[[nodiscard]] std::vector<Overflow> find_overflows(const tile::Program& program,
                                                   const Machine& machine);

/// Reports every event of a synchronised program whose counter may come to more than the machine's
/// event_maximum, where the ring's or loop's mapping line says so. True if there is none.
bool check_event_bounds(const tile::Program& program, const PassContext& context);

}  // namespace septran::passes
