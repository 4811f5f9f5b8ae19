#include "compiler/kernels/tile_access.h"

#include <algorithm>
#include <cstring>

#include "compiler/base/diagnostic.h"
#include "compiler/kernels/simd.h"

namespace septran::kernels {
namespace {

/// One dimension of the walk over a tile: either a constant stride, or a table of offsets (and, for
/// tiles that read zeros outside, of each axis' coordinates) for each position.
struct Line {
  std::int64_t extent = 1;
  std::int64_t stride = 0;
  std::vector<std::int64_t> offsets;              // empty: stride * position
  std::vector<std::vector<std::int64_t>> coords;  // [axis][position]; only with bounds
  [[nodiscard]] std::int64_t offset(std::int64_t p) const {
    return offsets.empty() ? p * stride : offsets[static_cast<std::size_t>(p)];
  }
};

/// Elements of the innermost line that lie side by side and along which no coordinate turns back.
struct Run {
  std::int64_t begin = 0;
  std::int64_t length = 0;
};

struct Walk {
  std::int64_t start = 0;      // bytes from the tile's data
  std::vector<Line> lines;     // slowest first, at least one
  std::vector<Run> runs;       // of the last line, if it has a table
  std::size_t axis_count = 0;  // 0: no bounds
};

Line table_line(const TileDim& dim, std::size_t axis_count) {
  Line line;
  line.extent = dim.extent;
  line.offsets.resize(static_cast<std::size_t>(dim.extent));
  line.coords.assign(axis_count, std::vector<std::int64_t>(line.offsets.size()));
  for (std::size_t p = 0; p < line.offsets.size(); ++p) {
    std::int64_t rest = dim.start + static_cast<std::int64_t>(p);
    for (std::size_t i = dim.digits.size(); i-- > 0;) {
      const TileDigit& digit = dim.digits[i];
      const std::int64_t up = i == 0 ? 0 : floor_div(rest, digit.extent);
      const std::int64_t count = i == 0 ? rest : rest - up * digit.extent;
      rest = up;
      line.offsets[p] += count * digit.stride_bytes;
      if (digit.axis >= 0 && axis_count > 0) {
        line.coords[static_cast<std::size_t>(digit.axis)][p] += count * digit.step;
      }
    }
  }
  return line;
}

std::vector<Run> find_runs(const Line& line, std::int64_t element_bytes) {
  std::vector<Run> runs;
  const auto delta = [](const std::vector<std::int64_t>& values, std::int64_t p) {
    return values[static_cast<std::size_t>(p)] - values[static_cast<std::size_t>(p - 1)];
  };
  for (std::int64_t p = 0; p < line.extent; ++p) {
    bool joins = !runs.empty() && delta(line.offsets, p) == element_bytes;
    for (std::size_t a = 0; joins && runs.back().length > 1 && a < line.coords.size(); ++a) {
      joins = delta(line.coords[a], p) == delta(line.coords[a], p - 1);
    }
    if (joins) {
      ++runs.back().length;
    } else {
      runs.push_back({p, 1});
    }
  }
  return runs;
}

Walk make_walk(const Tile& tile) {
  Walk walk;
  walk.axis_count = tile.axes.size();
  for (const TileDim& dim : tile.dims) {
    const bool strided = walk.axis_count == 0 && dim.digits.size() <= 1;
    if (!strided) {
      walk.lines.push_back(table_line(dim, walk.axis_count));
      continue;
    }
    const std::int64_t stride = dim.digits.empty() ? 0 : dim.digits[0].stride_bytes;
    walk.start += dim.start * stride;
    if (dim.extent == 1) continue;
    Line* last = walk.lines.empty() ? nullptr : &walk.lines.back();
    if (last != nullptr && last->offsets.empty() && last->stride == stride * dim.extent) {
      last->extent *= dim.extent;
      last->stride = stride;
    } else {
      walk.lines.push_back({dim.extent, stride, {}, {}});
    }
  }
  if (walk.lines.empty()) {
    walk.lines.push_back(table_line({1, 0, {}}, walk.axis_count));
  }
  if (!walk.lines.back().offsets.empty()) {
    walk.runs = find_runs(walk.lines.back(), static_cast<std::int64_t>(size_bytes(tile.storage)));
  }
  return walk;
}

/// Moves elements between memory and the dense array; E is an integer as wide as an element.
template <typename E, bool to_dense>
class Mover {
 public:
  Mover(const Tile& tile, std::byte* dense) : tile_(tile), walk_(make_walk(tile)), dense_(dense) {}

  void run() {
    const std::size_t outer = walk_.lines.size() - 1;
    std::vector<std::int64_t> position(outer);
    coordinate_.resize(walk_.axis_count);
    while (true) {
      std::int64_t offset = walk_.start;
      for (std::size_t a = 0; a < walk_.axis_count; ++a) coordinate_[a] = tile_.axes[a].base;
      for (std::size_t d = 0; d < outer; ++d) {
        const Line& line = walk_.lines[d];
        offset += line.offset(position[d]);
        for (std::size_t a = 0; a < walk_.axis_count; ++a) {
          coordinate_[a] += line.coords[a][static_cast<std::size_t>(position[d])];
        }
      }
      row(tile_.data + offset);
      std::size_t d = outer;
      while (d > 0 && ++position[d - 1] == walk_.lines[d - 1].extent) position[--d] = 0;
      if (d == 0) return;
    }
  }

 private:
  static constexpr auto element_bytes = static_cast<std::int64_t>(sizeof(E));

  void move(std::byte* memory, std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(count * element_bytes);
    to_dense ? std::memcpy(dense_, memory, bytes) : std::memcpy(memory, dense_, bytes);
    dense_ += bytes;
  }

  void row(std::byte* memory) {
    const Line& line = walk_.lines.back();
    if (line.offsets.empty()) {
      if (line.stride == element_bytes) return move(memory, line.extent);
      for (std::int64_t p = 0; p < line.extent; ++p) move_one(memory + p * line.stride);
      return;
    }
    for (const Run& run : walk_.runs) this->run(line, run, memory);
  }

  void move_one(std::byte* memory) {
    to_dense ? std::memcpy(dense_, memory, sizeof(E)) : std::memcpy(memory, dense_, sizeof(E));
    dense_ += sizeof(E);
  }

  void run(const Line& line, const Run& run, std::byte* memory) {
    bool inside = true;
    bool outside = false;
    for (std::size_t a = 0; a < walk_.axis_count; ++a) {
      const std::int64_t first = coordinate(line, a, run.begin);
      const std::int64_t last = coordinate(line, a, run.begin + run.length - 1);
      const std::int64_t extent = tile_.axes[a].extent;
      inside = inside && first >= 0 && last >= 0 && first < extent && last < extent;
      outside = outside || (first < 0 && last < 0) || (first >= extent && last >= extent);
    }
    if (inside) return move(memory + line.offset(run.begin), run.length);
    for (std::int64_t p = run.begin; p < run.begin + run.length; ++p) {
      if (!outside && is_inside(line, p)) {
        move_one(memory + line.offset(p));
      } else {
        if (to_dense) std::memset(dense_, 0, sizeof(E));
        dense_ += sizeof(E);
      }
    }
  }

  [[nodiscard]] std::int64_t coordinate(const Line& line, std::size_t a, std::int64_t p) const {
    return coordinate_[a] + line.coords[a][static_cast<std::size_t>(p)];
  }
  [[nodiscard]] bool is_inside(const Line& line, std::int64_t p) const {
    for (std::size_t a = 0; a < walk_.axis_count; ++a) {
      const std::int64_t c = coordinate(line, a, p);
      if (c < 0 || c >= tile_.axes[a].extent) return false;
    }
    return true;
  }

  const Tile& tile_;
  Walk walk_;
  std::byte* dense_;
  std::vector<std::int64_t> coordinate_;
};

template <bool to_dense>
void move_elements(const Tile& tile, std::byte* dense) {
  if (tile.elements() == 0) return;
  switch (size_bytes(tile.storage)) {
    case 1:
      return Mover<std::uint8_t, to_dense>(tile, dense).run();
    case 2:
      return Mover<std::uint16_t, to_dense>(tile, dense).run();
    case 4:
      return Mover<std::uint32_t, to_dense>(tile, dense).run();
    case 8:
      return Mover<std::uint64_t, to_dense>(tile, dense).run();
    default:
      SEPTRAN_BUG("element size");
  }
}

/// Elements of any type as f64, which holds them all.
void decode_f64(DType from, const std::byte* x, double* y, std::int64_t n) {
  const auto element = static_cast<std::int64_t>(size_bytes(from));
  if (from == DType::f64) {
    std::memcpy(y, x, static_cast<std::size_t>(n * element));
    return;
  }
  if (from == DType::i32) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::int32_t value = 0;
      std::memcpy(&value, x + i * element, sizeof(value));
      y[i] = value;
    }
    return;
  }
  constexpr std::int64_t chunk = 512;
  float values[chunk];
  for (std::int64_t i = 0; i < n; i += chunk) {
    const std::int64_t count = std::min(chunk, n - i);
    simd().decode_f32(from, x + i * element, values, count);
    std::copy(values, values + count, y + i);
  }
}

}  // namespace

std::vector<std::int64_t> shape_of(const Tile& tile) {
  std::vector<std::int64_t> shape;
  for (const TileDim& dim : tile.dims) shape.push_back(dim.extent);
  return shape;
}

Buffer<std::byte> gather_bytes(const Tile& tile) {
  Buffer<std::byte> dense(tile.elements() * static_cast<std::int64_t>(size_bytes(tile.storage)));
  move_elements<true>(tile, dense.data());
  return dense;
}

void scatter_bytes(const Tile& tile, const std::byte* dense) {
  // A scatter only reads the array.
  move_elements<false>(tile, const_cast<std::byte*>(dense));
}

void convert(DType from, const std::byte* x, DType to, std::byte* y, std::int64_t n) {
  const auto from_bytes = static_cast<std::int64_t>(size_bytes(from));
  const auto to_bytes = static_cast<std::int64_t>(size_bytes(to));
  if (from == to) {
    std::memcpy(y, x, static_cast<std::size_t>(n * from_bytes));
    return;
  }
  constexpr std::int64_t chunk = 512;
  const bool wide = from == DType::f64 || from == DType::i32;
  float narrow_values[chunk];
  double wide_values[chunk];
  for (std::int64_t i = 0; i < n; i += chunk) {
    const std::int64_t count = std::min(chunk, n - i);
    if (wide) {
      decode_f64(from, x + i * from_bytes, wide_values, count);
      simd().encode_f64(to, wide_values, y + i * to_bytes, count);
    } else {
      simd().decode_f32(from, x + i * from_bytes, narrow_values, count);
      simd().encode_f32(to, narrow_values, y + i * to_bytes, count);
    }
  }
}

double round_to(DType type, double value) {
  std::byte code[sizeof(double)];
  simd().encode_f64(type, &value, code, 1);
  double rounded = 0;
  decode_f64(type, code, &rounded, 1);
  return rounded;
}

template <typename T>
Buffer<T> gather(const Tile& tile) {
  Buffer<T> values(tile.elements());
  if (tile.storage == dtype_of<T>()) {
    move_elements<true>(tile, reinterpret_cast<std::byte*>(values.data()));
    return values;
  }
  const Buffer<std::byte> bytes = gather_bytes(tile);
  convert(tile.storage, bytes.data(), dtype_of<T>(), reinterpret_cast<std::byte*>(values.data()),
          values.size());
  return values;
}

template <typename T>
void scatter(const Tile& tile, const Buffer<T>& dense) {
  const std::int64_t n = dense.size();
  const auto* source = reinterpret_cast<const std::byte*>(dense.data());
  if (tile.logical == dtype_of<T>() && tile.storage == tile.logical) {
    return scatter_bytes(tile, source);
  }
  const auto bytes = [n](DType type) { return n * static_cast<std::int64_t>(size_bytes(type)); };
  const Buffer<std::byte> rounded(bytes(tile.logical));
  convert(dtype_of<T>(), source, tile.logical, rounded.data(), n);
  if (tile.storage == tile.logical) return scatter_bytes(tile, rounded.data());
  const Buffer<std::byte> stored(bytes(tile.storage));
  convert(tile.logical, rounded.data(), tile.storage, stored.data(), n);
  scatter_bytes(tile, stored.data());
}

template Buffer<float> gather(const Tile&);
template Buffer<double> gather(const Tile&);
template Buffer<std::int32_t> gather(const Tile&);
template void scatter(const Tile&, const Buffer<float>&);
template void scatter(const Tile&, const Buffer<double>&);
template void scatter(const Tile&, const Buffer<std::int32_t>&);

}  // namespace septran::kernels
