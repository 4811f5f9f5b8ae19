// What the evaluations of a call, as values and as enclosures, have in common.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/simd.h"

namespace septran::kernels {

template <typename E, std::size_t n>
E lookup(const std::array<Named<E>, n>& table, std::string_view name) {
  for (const auto& [known, value] : table) {
    if (known == name) return value;
  }
  SEPTRAN_BUG("no kernel for a primitive of the table");
}

inline constexpr std::array<Binary, 3> combine_of{Binary::add, Binary::max, Binary::min};

/// A shape seen from one of its dimensions.
struct AlongAxis {
  std::int64_t outer = 1;
  std::int64_t axis = 1;
  std::int64_t inner = 1;
};
AlongAxis along_axis(const std::vector<std::int64_t>& shape, std::size_t axis);

/// The type in which a call's arithmetic happens.
DType call_type(const Primitive& primitive, std::span<const Argument> operands,
                const Attributes& attributes);

}  // namespace septran::kernels
