#include "compiler/base/view.h"

#include <algorithm>
#include <array>

#include "compiler/base/diagnostic.h"

namespace septran {
namespace {

bool is_simple(const ViewDim& dim) { return dim.digits.size() == 1; }

/// How many elements a dimension's first digit may count, if its extent is constant and starts at
/// 0.
std::optional<std::int64_t> constant_extent(const ViewDim& dim) {
  if (dim.start.constant() != 0) return std::nullopt;
  return dim.extent.constant();
}

/// How many positions of a dimension one count of its first digit spans.
std::int64_t inner_extent(const ViewDim& dim) {
  std::int64_t product = 1;
  for (std::size_t i = 1; i < dim.digits.size(); ++i) product *= dim.digits[i].extent;
  return product;
}

/// Whether a view leaves coordinate `axis` at 0 everywhere.
bool stays_at_zero(const View& view, std::uint32_t axis) {
  if (view.base[axis].constant() != 0) return false;
  for (const ViewDim& dim : view.dims) {
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      if (dim.digits[i].axis != axis) continue;
      const auto extent = constant_extent(dim);
      if (i > 0 ? dim.digits[i].extent > 1 : !extent || *extent > inner_extent(dim)) return false;
    }
  }
  return true;
}

/// Whether what lies outside of what `outer` shows lies outside its root too, for all that `inner`
/// asks for: a box, but for dimensions of extent 1 in which `inner` does not move.
bool keeps_edges(const View& outer, const View& inner) {
  View box = outer;
  box.dims.clear();
  for (std::uint32_t d = 0; d < outer.dims.size(); ++d) {
    if (outer.dims[d].extent != Expr(1) || !stays_at_zero(inner, d)) {
      box.dims.push_back(outer.dims[d]);
    }
  }
  return box.is_box();
}

}  // namespace

std::vector<Expr> View::shape() const {
  std::vector<Expr> extents;
  extents.reserve(dims.size());
  for (const ViewDim& dim : dims) extents.push_back(dim.extent);
  return extents;
}

bool View::is_box() const {
  if (zero_outside) return false;
  std::vector<bool> used(base.size());
  for (const ViewDim& dim : dims) {
    if (!is_simple(dim) || dim.digits[0].step != 1 || used[dim.digits[0].axis]) return false;
    used[dim.digits[0].axis] = true;
  }
  return true;
}

Expr View::box_extent(std::uint32_t axis) const {
  for (const ViewDim& dim : dims) {
    if (dim.digits[0].axis == axis) return dim.extent;
  }
  return 1;
}

View full_view(const std::vector<Expr>& shape) {
  View view;
  for (std::uint32_t axis = 0; axis < shape.size(); ++axis) {
    view.base.emplace_back(0);
    view.dims.push_back({shape[axis], 0, {{0, axis, 1}}});
  }
  return view;
}

View index_dim(const View& view, std::size_t dim, const Expr& position) {
  View result = view;
  const ViewDim& from = view.dims.at(dim);
  Expr rest = from.start + position;
  for (std::size_t i = from.digits.size(); i-- > 0;) {
    const Digit& digit = from.digits[i];
    const Expr count = i == 0 ? rest : Expr::mod(rest, digit.extent);
    result.base[digit.axis] += count * digit.step;
    if (i > 0) rest = Expr::floor_div(rest, digit.extent);
  }
  result.dims.erase(result.dims.begin() + static_cast<std::ptrdiff_t>(dim));
  return result;
}

View slice_dim(const View& view, std::size_t dim, const Expr& begin, const Expr& extent) {
  View result = view;
  ViewDim& d = result.dims.at(dim);
  d.extent = extent;
  if (is_simple(d)) {
    result.base[d.digits[0].axis] += begin * d.digits[0].step;
  } else {
    d.start += begin;
  }
  return result;
}

View permute(const View& view, const std::vector<std::size_t>& axes) {
  View result = view;
  for (std::size_t i = 0; i < axes.size(); ++i) result.dims[i] = view.dims.at(axes[i]);
  return result;
}

std::optional<View> reshape(const View& view, const std::vector<std::int64_t>& shape) {
  // All dimensions in one row of digits, slowest first, each with a known extent.
  std::vector<Digit> digits;
  std::int64_t total = 1;
  for (const ViewDim& dim : view.dims) {
    const auto extent = constant_extent(dim);
    if (!extent) return std::nullopt;
    const std::int64_t inner = inner_extent(dim);
    if (*extent % inner != 0) return std::nullopt;
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      digits.push_back(dim.digits[i]);
      if (i == 0) digits.back().extent = *extent / inner;
    }
    total *= *extent;
  }
  std::int64_t wanted = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 1 || __builtin_mul_overflow(wanted, extent, &wanted)) return std::nullopt;
  }
  if (wanted != total) return std::nullopt;

  // The new dimensions take digits from the fast end, splitting one where it spans several.
  View result;
  result.base = view.base;
  result.zero_outside = view.zero_outside;
  result.dims.resize(shape.size());
  std::size_t next = digits.size();
  for (std::size_t d = shape.size(); d-- > 0;) {
    std::int64_t left = shape[d];
    std::vector<Digit> taken;
    while (left > 1) {
      SEPTRAN_CHECK(next > 0);
      Digit& source = digits[next - 1];
      if (source.extent == 1) {
        --next;
      } else if (left % source.extent == 0) {
        taken.push_back(source);
        left /= source.extent;
        --next;
      } else if (source.extent % left == 0) {
        taken.push_back({left, source.axis, source.step});
        source.extent /= left;
        source.step *= left;
        left = 1;
      } else {
        return std::nullopt;
      }
    }
    if (taken.empty()) taken.push_back({1, 0, result.base.empty() ? 0 : 1});
    std::reverse(taken.begin(), taken.end());
    // Neighbouring digits that walk one axis without a gap are one digit.
    for (std::size_t i = taken.size() - 1; i > 0; --i) {
      if (taken[i - 1].axis == taken[i].axis &&
          taken[i - 1].step == taken[i].step * taken[i].extent) {
        taken[i - 1] = {taken[i - 1].extent * taken[i].extent, taken[i].axis, taken[i].step};
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    taken[0].extent = 0;
    result.dims[d] = {shape[d], 0, std::move(taken)};
  }
  if (result.base.empty() && !result.dims.empty()) return std::nullopt;
  return result;
}

std::optional<View> im2col(const View& view, const Im2colParams& p) {
  if (view.rank() != 4 || view.zero_outside) return std::nullopt;
  std::array<std::int64_t, 4> extent{};
  for (std::size_t d = 0; d < 4; ++d) {
    const auto e = constant_extent(view.dims[d]);
    if (!e) return std::nullopt;
    extent[d] = *e;
  }
  if (!is_simple(view.dims[1]) || !is_simple(view.dims[2])) return std::nullopt;
  std::array<std::int64_t, 2> out{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t span = p.dilation[i] * (p.kernel[i] - 1) + 1;
    out[i] = (extent[i + 1] + 2 * p.padding[i] - span) / p.stride[i] + 1;
    if (out[i] < 1) return std::nullopt;
  }
  // Zero padding is told by the root's own edges, so the image must be the whole of its axes, but
  // where windows cannot leave it.
  View result;
  result.base = view.base;
  result.zero_outside = true;
  const Digit& h = view.dims[1].digits[0];
  const Digit& w = view.dims[2].digits[0];
  const auto has_edges = [&](std::size_t i) {
    return extent[i + 1] > 1 || p.kernel[i] > 1 || p.padding[i] > 0;
  };
  if ((has_edges(0) && h.step != 1) || (has_edges(1) && w.step != 1)) return std::nullopt;
  result.base[h.axis] += Expr(-p.padding[0]);
  result.base[w.axis] += Expr(-p.padding[1]);
  ViewDim rows{extent[0] * out[0] * out[1], 0, view.dims[0].digits};
  rows.digits.push_back({out[0], h.axis, p.stride[0]});
  rows.digits.push_back({out[1], w.axis, p.stride[1]});
  ViewDim cols{p.kernel[0] * p.kernel[1] * extent[3], 0, {}};
  cols.digits.push_back({0, h.axis, p.dilation[0]});
  cols.digits.push_back({p.kernel[1], w.axis, p.dilation[1]});
  for (std::size_t i = 0; i < view.dims[3].digits.size(); ++i) {
    cols.digits.push_back(view.dims[3].digits[i]);
    if (i == 0) {
      cols.digits.back().extent = extent[3] / inner_extent(view.dims[3]);
    }
  }
  result.dims = {std::move(rows), std::move(cols)};
  return result;
}

std::optional<View> compose(const View& outer, const View& inner) {
  SEPTRAN_CHECK(inner.base.size() == outer.dims.size());
  if (inner.zero_outside && !keeps_edges(outer, inner)) return std::nullopt;
  View result;
  result.base = outer.base;
  result.zero_outside = outer.zero_outside || inner.zero_outside;
  // A dimension of several digits can only be walked by one digit of step 1, from a start.
  std::vector<int> users(outer.dims.size());
  for (const ViewDim& dim : inner.dims) {
    for (const Digit& digit : dim.digits) ++users[digit.axis];
  }
  for (std::size_t d = 0; d < outer.dims.size(); ++d) {
    const ViewDim& dim = outer.dims[d];
    if (is_simple(dim)) {
      result.base[dim.digits[0].axis] += inner.base[d] * dim.digits[0].step;
    } else if (users[d] == 0) {  // fixed: unravel
      View fixed = outer;
      fixed = index_dim(fixed, d, inner.base[d]);
      for (std::size_t a = 0; a < result.base.size(); ++a) {
        result.base[a] += fixed.base[a] - outer.base[a];
      }
    } else if (users[d] > 1) {
      return std::nullopt;
    }
  }
  for (const ViewDim& dim : inner.dims) {
    const ViewDim& first = outer.dims[dim.digits[0].axis];
    if (is_simple(dim) && !is_simple(first)) {
      if (dim.digits[0].step != 1) return std::nullopt;
      result.dims.push_back(
          {dim.extent, first.start + inner.base[dim.digits[0].axis], first.digits});
      continue;
    }
    ViewDim composed{dim.extent, dim.start, {}};
    for (const Digit& digit : dim.digits) {
      const ViewDim& through = outer.dims[digit.axis];
      if (!is_simple(through)) return std::nullopt;
      composed.digits.push_back(
          {digit.extent, through.digits[0].axis, digit.step * through.digits[0].step});
    }
    result.dims.push_back(std::move(composed));
  }
  return result;
}

View substitute(const View& view, const std::function<Expr(VarId)>& value) {
  View result = view;
  for (Expr& e : result.base) e = e.substitute(value);
  for (ViewDim& dim : result.dims) {
    dim.extent = dim.extent.substitute(value);
    dim.start = dim.start.substitute(value);
  }
  return result;
}

View simplify(const View& view, const VarTable& vars) {
  View result = view;
  for (Expr& e : result.base) e = vars.simplify(e);
  for (ViewDim& dim : result.dims) {
    dim.extent = vars.simplify(dim.extent);
    dim.start = vars.simplify(dim.start);
  }
  return result;
}

void collect_vars(const View& view, std::vector<VarId>& out) {
  for (const Expr& e : view.base) e.collect_vars(out);
  for (const ViewDim& dim : view.dims) {
    dim.extent.collect_vars(out);
    dim.start.collect_vars(out);
  }
}

}  // namespace septran
