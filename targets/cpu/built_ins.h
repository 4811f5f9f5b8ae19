// Instructions that C has no operators for: which machine has which, and how C spells them.
#pragma once

#include <cstdint>
#include <string_view>

#include "compiler/base/dtype.h"
#include "targets/machine.h"

namespace septran::cpu {

/// An instruction that adds to each 32-bit lane of a vector the products of the `group` pairs of
/// elements that lie in the same lane of two others.
struct DotInstruction {
  std::string_view instruction_set;
  DType input = DType::f32;
  DType sum = DType::f32;
  std::int64_t group = 1;
  std::int64_t vector_bytes = 0;
  std::string_view spelling;  // of inline assembly: %0 the sums, %1 and %2 the inputs
  /// Reads the bytes of %1 as unsigned numbers. Signed ones are kept with 128 added there, and 128
  /// times the sum of the other's is taken off again.
  bool is_biased = false;
};

/// The machine's instruction for inputs of a type, sums of another and groups of so many; null if
/// it has none.
const DotInstruction* find_dot(const Machine& machine, DType input, DType sum, std::int64_t group);

/// The instruction that fills a vector of 32-bit lanes (%0) with integers of one or two bytes (%1),
/// keeping their value. Empty where the compiler finds it by itself, or there is none.
std::string_view widening(const Machine& machine, std::size_t bytes, bool is_signed);

}  // namespace septran::cpu
