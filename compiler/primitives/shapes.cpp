// Iteration spaces and shape conditions.
#include <algorithm>

#include "compiler/base/count.h"
#include "compiler/base/diagnostic.h"
#include "compiler/primitives/primitives.h"

namespace septran {
namespace {

using Shapes = std::vector<std::optional<std::vector<Expr>>>;

/// Builds the result for one call: ranks, axes and extents are checked as they are used.
class Resolver {
 public:
  Resolver(const Primitive& primitive, const Attributes& attributes, const Shapes& shapes)
      : primitive_(primitive), attributes_(attributes), shapes_(shapes) {
    result_.space.operand_dims.resize(primitive.operands.size());
  }

  ShapeResult run() {
    if (check_presence()) resolve();
    return std::move(result_);
  }

 private:
  void resolve() {
    switch (primitive_.kind) {
      case PrimitiveKind::matrix:
        return matrix();
      case PrimitiveKind::transpose:
        return transposed();
      case PrimitiveKind::reduction:
        return reduction();
      case PrimitiveKind::quantization:
        return quantization();
      case PrimitiveKind::mask:
        if (shape(0).size() < 2) {
          return fault(0, fmt::format("{} has {}, but {} needs two or more", operand(0),
                                      dimensions(shape(0).size()), primitive_.name));
        }
        return elementwise(0);
      case PrimitiveKind::iota:
        if (!axis_of(0)) return;
        return elementwise(0);
      case PrimitiveKind::binary:
        return binary();
      case PrimitiveKind::fill:
        return elementwise(0);
      case PrimitiveKind::copy:
      case PrimitiveKind::unary:
      case PrimitiveKind::ternary:
        return elementwise(1);
    }
    SEPTRAN_BUG("primitive kind");
  }

  [[nodiscard]] bool present(std::size_t o) const { return o < shapes_.size() && shapes_[o]; }
  [[nodiscard]] const std::vector<Expr>& shape(std::size_t o) const { return *shapes_[o]; }
  [[nodiscard]] const std::string& operand(std::size_t o) const {
    return primitive_.operands[o].name;
  }
  static std::string dimensions(std::size_t rank) {
    return fmt::format("{:dimension}", Counted{rank});
  }
  void fault(std::size_t o, std::string text) {
    if (!result_.fault) result_.fault = ShapeFault{o, std::move(text)};
  }

  bool check_presence() {
    for (std::size_t o = 0; o < primitive_.operands.size(); ++o) {
      const OperandSpec& spec = primitive_.operands[o];
      if (!present(o) && !spec.scalar_allowed && !spec.optional) {
        fault(o, fmt::format("operand {} of {} must be a tensor", spec.name, primitive_.name));
        return false;
      }
    }
    return true;
  }

  bool check_rank(std::size_t o, std::size_t rank, const std::string& reason) {
    if (shape(o).size() == rank) return true;
    fault(o, fmt::format("{} has {}, but {}", operand(o), dimensions(shape(o).size()), reason));
    return false;
  }

  std::size_t add_dim(std::string name, const Expr& extent, bool reduction = false) {
    result_.space.dims.push_back({std::move(name), extent, reduction, true});
    return result_.space.dims.size() - 1;
  }

  /// Dimension d of operand o has to be as long as `extent`, which `what` names.
  void require(std::size_t o, std::size_t d, const Expr& extent, const std::string& what) {
    const Expr& given = shape(o)[d];
    if (given == extent) return;
    std::string text = given.is_constant() && extent.is_constant()
                           ? fmt::format("dimension {} of {} is {}, but {} is {}", d, operand(o),
                                         given.offset(), what, extent.offset())
                           : fmt::format("dimension {} of {} differs from {}", d, operand(o), what);
    result_.equalities.push_back({given, extent, {o, std::move(text)}});
  }

  /// Operand o's dimension d runs along iteration dimension `dim`, first seen at (from, from_d).
  void along(std::size_t o, std::size_t d, std::size_t dim, std::size_t from, std::size_t from_d) {
    const IterationDim& iteration = result_.space.dims[dim];
    const std::string where = fmt::format("dimension {} of {}", from_d, operand(from));
    const bool named = primitive_.kind == PrimitiveKind::matrix;
    require(o, d, iteration.extent, named ? fmt::format("{} ({})", iteration.name, where) : where);
    result_.space.operand_dims[o].push_back(dim);
  }

  void matrix() {
    bool ranks_fit = true;
    for (std::size_t o = 0; o < 3; ++o) {
      ranks_fit = check_rank(o, 2, primitive_.name + " takes matrices of 2") && ranks_fit;
    }
    if (!ranks_fit) return;
    const bool ta = bool_attribute(attributes_, "transpose_a");
    const bool tb = bool_attribute(attributes_, "transpose_b");
    const std::size_t k_of_a = ta ? 0 : 1;
    const std::size_t m = add_dim("m", shape(0)[0]);
    const std::size_t n = add_dim("n", shape(0)[1]);
    const std::size_t k = add_dim("k", shape(1)[k_of_a], true);
    result_.space.operand_dims[0] = {m, n};
    for (std::size_t d = 0; d < 2; ++d) {
      d == k_of_a ? along(1, d, k, 1, d) : along(1, d, m, 0, 0);
    }
    const std::size_t k_of_b = tb ? 1 : 0;
    for (std::size_t d = 0; d < 2; ++d) {
      d == k_of_b ? along(2, d, k, 1, k_of_a) : along(2, d, n, 0, 1);
    }
  }

  /// Iteration dimensions d0, d1, ... along operand o's.
  void start_from(std::size_t o) {
    for (std::size_t d = 0; d < shape(o).size(); ++d) {
      result_.space.operand_dims[o].push_back(add_dim(fmt::format("d{}", d), shape(o)[d]));
    }
  }

  /// A tensor without dimensions that stands where a number may: one value for all points.
  [[nodiscard]] bool is_one_value(std::size_t o) const {
    return primitive_.operands[o].scalar_allowed && shape(o).empty();
  }

  /// Operand o has the shape of operand `from`.
  void same_shape(std::size_t o, std::size_t from, const std::string& hint = "") {
    const std::size_t rank = shape(from).size();
    if (!check_rank(o, rank, fmt::format("{} has {}{}", operand(from), rank, hint))) return;
    for (std::size_t d = 0; d < rank; ++d) along(o, d, d, from, d);
  }

  /// Every tensor has the shape of operand `from`.
  void elementwise(std::size_t from) {
    start_from(from);
    for (std::size_t o = 0; o < primitive_.operands.size(); ++o) {
      if (o != from && present(o) && !is_one_value(o)) same_shape(o, from);
    }
  }

  /// The attribute `axis` as a dimension of operand o.
  std::optional<std::size_t> axis_of(std::size_t o) {
    const auto axis = integer_attribute(attributes_, "axis");
    const auto rank = static_cast<std::int64_t>(shape(o).size());
    if (axis && *axis >= 0 && *axis < rank) return static_cast<std::size_t>(*axis);
    fault(o, axis ? fmt::format("axis {} is out of range: {} has {}", *axis, operand(o),
                                dimensions(shape(o).size()))
                  : fmt::format("{} needs the attribute 'axis'", primitive_.name));
    return std::nullopt;
  }

  void binary() {
    start_from(1);
    same_shape(0, 1);
    if (!present(2)) return;
    if (!attributes_.contains("axis")) {
      if (is_one_value(2)) return;
      const bool vector = shape(2).size() == 1;
      return same_shape(2, 1, vector ? "; axis=0 takes one value a row, axis=1 one a column" : "");
    }
    const auto axis = axis_of(1);
    if (!axis || !check_rank(2, 1, "with axis it has 1")) return;
    along(2, 0, *axis, 1, *axis);
  }

  void transposed() {
    const bool y = check_rank(0, 2, "transpose takes matrices of 2");
    if (!check_rank(1, 2, "transpose takes matrices of 2") || !y) return;
    start_from(0);
    along(1, 0, 1, 0, 1);
    along(1, 1, 0, 0, 0);
  }

  void reduction() {
    const auto axis = axis_of(1);
    if (!axis) return;
    start_from(1);
    result_.space.dims[*axis].reduction = true;
    const std::size_t rank = shape(1).size() - 1;
    if (!check_rank(0, rank, fmt::format("X without axis {} has {}", *axis, rank))) return;
    for (std::size_t d = 0; d < rank; ++d) {
      const std::size_t from = d < *axis ? d : d + 1;
      along(0, d, from, 1, from);
    }
  }

  void quantization() {
    const std::size_t full = primitive_.name == "dequantize" ? 0 : 1;
    const std::size_t rank = shape(full).size();
    if (rank == 0) {
      return fault(full, fmt::format("{} has no dimension, but {} runs along its last one",
                                     operand(full), primitive_.name));
    }
    start_from(full);
    const auto bits = integer_attribute(attributes_, "bits");
    const auto group = integer_attribute(attributes_, "group");
    const bool packed = bits && *bits == 4;
    if (packed || group) result_.space.dims[rank - 1].divisible = false;
    packed ? prefix(1, full, 2, "half (rounded up) of the last dimension of Y")
           : same_shape(1 - full, full);
    for (const std::size_t o : {std::size_t{2}, std::size_t{3}}) {
      if (!present(o) || is_one_value(o)) continue;
      if (group && *group > 0) {
        prefix(o, full, *group, fmt::format("the number of groups of {} in a row of Y", *group));
      } else if (check_rank(o, rank - 1, fmt::format("one value a row takes {}", rank - 1))) {
        for (std::size_t d = 0; d + 1 < rank; ++d) along(o, d, d, full, d);
      }
    }
  }

  /// Operand o has the shape of `full`, but the last dimension is divided by `factor`, rounded up.
  void prefix(std::size_t o, std::size_t full, std::int64_t factor, const std::string& what) {
    const std::size_t rank = shape(full).size();
    if (!check_rank(o, rank, fmt::format("{} has {}", operand(full), rank))) return;
    for (std::size_t d = 0; d + 1 < rank; ++d) along(o, d, d, full, d);
    require(o, rank - 1, Expr::ceil_div(shape(full)[rank - 1], factor), what);
    result_.space.operand_dims[o].push_back(whole_dim);
  }

  const Primitive& primitive_;
  const Attributes& attributes_;
  const Shapes& shapes_;
  ShapeResult result_;
};

}  // namespace

ShapeResult resolve_shapes(const Primitive& primitive, const Attributes& attributes,
                           const Shapes& shapes) {
  return Resolver(primitive, attributes, shapes).run();
}

Attributes attributes_of_part(const Primitive& primitive, const Attributes& attributes,
                              const std::vector<Expr>& begins) {
  Attributes part = attributes;
  const std::size_t rank = begins.size();
  if (primitive.kind == PrimitiveKind::mask && rank >= 2) {
    part["row0"] = expr_attribute(attributes, "row0") + begins[rank - 2];
    part["col0"] = expr_attribute(attributes, "col0") + begins[rank - 1];
  } else if (primitive.kind == PrimitiveKind::iota) {
    const auto axis = static_cast<std::size_t>(expr_attribute(attributes, "axis").offset());
    SEPTRAN_CHECK(axis < rank);
    part["start"] = expr_attribute(attributes, "start") +
                    begins[axis] * expr_attribute(attributes, "step").offset();
  }
  return part;
}

Cond no_effect(const Primitive& primitive, const Attributes& attributes, const Shapes& shapes) {
  if (primitive.kind != PrimitiveKind::mask || shapes.empty() || !shapes[0] ||
      shapes[0]->size() < 2) {
    return Cond(false);
  }
  const std::vector<Expr>& shape = *shapes[0];
  const Expr first_row = expr_attribute(attributes, "row0");
  const Expr first_col = expr_attribute(attributes, "col0");
  const Expr last_row = first_row + shape[shape.size() - 2] - Expr(1);
  const Expr last_col = first_col + shape[shape.size() - 1] - Expr(1);
  if (primitive.name == "mask_causal") return Cond::ge(first_row, last_col);
  const Expr& left = expr_attribute(attributes, "left");
  const Expr& right = expr_attribute(attributes, "right");
  return Cond::all({Cond::ge(first_col, last_row - left), Cond::ge(first_row + right, last_col)});
}

}  // namespace septran
