// What the writers of primitive calls know about one.
#pragma once

#include <cstddef>
#include <optional>

#include "compiler/primitives/primitives.h"
#include "compiler/tile/program.h"

namespace septran::cpu {

/// A primitive call with its attributes complete, its iteration space and the type of its
/// arithmetic (f32, f64 or i32; as compiler/kernels has it).
struct VecCall {
  VecCall(const tile::Program& program, const tile::Vec& vec);

  [[nodiscard]] const tile::TileRef* tile(std::size_t operand) const;
  [[nodiscard]] const double* scalar(std::size_t operand) const;
  /// Whether an input may be overwritten before it is read.
  [[nodiscard]] bool overlaps() const;
  [[nodiscard]] bool is_elementwise() const;
  /// Position of the last iteration dimension among those of an operand, if it is there.
  [[nodiscard]] std::optional<std::size_t> along(std::size_t operand) const;

  const tile::Vec& vec;
  const Primitive& primitive;
  Attributes attributes;
  IterationSpace space;
  DType type = DType::f32;
};

}  // namespace septran::cpu
