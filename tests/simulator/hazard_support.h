// What the tests of the hazard detector have in common.
#pragma once

#include <cstdint>
#include <string>

#include "builder.h"

namespace septran::simulator {

/// What the detector says: the same with values and without them, and neither changes the run.
HazardReport check(const dsa::Program& program, const Machine& machine);

/// One line a hazard on the small machine: kind, "core.engine instruction" of both sides, bytes,
/// and how often, if it is more than once.
std::string hazards(const dsa::Program& program, int cores = 1);

/// Tiles of 64 bytes to move values about.
struct Tiles : Builder {
  dsa::OperandId x = shared(DType::f32, 0, {16});
  dsa::OperandId y = shared(DType::f32, 64, {16});
  dsa::OperandId r = accumulators(DType::f32, 0, {16});
  dsa::OperandId s = accumulators(DType::f32, 64, {16});
  dsa::OperandId one = number(1);

  void fill(dsa::OperandId tile) { vec("fill", {tile, one}); }
  void order(dsa::EngineId from, dsa::EngineId to, std::uint32_t event) {
    signal(from, event);
    wait(to, event);
  }
  dsa::OperandId global_tile(std::uint32_t buffer) {
    return tile(dsa::MemoryId::global, DType::f32, 0, {16}, buffer);
  }
};

}  // namespace septran::simulator
