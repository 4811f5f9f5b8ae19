#include "compiler/reference/written_map.h"

#include <algorithm>

namespace septran::reference {
namespace {

/// Whether a box shows the whole of a tensor.
bool is_whole(const View& view, const std::vector<std::int64_t>& shape) {
  if (!view.is_box() || view.rank() != shape.size()) return false;
  for (std::uint32_t axis = 0; axis < shape.size(); ++axis) {
    if (view.box_extent(axis).constant() != shape[axis]) return false;
  }
  return true;
}

/// Moves to the next position in row-major order; false after the last.
bool advance(std::vector<std::int64_t>& position, const std::vector<std::int64_t>& extents) {
  for (std::size_t d = position.size(); d-- > 0;) {
    if (++position[d] < extents[d]) return true;
    position[d] = 0;
  }
  return false;
}

}  // namespace

WrittenMap::WrittenMap(std::vector<std::int64_t> shape) : shape_(std::move(shape)) {
  for (const std::int64_t extent : shape_) missing_ *= extent;
}

template <typename F>
bool WrittenMap::for_each_run_of_box(const View& view, const F& visit) const {
  std::vector<std::int64_t> outer;  // extents of the box along all axes but the last
  for (std::uint32_t axis = 0; axis + 1 < shape_.size(); ++axis) {
    outer.push_back(view.box_extent(axis).offset());
  }
  const auto last = static_cast<std::uint32_t>(shape_.size() - 1);
  const std::int64_t run = view.box_extent(last).offset();
  std::vector<std::int64_t> position(outer.size(), 0);
  do {
    std::int64_t element = 0;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      const std::int64_t at = axis < last ? position[axis] : 0;
      element = element * shape_[axis] + view.base[axis].offset() + at;
    }
    if (!visit(element, run)) return false;
  } while (advance(position, outer));
  return true;
}

template <typename F>
bool WrittenMap::for_each_run(const View& view, const F& visit) const {
  if (view.is_box()) return for_each_run_of_box(view, visit);
  std::vector<std::int64_t> extents;
  for (const ViewDim& dim : view.dims) extents.push_back(dim.extent.offset());
  std::vector<std::int64_t> position(extents.size(), 0);
  std::vector<std::int64_t> at(shape_.size());
  do {
    for (std::size_t a = 0; a < at.size(); ++a) at[a] = view.base[a].offset();
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      std::int64_t rest = view.dims[d].start.offset() + position[d];
      const auto& digits = view.dims[d].digits;
      for (std::size_t i = digits.size(); i-- > 0;) {
        const std::int64_t count = i == 0 ? rest : rest % digits[i].extent;
        if (i > 0) rest /= digits[i].extent;
        at[digits[i].axis] += count * digits[i].step;
      }
    }
    std::int64_t element = 0;
    bool inside = true;
    for (std::size_t a = 0; a < at.size(); ++a) {
      inside = inside && at[a] >= 0 && at[a] < shape_[a];
      element = element * shape_[a] + at[a];
    }
    if (inside && !visit(element, std::int64_t{1})) return false;
  } while (advance(position, extents));
  return true;
}

void WrittenMap::write(const View& view) {
  if (missing_ == 0) return;
  if (is_whole(view, shape_)) {
    missing_ = 0;
    marks_ = {};
    return;
  }
  if (marks_.empty()) marks_.assign(static_cast<std::size_t>(missing_), 0);
  for_each_run(view, [&](std::int64_t first, std::int64_t count) {
    const auto begin = marks_.begin() + first;
    missing_ -= std::count(begin, begin + count, std::uint8_t{0});
    std::fill(begin, begin + count, std::uint8_t{1});
    return true;
  });
}

bool WrittenMap::is_written(const View& view) const {
  if (missing_ == 0) return true;
  if (marks_.empty()) return false;
  return for_each_run(view, [&](std::int64_t first, std::int64_t count) {
    const auto begin = marks_.begin() + first;
    return std::find(begin, begin + count, std::uint8_t{0}) == begin + count;
  });
}

}  // namespace septran::reference
