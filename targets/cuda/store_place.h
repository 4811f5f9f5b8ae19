// Where tiles that leave by the copy engine lie meanwhile, if not in slabs of their own: in the
// place of an operand that their epilogue has read, and that comes again only during the next
// tile's products.
#pragma once

#include <optional>

#include "targets/cuda/bulk_stores.h"
#include "targets/cuda/roles.h"

namespace septran::cuda {

/// The operand of the kernel's only such store in whose place all of the tile has room, each
/// warpgroup's part among the rows that it alone reads.
std::optional<StorePlace> find_store_place(const tile::Program& program, const Plan& plan,
                                           const KernelPlan& kernel, const Roles& roles,
                                           const StorePlan& stores);

}  // namespace septran::cuda
