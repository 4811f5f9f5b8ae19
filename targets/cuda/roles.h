// Kernels whose copies into shared memory are the copy engine's: one thread issues them, the others
// work on tiles, and the program's events, as barriers in shared memory, order the two.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "targets/cuda/cluster.h"
#include "targets/cuda/plan.h"
#include "targets/cuda/source.h"

namespace septran::cuda {

inline constexpr std::int64_t barrier_alignment = 64;  // of all of a block's, in shared memory

/// An event as barriers: `count` of them in turn, of which each phase has `arrivals`.
struct EventPlan {
  tile::EventId event;
  bool to_consumers = true;  // signalled by the copying thread
  int count = 1;
  int arrivals = 1;
  std::int64_t offset_bytes = 0;  // in shared memory
};

struct Roles {
  std::vector<EventPlan> events;
  /// By copy: the event whose next signal tells of it.
  std::map<const tile::Statement*, tile::EventId> told_by;
  std::int64_t barrier_bytes = 0;
  Cluster cluster;
  std::string alone;  // why blocks do not run in the clusters that the mapping asks for
};

/// Whether a kernel can have roles; why not, in `why` (empty where it has nothing to copy).
/// Barriers lie behind the kernel's shared memory and scratch.
std::optional<Roles> plan_roles(const tile::Program& program, const Machine& machine,
                                const Plan& plan, const KernelPlan& kernel, std::string& why);

/// Registers of a thread of each role; 0 where all threads have enough as it is.
struct RoleRegisters {
  int producer = 0;
  int consumer = 0;
};
RoleRegisters role_registers(const KernelPlan& kernel);

}  // namespace septran::cuda
