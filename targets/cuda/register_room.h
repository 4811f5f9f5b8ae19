// How many registers tiles take, and whether a block's threads have as many.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "targets/cuda/plan.h"

namespace septran::cuda {

struct RegisterUse {
  std::int64_t words = 0;
  std::vector<std::uint32_t> tensors;
};

/// The tiles of a kernel that weigh most of those that hold something at one time. `words` of a
/// tensor is what it weighs; 0: it is not in registers.
RegisterUse most_at_once(const tile::Program& program, const KernelPlan& kernel,
                         const std::function<std::int64_t(std::uint32_t)>& words);

/// What a kernel's tiles take of each thread's registers where that is more than there are.
std::optional<RegisterMisfit> register_misfit(const tile::Program& program, const Machine& machine,
                                              const KernelPlan& kernel, const Plan& plan);

/// How many blocks of a kernel without products a multiprocessor shall hold at one time, so that
/// some load while others compute: as many as leave a thread registers for its tiles, if there are
/// more than one for each multiprocessor. The kernel's shared memory must be known.
int blocks_together(const tile::Program& program, const Machine& machine, const KernelPlan& kernel,
                    const Plan& plan);

/// Registers that one thread has for a tile of the program.
std::int64_t register_words(const tile::Program& program, const KernelPlan& kernel,
                            const TilePlace& place, std::uint32_t tensor);

}  // namespace septran::cuda
