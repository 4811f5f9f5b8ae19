// How much arithmetic stands between a kernel's inputs and its results.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

/// What may make an output element differ from the reference's, for the tolerance of a comparison.
struct ArithmeticChain {
  std::int64_t additions = 1;
  std::int64_t transcendentals = 0;
  std::vector<DType> intermediates;
};

/// Additions and transcendental calls along the longest chain of a launch tree (its primitives not
/// yet chosen engines for): those of all calls, each as often as the sequential loops around it
/// run; and the narrow types of its temporaries.
ArithmeticChain arithmetic_of(const Program& launch_tree);

/// The products of a program whose factors are rounded, or whose sums are cut off (Mma::factor_bits
/// and sum_bits).
struct ShortProducts {
  int factor_bits = 0;  // the fewest; 0: there are none
  int sum_bits = 0;
  std::int64_t products = 0;
};
ShortProducts short_products(const Program& program);

}  // namespace septran::tile
