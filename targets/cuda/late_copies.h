// Copies that stand behind a loop of products, as operands of its epilogue do: made piece by piece
// during the loop, each block at trips of its own. All at once behind it, and by all blocks at the
// same time, they would hold up the copies that the next products wait for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "targets/cuda/bulk_copies.h"
#include "targets/cuda/plan.h"
#include "targets/cuda/roles.h"

namespace septran::cuda {

struct LateCopies {
  struct Copy {
    const tile::Statement* statement = nullptr;
    BulkCopy bulk;                                // a piece a box
    std::vector<const tile::Statement*> signals;  // behind it, before the next copy
  };
  std::vector<Copy> copies;
  std::size_t end = 0;        // in the block, behind the last of them
  std::int64_t pieces = 0;    // of all copies
  std::int64_t at_once = 1;   // so many in a trip
  std::int64_t distance = 1;  // from one such trip to the next
  std::int64_t first = 0;     // of them, at the earliest; blocks begin at
  std::int64_t starts = 1;    // so many different trips
};

/// Of the block's statement `loop`, a loop: the copies behind it that may come during it. Nothing
/// where there are none, or where it has too few trips, or none whose number is known.
std::optional<LateCopies> plan_late_copies(const tile::Program& program, const Plan& plan,
                                           const KernelPlan& kernel, const Roles& roles,
                                           const tile::Block& block, std::size_t loop);

}  // namespace septran::cuda
