#include "tests/cpu/arithmetic.h"

#include "compiler/tile/arithmetic.h"

namespace septran::testing_support {

runtime::Arithmetic arithmetic_of(const Kernel& kernel) {
  const tile::ArithmeticChain chain = tile::arithmetic_of(kernel.stages.front().second);
  return {chain.additions, chain.transcendentals, chain.intermediates};
}

}  // namespace septran::testing_support
