// Loops of a task as the mapping of the instance that runs it wants them.
#pragma once

#include <string>
#include <vector>

#include "compiler/mapping/logic_names.h"
#include "compiler/passes/pass.h"

namespace septran::passes {

/// The name of a launch as schedules have it.
std::string label_of(const mapping::ScheduleEntry& entry);

/// The part of the instance's schedule that is about launches of this loop body (branches
/// included).
std::vector<tile::ScheduleStep> schedule_of(const mapping::Instance& instance,
                                            const tile::Block& body);

/// Marks the reduction dimensions of a call that the instance spreads: those that no sequential
/// loop of its task bears the name of, and that are not marked yet.
void mark_spread(const mapping::Instance& instance, const mapping::TaskNames* task,
                 tile::Prim& prim);

/// A parallel loop with the instance's `workers` and `order`; a parallel loop that is all of its
/// body is dealt out together with it.
tile::Parallel make_parallel(const tile::Program& program, std::vector<VarId> vars,
                             tile::Block body, const mapping::Instance& instance);

}  // namespace septran::passes
