// Clusters of blocks: which copies their blocks have in common, so that each fetches a share of
// such a copy and the copy engine puts it into the shared memory of all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "targets/cuda/plan.h"

namespace septran::cuda {

/// Ranks of a cluster, a bit each, by rank.
using RankMasks = std::vector<std::uint32_t>;

/// As a C constant, 8 bits each.
std::string packed_masks(const RankMasks& masks);

struct Cluster {
  int blocks = 1;
  /// By copy: the ranks with the same source as each rank, itself included.
  std::map<const tile::Statement*, RankMasks> sharers;
  /// Ranks that share any copy with each rank.
  RankMasks partners;
};

/// What the blocks of a kernel's clusters share. One block where the mapping asks for no more, or,
/// with the reason in `why`, where they cannot advance together or have nothing in common.
Cluster plan_cluster(const tile::Program& program, const Plan& plan, const KernelPlan& kernel,
                     std::string& why);

}  // namespace septran::cuda
