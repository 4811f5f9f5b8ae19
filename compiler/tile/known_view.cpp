#include "compiler/tile/known_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/count.h"

namespace septran::tile {
namespace {

constexpr std::int64_t max_elements = std::int64_t{1} << 40;
constexpr std::int64_t max_walked = std::int64_t{1} << 24;

/// Adds what one dimension contributes to each axis' range.
void add_dim(const ViewDim& dim, std::vector<Range>& ranges) {
  const std::int64_t extent = dim.extent.offset();
  const std::int64_t start = dim.start.offset();
  if (dim.digits.size() == 1) {
    const Digit& digit = dim.digits[0];
    const std::int64_t first = start * digit.step;
    const std::int64_t last = (start + extent - 1) * digit.step;
    ranges[digit.axis].lo += std::min(first, last);
    ranges[digit.axis].hi += std::max(first, last);
    return;
  }
  std::vector<Range> seen(ranges.size());
  std::vector<std::int64_t> here(ranges.size());
  for (std::int64_t p = 0; p < extent; ++p) {
    std::fill(here.begin(), here.end(), 0);
    std::int64_t rest = start + p;
    for (std::size_t i = dim.digits.size(); i-- > 0;) {
      const Digit& digit = dim.digits[i];
      const std::int64_t up = i == 0 ? 0 : floor_div(rest, digit.extent);
      here[digit.axis] += (i == 0 ? rest : rest - up * digit.extent) * digit.step;
      rest = up;
    }
    for (std::size_t a = 0; a < here.size(); ++a) {
      seen[a].lo = p == 0 ? here[a] : std::min(seen[a].lo, here[a]);
      seen[a].hi = p == 0 ? here[a] : std::max(seen[a].hi, here[a]);
    }
  }
  for (std::size_t a = 0; a < ranges.size(); ++a) {
    ranges[a].lo += seen[a].lo;
    ranges[a].hi += seen[a].hi;
  }
}

}  // namespace

View evaluate(const View& view, const std::function<std::int64_t(VarId)>& value) {
  View result = view;
  for (Expr& e : result.base) e = e.evaluate(value);
  for (ViewDim& dim : result.dims) {
    dim.extent = dim.extent.evaluate(value);
    dim.start = dim.start.evaluate(value);
  }
  return result;
}

std::optional<std::vector<Range>> reach(const View& view) {
  std::vector<Range> ranges;
  for (const Expr& base : view.base) ranges.push_back({base.offset(), base.offset()});
  for (const ViewDim& dim : view.dims) {
    if (dim.extent.offset() <= 0) return std::nullopt;
  }
  for (const ViewDim& dim : view.dims) add_dim(dim, ranges);
  return ranges;
}

std::optional<std::string> view_structure_fault(const View& view, std::size_t root_rank) {
  if (view.base.size() != root_rank) {
    return fmt::format("a view with {:coordinate} of a tensor with {:dimension}",
                       Counted{view.base.size()}, Counted{root_rank});
  }
  for (const ViewDim& dim : view.dims) {
    if (dim.digits.empty()) return "a dimension of a view without digits";
    for (std::size_t i = 0; i < dim.digits.size(); ++i) {
      if (dim.digits[i].axis >= root_rank) {
        return fmt::format("a view along axis {} of a tensor with {:dimension}", dim.digits[i].axis,
                           Counted{root_rank});
      }
      if (i > 0 && dim.digits[i].extent < 1) return "a digit of a view that counts nothing";
    }
  }
  return std::nullopt;
}

std::optional<std::string> view_fault(const View& view, const std::vector<std::int64_t>& extents) {
  if (auto fault = view_structure_fault(view, extents.size())) return fault;
  std::int64_t elements = 1;
  for (const ViewDim& dim : view.dims) {
    const std::int64_t extent = std::max<std::int64_t>(dim.extent.offset(), 0);
    const bool walked = dim.digits.size() > 1;
    if (__builtin_mul_overflow(elements, extent, &elements) || elements > max_elements ||
        (walked && extent > max_walked)) {
      return "a view with too many elements";
    }
  }
  if (view.zero_outside) return std::nullopt;
  const auto ranges = reach(view);
  if (!ranges) return std::nullopt;
  for (std::size_t a = 0; a < extents.size(); ++a) {
    const Range& range = (*ranges)[a];
    if (range.lo < 0 || range.hi >= extents[a]) {
      return fmt::format("coordinates {} to {} along dimension {}, which has {:element}", range.lo,
                         range.hi, a, Counted{extents[a]});
    }
  }
  return std::nullopt;
}

}  // namespace septran::tile
