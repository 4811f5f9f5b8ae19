// Where the threads of a block wait for each other: between two operations of theirs that touch the
// same bytes of shared memory or GLOBAL, one of them writing.
#pragma once

#include <set>

#include "targets/cuda/bulk_stores.h"
#include "targets/cuda/plan.h"

namespace septran::cuda {

/// The statements of a kernel that a barrier must precede. With `only_engine`, those of one engine
/// are looked at; the others are ordered by events. Bulk stores touch only what nothing else does.
std::set<const tile::Statement*> find_barriers(const tile::Program& program, const Plan& plan,
                                               const KernelPlan& kernel, const StorePlan& stores,
                                               const std::string& only_engine);

}  // namespace septran::cuda
