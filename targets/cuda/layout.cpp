#include "targets/cuda/layout.h"

#include "compiler/base/expr.h"

namespace septran::cuda {

std::int64_t Layout::room(std::size_t dim) const {
  std::int64_t product = 1;
  for (const LayoutDigit& digit : dims[dim]) product *= digit.extent;
  return product;
}

std::int64_t Layout::offsets() const {
  std::int64_t last = 0;
  for (const LayoutDim& dim : dims) {
    for (const LayoutDigit& digit : dim) last += (digit.extent - 1) * digit.offset;
  }
  return last + 1;
}

Place Layout::at(const std::vector<std::int64_t>& position) const {
  Place place;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    std::int64_t rest = position[d];
    for (std::size_t i = dims[d].size(); i-- > 0;) {
      const LayoutDigit& digit = dims[d][i];
      const std::int64_t count = i == 0 ? rest : rest % digit.extent;
      rest /= digit.extent;
      place.thread += count * digit.thread;
      place.offset += count * digit.offset;
    }
  }
  place.offset = swizzle.apply(place.offset);
  return place;
}

Layout Layout::vector_of(std::size_t dim) const {
  Layout result;
  result.dims.push_back(dims[dim]);
  std::int64_t next = 1;
  for (std::size_t i = dims[dim].size(); i-- > 0;) {
    LayoutDigit& digit = result.dims[0][i];
    if (digit.thread != 0) continue;
    digit.offset = next;
    next *= digit.extent;
  }
  return result;
}

Layout accumulator_layout(std::int64_t rows, std::int64_t cols, std::int64_t warpgroups) {
  const std::int64_t steps = ceil_div(rows, 64 * warpgroups);
  const std::int64_t groups = ceil_div(cols, 8);
  Layout layout;
  layout.dims = {{{warpgroups, 128, 0}, {steps, 0, groups * 4}, {4, 32, 0}, {2, 0, 2}, {8, 4, 0}},
                 {{groups, 0, 4}, {4, 1, 0}, {2, 0, 1}}};
  return layout;
}

Layout grid_layout(std::int64_t rows, std::int64_t cols, std::int64_t threads, std::int64_t lanes,
                   std::int64_t width) {
  const std::int64_t grid_rows = threads / lanes;
  const std::int64_t row_steps = ceil_div(rows, grid_rows);
  const std::int64_t col_steps = ceil_div(cols, lanes * width);
  Layout layout;
  layout.dims = {{{row_steps, 0, col_steps * width}, {grid_rows, lanes, 0}},
                 {{col_steps, 0, width}, {lanes, 1, 0}, {width, 0, 1}}};
  return layout;
}

Layout swizzled_layout(std::int64_t rows, std::int64_t cols, std::int64_t element_bytes) {
  const std::int64_t width = panel_columns(element_bytes);
  Layout layout;
  layout.dims = {{{rows, 0, 128}},
                 {{ceil_div(cols, width), 0, rows * 128}, {width, 0, element_bytes}}};
  layout.swizzle = {3, 7, 4};
  return layout;
}

std::int64_t swizzled_bytes(std::int64_t rows, std::int64_t cols, std::int64_t element_bytes) {
  return rows * 128 * ceil_div(cols, panel_columns(element_bytes));
}

}  // namespace septran::cuda
