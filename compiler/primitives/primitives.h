// The one table of primitives: what each takes, reads and writes, its iteration dimensions and
// what it costs. Declarations only; what a primitive computes stands in compiler/kernels.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/base/dtype.h"
#include "compiler/base/expr.h"

namespace septran {

enum class Access { none, read, write, read_write };
[[nodiscard]] inline bool reads(Access a) { return a == Access::read || a == Access::read_write; }
[[nodiscard]] inline bool writes(Access a) { return a == Access::write || a == Access::read_write; }

struct OperandSpec {
  std::string name;
  /// `write`: every element is overwritten without being read. An attribute `accumulate=True` turns
  /// `write` into `read_write`.
  Access access = Access::read;
  bool scalar_allowed = false;  // a number may stand for the tensor
  bool optional = false;
  std::string doc;
  std::optional<DType> only_dtype = std::nullopt;  // the one element type it may have
};

using AttributeValue = std::variant<bool, Expr, double, std::string>;  // Expr: any integer
using Attributes = std::map<std::string, AttributeValue>;

enum class AttributeKind { boolean, integer, position, floating, choice };
struct AttributeSpec {
  std::string name;
  AttributeKind kind = AttributeKind::boolean;  // `position`: may depend on loop variables
  std::optional<AttributeValue> default_value;  // none: required (or absent, if `optional`)
  bool optional = false;
  std::vector<std::string> choices;  // of a `choice`
  std::string doc;
};

/// What kind of loop nest a primitive is; kernels and backends dispatch on it.
enum class PrimitiveKind {
  matrix,  // gemm
  fill,    // writes a constant
  copy,    // elementwise with conversion only
  transpose,
  unary,    // Y = f(X)
  binary,   // Y = f(X1, X2), X2 may be a scalar or a row or column vector
  ternary,  // fma, select, clamp
  reduction,
  mask,  // sets elements by position
  iota,
  quantization
};

/// How far a backend's value of a function f may be from f(x), for arithmetic in f32: 2^exponent,
/// times 1 + |x| or 1 + |f(x)| if it grows, times |f(x)| if it is relative.
struct ErrorBound {
  enum class Measure { exact, relative, absolute };
  enum class Growth { none, argument, result };
  Measure measure = Measure::exact;
  int exponent = 0;
  Growth growth = Growth::none;
  bool flushes = false;  // results below the normal range may be zero
};

/// A call's positional arguments fill the operands, then the attributes, in the order declared
/// here; either may be given by name instead.
struct Primitive {
  std::string name;
  PrimitiveKind kind = PrimitiveKind::unary;
  std::vector<OperandSpec> operands;  // the first is the output
  std::vector<AttributeSpec> attributes;
  /// With accumulate: the primitive that combines two partial results; empty where they may not be.
  std::string combined_by = "";
  double operations_per_point = 1;  // per point of the iteration space; gemm: 2
  std::string meaning;              // one line for the documentation
  std::string rounding = "";        // where it leaves a choice, for the documentation
  ErrorBound error_bound = {};      // of `unary`
  [[nodiscard]] bool combining() const { return !combined_by.empty(); }
  [[nodiscard]] const AttributeSpec* find_attribute(std::string_view name) const;
};

const std::vector<Primitive>& primitives();
/// The row of that name, or null.
const Primitive* find_primitive(std::string_view name);
/// Number of its row in the table; machine code refers to primitives by it.
[[nodiscard]] std::uint8_t primitive_index(const Primitive& primitive);
/// The known name nearest to a misspelt one, if any is near.
[[nodiscard]] std::optional<std::string> nearest_primitive(std::string_view name);

/// What is wrong with one attribute of a call.
struct AttributeFault {
  std::string attribute;  // as given, or the name of one that is missing
  bool missing = false;   // required, but not given
  std::string text;       // "gemm has no attribute 'transposed_a'"
  std::string hint;       // "did you mean 'transpose_a'?", or empty
};
/// Checks names and kinds of the attributes given, turns integers into floating-point values where
/// the table asks for these, and adds the defaults. An attribute given as None must be left out by
/// the caller: it counts as not given. Where the result is not empty, `attributes` is incomplete.
[[nodiscard]] std::vector<AttributeFault> complete_attributes(const Primitive& primitive,
                                                              Attributes& attributes);

/// Value of an attribute that is surely there (required, or with a default), as complete_attributes
/// leaves it; asking for another is a bug.
[[nodiscard]] bool bool_attribute(const Attributes& attributes, std::string_view name);
[[nodiscard]] double float_attribute(const Attributes& attributes, std::string_view name);
[[nodiscard]] const Expr& expr_attribute(const Attributes& attributes, std::string_view name);
[[nodiscard]] const std::string& choice_attribute(const Attributes& attributes,
                                                  std::string_view name);
/// The number that an integer attribute is, or nothing if it is absent or not constant.
[[nodiscard]] std::optional<std::int64_t> integer_attribute(const Attributes& attributes,
                                                            std::string_view name);

/// Access of operand `index` in a call with these attributes (defaults filled in).
[[nodiscard]] Access operand_access(const Primitive& primitive, const Attributes& attributes,
                                    std::size_t index);

/// The value that changes nothing when it is combined by add, max or min; asking for another
/// primitive is a bug.
[[nodiscard]] double combining_identity(const Primitive& combined_by, DType type);

/// A named iteration dimension of a call.
struct IterationDim {
  std::string name;
  Expr extent;
  bool reduction = false;
  bool divisible = true;  // a call may be cut along it (quantization groups may not)
};
/// In IterationSpace::operand_dims: every part of the call needs this dimension as a whole.
inline constexpr std::size_t whole_dim = SIZE_MAX;
/// The loop nest of one call: for operand o and its dimension d, operand_dims[o][d] is the index of
/// the iteration dimension that runs along it, or whole_dim. Scalars have no dimensions.
struct IterationSpace {
  std::vector<IterationDim> dims;
  std::vector<std::vector<std::size_t>> operand_dims;
};
/// What a shape error is about: two extents that should agree, or a rank that does not fit.
struct ShapeFault {
  std::size_t operand = 0;
  std::string text;  // "dimension 1 of B is 32, but n is 64 (dimension 1 of C)"
};
/// A pair of extents that must be equal for the call to be right, still to be proved.
struct ShapeEquality {
  Expr left;
  Expr right;
  ShapeFault fault;
};
struct ShapeResult {
  IterationSpace space;
  std::vector<ShapeEquality> equalities;  // not structurally equal; the caller proves or refutes
  std::optional<ShapeFault> fault;        // wrong rank or axis: certain
};
/// Iteration space and shape conditions of a call. `shapes[i]` is nothing for a scalar or absent
/// operand. gemm's dimensions are m, n, k (k reduction); an elementwise primitive's are d0, d1, ...
/// (reductions: those of X, the reduced axis marked).
ShapeResult resolve_shapes(const Primitive& primitive, const Attributes& attributes,
                           const std::vector<std::optional<std::vector<Expr>>>& shapes);

/// Attributes of the part of a call that begins at `begins[d]` of each iteration dimension d: the
/// positions that masks and iota count from are moved.
[[nodiscard]] Attributes attributes_of_part(const Primitive& primitive,
                                            const Attributes& attributes,
                                            const std::vector<Expr>& begins);

/// Whether the call provably has no effect for all values of the variables (a causal mask on a
/// block left of the diagonal). A condition: where it holds, the call does nothing.
[[nodiscard]] Cond no_effect(const Primitive& primitive, const Attributes& attributes,
                             const std::vector<std::optional<std::vector<Expr>>>& shapes);

/// The documentation page of primitives, in Markdown, made from the table.
[[nodiscard]] std::string primitives_markdown();

}  // namespace septran
