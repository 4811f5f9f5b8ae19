// Teams: warpgroups that take a kernel's tiles in turn, so that one stores its tile while another
// multiplies. What a team's threads know of events and rings must also count the trips of others.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "targets/cuda/plan.h"

namespace septran::cuda {

/// What one trip of a share adds up to, as expressions in the share's variable.
struct TripCounts {
  std::map<std::uint32_t, Expr> events;  // waits or signals of those that work on tiles
  std::map<std::uint32_t, Expr> rings;   // generations, by tensor
};

/// Counts of a share; nothing where a condition or an inner variable decides them.
std::optional<TripCounts> count_trip(const tile::Program& program, const tile::Loop& share);

/// Why a kernel's trips cannot be taken by teams in turn; empty if they can.
std::string why_no_teams(const tile::Program& program, const Plan& plan, const KernelPlan& kernel);

/// The statements of a share's trip, all in one block, from the first to the last that wait for
/// copies, read them or multiply: what teams do in turn. Copies come in the order of trips, and a
/// barrier in shared memory tells a phase only from the one before it.
struct Turn {
  const tile::Statement* first = nullptr;
  const tile::Statement* last = nullptr;
};
Turn find_turn(const tile::Program& program, const Plan& plan, const tile::Loop& share);

}  // namespace septran::cuda
