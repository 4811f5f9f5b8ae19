#include "simulator/byte_ranges.h"

#include <algorithm>

namespace septran::simulator {

void ByteRanges::add(std::int64_t begin, std::int64_t end) {
  if (!ranges_.empty() && ranges_.back().end == begin) {
    ranges_.back().end = end;
  } else {
    ranges_.push_back({begin, end});
  }
}

const std::vector<ByteRange>& ByteRanges::of(const ResolvedTile& tile) {
  ranges_.clear();
  if (tile.elements == 0) return ranges_;
  if (!box(tile)) walk(tile);
  const auto disorder =
      std::adjacent_find(ranges_.begin(), ranges_.end(),
                         [](const ByteRange& a, const ByteRange& b) { return b.begin <= a.end; });
  if (disorder == ranges_.end()) return ranges_;
  std::sort(ranges_.begin(), ranges_.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::size_t last = 0;
  for (std::size_t i = 1; i < ranges_.size(); ++i) {
    if (ranges_[i].begin <= ranges_[last].end) {
      ranges_[last].end = std::max(ranges_[last].end, ranges_[i].end);
    } else {
      ranges_[++last] = ranges_[i];
    }
  }
  ranges_.resize(last + 1);
  return ranges_;
}

bool ByteRanges::box(const ResolvedTile& tile) {
  if (!tile.tile.axes.empty()) return false;
  levels_.clear();
  std::int64_t rows = 1;
  for (const kernels::TileDim& dim : tile.tile.dims) {
    if (dim.digits.size() > 1) return false;
    if (dim.digits.empty() || dim.extent == 1 || dim.digits[0].stride_bytes == 0) continue;
    levels_.push_back({std::abs(dim.digits[0].stride_bytes), dim.extent});
    rows *= dim.extent;
  }
  std::sort(levels_.begin(), levels_.end(),
            [](const Level& a, const Level& b) { return a.stride < b.stride; });
  auto run = static_cast<std::int64_t>(size_bytes(tile.tile.storage));
  std::size_t inner = 0;
  while (inner < levels_.size() && levels_[inner].stride == run) {
    rows /= levels_[inner].count;
    run *= levels_[inner++].count;
  }
  levels_.erase(levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(inner));
  // A number of the rest of the levels' positions, the innermost running fastest.
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t begin = tile.low;
    std::int64_t rest = row;
    for (const Level& level : levels_) {
      begin += rest % level.count * level.stride;
      rest /= level.count;
    }
    add(begin, begin + run);
  }
  return true;
}

void ByteRanges::walk(const ResolvedTile& tile) {
  const auto width = static_cast<std::int64_t>(size_bytes(tile.tile.storage));
  walker_.start(tile.tile, address_order(tile.tile));
  for (TileWalker::Stretch stretch; walker_.next(stretch);) {
    const std::int64_t first = tile.address + stretch.offset;
    const std::int64_t stride = stretch.stride_bytes;
    if (stride == 0) {
      add(first, first + width);
    } else if (std::abs(stride) == width) {
      const std::int64_t low = std::min(first, first + (stretch.count - 1) * stride);
      add(low, low + stretch.count * width);
    } else {
      for (std::int64_t i = 0; i < stretch.count; ++i) {
        add(first + i * stride, first + i * stride + width);
      }
    }
  }
}

}  // namespace septran::simulator
