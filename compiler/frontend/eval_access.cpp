// What views touch of their roots.
#include "compiler/frontend/eval_access.h"

#include <algorithm>

namespace septran::lang {
namespace {

/// One digit's contribution to an axis: step * (first .. first + extent - 1).
struct Walk {
  std::int64_t step;
  Expr first;
  Expr extent;
};

void digit_walks(const ViewDim& dim, std::vector<std::vector<Walk>>& axes, bool& exact) {
  std::int64_t inner = 1;
  for (std::size_t i = 1; i < dim.digits.size(); ++i) inner *= dim.digits[i].extent;
  for (std::size_t i = 1; i < dim.digits.size(); ++i) {
    const Digit& digit = dim.digits[i];
    axes[digit.axis].push_back({digit.step, 0, digit.extent});
  }
  const Digit& slowest = dim.digits[0];
  const Expr first = Expr::floor_div(dim.start, inner);
  const Expr last = Expr::floor_div(dim.start + dim.extent - 1, inner);
  axes[slowest.axis].push_back({slowest.step, first, last - first + 1});
  if (inner == 1) return;
  const auto start = dim.start.constant();
  const auto extent = dim.extent.constant();
  exact = exact && start && extent && *start % inner == 0 && *extent % inner == 0;
}

/// Whether steps fit together so that every coordinate between the bounds occurs.
bool contiguous(std::vector<Walk> walks) {
  std::sort(walks.begin(), walks.end(),
            [](const Walk& a, const Walk& b) { return std::abs(a.step) < std::abs(b.step); });
  std::int64_t covered = 1;
  for (std::size_t i = 0; i < walks.size(); ++i) {
    if (walks[i].extent == Expr(1) || walks[i].step == 0) continue;
    if (std::abs(walks[i].step) > covered) return false;
    const auto extent = walks[i].extent.constant();
    if (!extent) return i + 1 == walks.size();
    covered += (*extent - 1) * std::abs(walks[i].step);
  }
  return true;
}

}  // namespace

std::vector<AxisBounds> axis_bounds(const View& view) {
  std::vector<std::vector<Walk>> walks(view.base.size());
  bool exact = true;
  for (const ViewDim& dim : view.dims) digit_walks(dim, walks, exact);
  std::vector<AxisBounds> result;
  for (std::size_t axis = 0; axis < view.base.size(); ++axis) {
    AxisBounds bounds{view.base[axis], view.base[axis], exact && contiguous(walks[axis])};
    for (const Walk& walk : walks[axis]) {
      const Expr near = walk.first * walk.step;
      const Expr far = (walk.first + walk.extent - 1) * walk.step;
      bounds.lo += walk.step >= 0 ? near : far;
      bounds.hi += walk.step >= 0 ? far : near;
    }
    result.push_back(std::move(bounds));
  }
  return result;
}

std::vector<MergedDim> merged_dims(const View& view, const std::vector<Expr>& root_shape) {
  const auto is_alone = [&](std::uint32_t axis) {
    std::ptrdiff_t count = 0;
    for (const ViewDim& dim : view.dims) {
      count += std::count_if(dim.digits.begin(), dim.digits.end(),
                             [&](const Digit& digit) { return digit.axis == axis; });
    }
    return count == 1;
  };
  std::vector<MergedDim> result;
  for (std::size_t d = 0; d < view.dims.size(); ++d) {
    const std::vector<Digit>& digits = view.dims[d].digits;
    MergedDim merged{d, {}, 1};
    bool whole = digits.size() > 1;
    for (std::size_t i = 0; i < digits.size() && whole; ++i) {
      const auto extent = root_shape[digits[i].axis].constant();
      whole = extent && digits[i].step == 1 && view.base[digits[i].axis] == Expr(0) &&
              (i == 0 || digits[i].extent == *extent) && is_alone(digits[i].axis);
      merged.axes.push_back(digits[i].axis);
      if (whole) merged.positions *= *extent;
    }
    if (whole) result.push_back(std::move(merged));
  }
  return result;
}

AxisBounds position_bounds(const ViewDim& dim) { return {dim.start, dim.start + dim.extent - 1}; }

const ViewDim* same_merged_dim(const View& view, const ViewDim& dim,
                               const std::vector<Expr>& root_shape) {
  for (const MergedDim& merged : merged_dims(view, root_shape)) {
    if (view.dims[merged.dim].digits == dim.digits) return &view.dims[merged.dim];
  }
  return nullptr;
}

bool widen_over(std::vector<AxisBounds>& bounds, VarId var, const VarTable& vars) {
  const Expr begin = vars[var].begin;
  const Expr last = vars[var].end - 1;
  const Range trips = vars.range(last - begin);
  if (trips.lo < 0) return false;
  VarTable all_but_last = vars;
  all_but_last[var].end = last;
  int moving = 0;
  for (AxisBounds& axis : bounds) {
    if (!axis.lo.depends_on(var) && !axis.hi.depends_on(var)) continue;
    if (trips.hi > 0) {
      const auto at_least_0 = [&](const Expr& e) { return all_but_last.range(e).lo >= 0; };
      const Expr next_lo = axis.lo.substitute(var, Expr::var(var) + 1);
      const Expr next_hi = axis.hi.substitute(var, Expr::var(var) + 1);
      const bool joined = at_least_0(axis.hi + 1 - next_lo) && at_least_0(next_lo - axis.lo) &&
                          at_least_0(next_hi - axis.hi);
      if (!joined || ++moving > 1) return false;
    }
    axis.lo = axis.lo.substitute(var, begin);
    axis.hi = axis.hi.substitute(var, last);
  }
  return true;
}

bool Box::overlaps(const Box& other) const {
  for (std::size_t a = 0; a < lo.size(); ++a) {
    if (hi[a] < other.lo[a] || other.hi[a] < lo[a]) return false;
  }
  return true;
}

bool Box::contains(const Box& other) const {
  for (std::size_t a = 0; a < lo.size(); ++a) {
    if (other.lo[a] < lo[a] || other.hi[a] > hi[a]) return false;
  }
  return true;
}

Box bounding_box(const View& view, const std::function<std::int64_t(VarId)>& value) {
  const View known = substitute(view, [&](VarId id) { return Expr(value(id)); });
  Box box;
  for (const AxisBounds& bounds : axis_bounds(known)) {
    box.lo.push_back(bounds.lo.offset());
    box.hi.push_back(bounds.hi.offset());
    box.exact = box.exact && bounds.exact;
  }
  return box;
}

bool for_each_element(const View& view, const std::function<std::int64_t(VarId)>& value,
                      std::int64_t& budget,
                      const std::function<void(const std::vector<std::int64_t>&)>& visit) {
  std::vector<std::int64_t> base;
  for (const Expr& e : view.base) base.push_back(e.evaluate(value));
  std::vector<std::int64_t> extents;
  std::vector<std::int64_t> starts;
  for (const ViewDim& dim : view.dims) {
    extents.push_back(dim.extent.evaluate(value));
    starts.push_back(dim.start.evaluate(value));
    if (extents.back() <= 0) return true;
  }
  std::vector<std::int64_t> position(view.dims.size(), 0);
  for (;;) {
    if (budget-- <= 0) return false;
    std::vector<std::int64_t> at = base;
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      std::int64_t rest = starts[d] + position[d];
      const auto& digits = view.dims[d].digits;
      for (std::size_t i = digits.size(); i-- > 0;) {
        const std::int64_t count = i == 0 ? rest : rest % digits[i].extent;
        if (i > 0) rest /= digits[i].extent;
        at[digits[i].axis] += count * digits[i].step;
      }
    }
    visit(at);
    std::size_t d = view.dims.size();
    while (d > 0 && ++position[d - 1] == extents[d - 1]) position[--d] = 0;
    if (d == 0) return true;
  }
}

}  // namespace septran::lang
