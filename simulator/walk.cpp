#include "simulator/walk.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "compiler/base/expr.h"

namespace septran::simulator {

void TileWalker::start(const kernels::Tile& tile, const std::vector<std::size_t>& order) {
  tile_ = &tile;
  levels_.clear();
  coordinates_.clear();
  for (const kernels::TileAxis& axis : tile.axes) coordinates_.push_back(axis.base);
  offset_ = 0;
  count_ = {};
  done_ = false;
  for (const std::size_t index : order) {
    const kernels::TileDim& dim = tile.dims[index];
    if (dim.extent <= 0) done_ = true;
    Level level;
    level.dim = &dim;
    level.first.resize(dim.digits.size());
    std::int64_t rest = dim.start;
    for (std::size_t i = dim.digits.size(); i-- > 0;) {
      const std::int64_t extent = dim.digits[i].extent;
      level.first[i] = i == 0 ? rest : rest - floor_div(rest, extent) * extent;
      if (i > 0) rest = floor_div(rest, extent);
    }
    level.value = level.first;
    for (std::size_t i = 0; i < dim.digits.size(); ++i) add(dim.digits[i], level.value[i]);
    levels_.push_back(std::move(level));
  }
}

void TileWalker::add(const kernels::TileDigit& digit, std::int64_t times) {
  offset_ += digit.stride_bytes * times;
  if (digit.axis >= 0) coordinates_[static_cast<std::size_t>(digit.axis)] += digit.step * times;
}

void TileWalker::step(Level& level) {
  ++level.position;
  for (std::size_t i = level.dim->digits.size(); i-- > 0;) {
    const kernels::TileDigit& digit = level.dim->digits[i];
    add(digit, 1);
    if (++level.value[i] < digit.extent || i == 0) return;
    add(digit, -digit.extent);
    level.value[i] = 0;
  }
}

void TileWalker::rewind(Level& level) {
  level.position = 0;
  for (std::size_t i = 0; i < level.dim->digits.size(); ++i) {
    add(level.dim->digits[i], level.first[i] - level.value[i]);
  }
  level.value = level.first;
}

void TileWalker::move(std::int64_t count) {
  for (std::size_t depth = levels_.size(); depth-- > 0;) {
    Level& level = levels_[depth];
    if (level.position + count < level.dim->extent) {
      if (count > 1) {  // within the last digit: its end is the stretch's
        level.position += count - 1;
        level.value.back() += count - 1;
        add(level.dim->digits.back(), count - 1);
      }
      step(level);
      return;
    }
    rewind(level);
    count = 1;
  }
  done_ = true;
}

bool TileWalker::clip(const kernels::TileDigit* inner, std::int64_t& begin,
                      std::int64_t& end) const {
  for (std::size_t a = 0; a < coordinates_.size(); ++a) {
    const std::int64_t extent = tile_->axes[a].extent;
    const std::int64_t at = coordinates_[a];
    const bool moves = inner != nullptr && inner->axis == static_cast<std::int32_t>(a);
    const std::int64_t step = moves ? inner->step : 0;
    if (step == 0) {
      if (at < 0 || at >= extent) return false;
    } else if (step > 0) {
      begin = std::max(begin, ceil_div(-at, step));
      end = std::min(end, ceil_div(extent - at, step));
    } else {  // at + step * k < extent and >= 0, k counted down
      begin = std::max(begin, floor_div(at - extent, -step) + 1);
      end = std::min(end, floor_div(at, -step) + 1);
    }
  }
  return begin < end;
}

bool TileWalker::next(Stretch& stretch) {
  while (!done_) {
    const kernels::TileDigit* inner = nullptr;
    std::int64_t count = 1;
    if (!levels_.empty()) {
      const Level& level = levels_.back();
      const auto& digits = level.dim->digits;
      count = level.dim->extent - level.position;
      if (!digits.empty()) inner = &digits.back();
      if (digits.size() > 1) count = std::min(count, inner->extent - level.value.back());
      if (digits.empty()) count = 1;
    }
    std::int64_t begin = 0;
    std::int64_t end = count;
    const bool inside = clip(inner, begin, end);
    stretch.stride_bytes = inner == nullptr ? 0 : inner->stride_bytes;
    stretch.offset = offset_ + begin * stretch.stride_bytes;
    stretch.count = end - begin;
    count_.inside += inside ? stretch.count : 0;
    count_.outside += count - (inside ? stretch.count : 0);
    move(count);
    if (inside) return true;
  }
  stretch.count = 0;
  return false;
}

ElementCount count_elements(const kernels::Tile& tile) {
  TileWalker walker;
  walker.start(tile, address_order(tile));
  for (TileWalker::Stretch stretch; walker.next(stretch);) continue;
  return walker.count();
}

std::vector<std::size_t> address_order(const kernels::Tile& tile) {
  std::vector<std::size_t> order(tile.dims.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto smallest_stride = [&](std::size_t dim) {
    std::int64_t stride = INT64_MAX;
    for (const kernels::TileDigit& digit : tile.dims[dim].digits) {
      stride = std::min(stride, std::abs(digit.stride_bytes));
    }
    return tile.dims[dim].extent == 1 ? INT64_MAX : stride;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return smallest_stride(a) > smallest_stride(b);
  });
  return order;
}

void BurstSource::start(const kernels::Tile& tile, std::int64_t address, std::int64_t burst_bytes) {
  walker_.start(tile, address_order(tile));
  stretch_ = {};
  address_ = address;
  burst_bytes_ = burst_bytes;
  element_bytes_ = static_cast<std::int64_t>(size_bytes(tile.storage));
  piece_bytes_ = 0;
  has_open_ = false;
}

void BurstSource::open_piece(std::int64_t offset, std::int64_t bytes) {
  const std::int64_t begin = address_ + offset;
  piece_bytes_ = bytes;
  piece_index_ = begin / burst_bytes_;
  room_ = (piece_index_ + 1) * burst_bytes_ - begin;
}

bool BurstSource::next_piece() {
  if (stretch_.count == 0 && !walker_.next(stretch_)) return false;
  if (stretch_.stride_bytes == 0) {  // a repeated element is fetched once
    open_piece(stretch_.offset, element_bytes_);
    stretch_.count = 0;
  } else if (std::abs(stretch_.stride_bytes) == element_bytes_) {
    const std::int64_t before = stretch_.stride_bytes < 0 ? stretch_.count - 1 : 0;
    open_piece(stretch_.offset - before * element_bytes_, stretch_.count * element_bytes_);
    stretch_.count = 0;
  } else {
    open_piece(stretch_.offset, element_bytes_);
    stretch_.offset += stretch_.stride_bytes;
    --stretch_.count;
  }
  return true;
}

bool BurstSource::next(Burst& burst) {
  for (;;) {
    if (piece_bytes_ == 0 && !next_piece()) {
      burst = open_;
      return std::exchange(has_open_, false);
    }
    const std::int64_t index = piece_index_;
    const std::int64_t take = std::min(piece_bytes_, room_);
    piece_bytes_ -= take;
    ++piece_index_;
    room_ = burst_bytes_;
    if (has_open_ && open_.index == index) {
      open_.useful_bytes = std::min(burst_bytes_, open_.useful_bytes + take);
      continue;
    }
    if (has_open_) {
      burst = open_;
      open_ = {index, take};
      return true;
    }
    open_ = {index, take};
    has_open_ = true;
  }
}

}  // namespace septran::simulator
