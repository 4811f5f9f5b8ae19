// Finds accesses of a tile program that its syncs leave unordered: what the tests hold the passes
// to. (The simulator has a detector of its own, for programs.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

struct HazardLimits {
  std::int64_t max_trips = 6;  // of each loop, the first ones; 0: all
  std::int64_t max_operations = 100'000;
  std::size_t max_hazards = 20;
};

struct Hazard {
  enum class Kind { race, deadlock };
  Kind kind = Kind::race;
  std::string text;  // what meets what, and where
  Origin first;      // of the earlier operation in program order; of the wait for a deadlock
  Origin second;
};

/// Unrolls a lowered, verified program (no scopes, no prims, engines assigned) as one worker runs
/// it and reports every two operations of different engines that touch the same bytes of an on-chip
/// memory, or the same elements of a tensor in GLOBAL, at least one writing, without an event or
/// barrier between them, whatever the engines' speed. Operations of one engine are in order. A wait
/// that has no signal before it in program order is a deadlock. Each pair of statements is reported
/// once. Tiles of buffers without a place are compared by tensor and ring slot. Stops at
/// `max_operations`: more trips tell nothing new once every ring has wrapped.
std::vector<Hazard> find_hazards(const Program& program, const HazardLimits& limits = {});

}  // namespace septran::tile
