// How generated code reaches the elements of a tile in memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/cpu/text.h"

namespace septran::cuda {

using cpu::factor;
using cpu::identifier;
using cpu::to_c;
using cpu::variable;
using cpu::Writer;

/// A tile in memory: a pointer to position 0 of every digit, and steps from there.
struct Access {
  DType storage = DType::f32;
  DType logical = DType::f32;  // values are rounded to it when written
  std::string pointer;         // a variable that points to `storage` elements
  struct Step {
    std::int64_t extent = 0;  // of a digit; ignored for the first
    std::int64_t stride = 0;  // in elements
    std::uint32_t axis = 0;
    std::int64_t coordinates = 0;  // per count, along the axis
  };
  struct Dim {
    Expr extent;
    Expr start;
    std::vector<Step> steps;
  };
  std::vector<Dim> dims;
  struct Axis {
    std::string base;
    std::int64_t extent = 0;
  };
  std::vector<Axis> axes;  // only where elements outside read as zero
  bool wide = false;       // offsets need 64 bits
  bool to_tf32 = false;    // what is copied there is rounded
  /// Largest power of two that the pointer's offset from an aligned address is a multiple of, in
  /// elements.
  std::int64_t aligned_elements = 1;
  /// In swizzled_layout: rows of the whole tile, and the position of the pointer's row and column.
  std::int64_t swizzled_rows = 0;
  std::string base_row;
  std::string base_col;
  std::vector<std::size_t> swizzled_dims;  // that walk rows and columns; SIZE_MAX: fixed

  [[nodiscard]] bool is_linear(std::size_t d) const { return dims[d].steps.size() == 1; }
  [[nodiscard]] std::int64_t stride(std::size_t d) const { return dims[d].steps[0].stride; }
};

/// Positions along a tile's dimensions, as C expressions of type int.
using Position = std::vector<std::string>;

/// C expression for the offset of an element from the pointer.
std::string offset_of(const Access& access, const Position& at, const VarTable& vars);
/// Condition under which the element lies inside its tensor; empty: always.
std::string inside(const Access& access, const Position& at, const VarTable& vars);
/// The element's stored bits, or zero outside.
std::string raw(const Access& access, const Position& at, const VarTable& vars);
/// The element as a value of `type` (f32, f64 or i32).
std::string load(const Access& access, const Position& at, DType type, const VarTable& vars);
/// A statement that writes a value of `type`, rounded to the tile's own type.
std::string store(const Access& access, const Position& at, DType type, const std::string& value,
                  const VarTable& vars);
/// `value` of `type`, rounded to `logical` and as it lies in `storage`.
std::string encoded(DType logical, DType storage, DType type, const std::string& value);
/// A number as a C constant of f32, f64 or i32.
std::string number(DType type, double value);

}  // namespace septran::cuda
