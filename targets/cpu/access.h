// How generated code reaches the elements of a tile, and the loop nests that walk over tiles.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/cpu/text.h"

namespace septran::cpu {

/// A position along an iteration dimension, as C expressions. Where a loop runs over digits of it,
/// `digits` holds these (outermost first) and `radix` the extents of all but the first.
struct Position {
  std::string whole;
  std::vector<std::string> digits;
  std::vector<std::int64_t> radix;
};

/// A tile in generated code: a pointer to position 0 of every digit, and steps from there.
struct Access {
  DType storage = DType::f32;
  DType logical = DType::f32;  // values are rounded to it when written
  bool biased = false;         // bytes that lie there with 128 added
  std::string pointer;         // a C variable that points to `storage` elements
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
    /// The loop that walks its digits starts at digit 0 of all.
    [[nodiscard]] bool starts_at_zero() const { return start.constant() == 0; }
  };
  std::vector<Dim> dims;
  struct Axis {
    std::string base;
    std::int64_t extent = 0;
  };
  std::vector<Axis> axes;  // only where elements outside read as zero

  /// Whether dimension d is walked by one constant step.
  [[nodiscard]] bool is_linear(std::size_t d) const { return dims[d].steps.size() == 1; }
  [[nodiscard]] std::int64_t stride(std::size_t d) const { return dims[d].steps[0].stride; }
};

/// Whether a matrix's columns are what lies side by side, and not its rows.
bool is_by_columns(const Access& matrix);

/// C name of the type that carries elements of `type`.
const char* c_type(DType type);

/// The view of an access at one position a dimension.
class Element {
 public:
  Element(const Access& access, const std::vector<Position>& at, const VarTable& vars);
  [[nodiscard]] const std::string& offset() const { return offset_; }
  /// Condition under which the element lies inside its tensor; empty: always.
  [[nodiscard]] const std::string& inside() const { return inside_; }

 private:
  std::string offset_;
  std::string inside_;
};

/// The element's stored bits, or zero outside.
std::string raw(const Access& access, const std::vector<Position>& at, const VarTable& vars);
/// The element as a value of `type` (f32, f64 or i32).
std::string load(const Access& access, const std::vector<Position>& at, DType type,
                 const VarTable& vars);
/// A statement that writes a value of `type`, rounded to the tile's own type.
std::string store(const Access& access, const std::vector<Position>& at, DType type,
                  const std::string& value, const VarTable& vars);
/// A value of one element type as a value of another, rounded once.
std::string converted(DType from, DType to, const std::string& value);
/// `value` of `type`, rounded to the tile's type and as it lies there.
std::string encoded(const Access& access, DType type, const std::string& value);

/// Loops over all positions of `extents`, nested by the strides of `leading`, a tile of these
/// dimensions: the smallest is innermost. `body` writes what stands inside. The iterations are
/// independent of each other.
void emit_nest(Writer& out, const std::vector<Expr>& extents, const Access& leading,
               const VarTable& vars, const std::function<void(const std::vector<Position>&)>& body);

/// A position that is one C variable.
inline Position simple(std::string name) { return {std::move(name), {}, {}}; }

}  // namespace septran::cpu
