// Views: how the logical dimensions of a tile walk the axes of the tensor it is cut from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/base/expr.h"

namespace septran {

/// One digit of a dimension's mixed-radix position. The first digit of a dimension is unbounded
/// (its extent is what the dimension's extent leaves); the others count 0 .. extent-1 with carry.
struct Digit {
  std::int64_t extent = 0;  // ignored for the first digit
  std::uint32_t axis = 0;   // axis of the root tensor that it moves along
  std::int64_t step = 1;    // elements of that axis for each count
  auto operator<=>(const Digit&) const = default;
};

/// A logical dimension: positions start .. start + extent - 1, each split into digits, the first
/// digit slowest. A dimension of one digit has start 0 (its start is part of the base).
struct ViewDim {
  Expr extent;
  Expr start;
  std::vector<Digit> digits;
  bool operator==(const ViewDim&) const = default;
};

/// Coordinate on axis a of the root = base[a] + sum over all digits with axis a of digit * step.
/// With `zero_outside`, coordinates may lie outside the root, where elements read as zero (and must
/// not be written).
struct View {
  std::vector<Expr> base;
  std::vector<ViewDim> dims;
  bool zero_outside = false;

  [[nodiscard]] std::size_t rank() const { return dims.size(); }
  [[nodiscard]] std::vector<Expr> shape() const;
  /// Every dimension has exactly one digit, of step 1, no axis occurs twice, nothing reads outside:
  /// a box of the root, possibly with dimensions permuted and axes dropped.
  [[nodiscard]] bool is_box() const;
  /// Extent of the box along a root axis: that of its dimension, or 1 for a dropped axis.
  [[nodiscard]] Expr box_extent(std::uint32_t axis) const;
  bool operator==(const View&) const = default;
};

/// The whole of a tensor.
View full_view(const std::vector<Expr>& shape);
/// `position` along a dimension fixed; the dimension disappears.
View index_dim(const View& view, std::size_t dim, const Expr& position);
/// Positions begin .. begin + extent - 1 along a dimension.
View slice_dim(const View& view, std::size_t dim, const Expr& begin, const Expr& extent);
/// Dimensions reordered: result dimension i is `axes[i]` of the view.
View permute(const View& view, const std::vector<std::size_t>& axes);
/// The elements in row-major order with another shape; nothing if no view can say it. Extents must
/// be constant, and agree in number.
std::optional<View> reshape(const View& view, const std::vector<std::int64_t>& shape);
/// An [N, H, W, C] view as [N*OH*OW, kh*kw*C], zero outside the image; nothing if the view's H or W
/// are not single digits. Extents must be constant.
struct Im2colParams {
  std::int64_t kernel[2] = {1, 1};
  std::int64_t stride[2] = {1, 1};
  std::int64_t padding[2] = {0, 0};
  std::int64_t dilation[2] = {1, 1};
};
std::optional<View> im2col(const View& view, const Im2colParams& params);
/// `outer` is a view of a root, `inner` a view whose root is what `outer` shows: the same elements
/// as a view of outer's root; nothing where no view can say it.
std::optional<View> compose(const View& outer, const View& inner);
/// Every variable replaced.
View substitute(const View& view, const std::function<Expr(VarId)>& value);
View simplify(const View& view, const VarTable& vars);
void collect_vars(const View& view, std::vector<VarId>& out);

}  // namespace septran
