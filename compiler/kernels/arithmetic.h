// Loops over arrays, and numbers, in the type of a call's arithmetic: float, double or int32.
#pragma once

#include <cstdint>
#include <type_traits>

#include "compiler/kernels/simd.h"
#include "compiler/kernels/tile_access.h"

namespace septran::kernels {

/// The loops that this processor runs fastest.
template <typename T>
const Functions<T>& functions() {
  if constexpr (std::is_same_v<T, float>) return simd().f32;
  if constexpr (std::is_same_v<T, double>) return simd().f64;
  if constexpr (std::is_same_v<T, std::int32_t>) return simd().i32;
}

/// A number of a call, in T.
template <typename T>
T number(double value) {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    return static_cast<T>(round_to(DType::i32, value));
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace septran::kernels
