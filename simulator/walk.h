// The order in which a dma engine walks a tile, as stretches of elements and as bursts of its bus.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/kernels/kernels.h"

namespace septran::simulator {

/// Elements of a tile, by whether they lie inside its axes.
struct ElementCount {
  std::int64_t inside = 0;
  std::int64_t outside = 0;
};

/// The elements of a tile that lie inside its axes, as stretches of evenly spaced elements.
class TileWalker {
 public:
  struct Stretch {
    std::int64_t offset = 0;  // bytes from the tile's address
    std::int64_t count = 0;
    std::int64_t stride_bytes = 0;
  };
  /// `order` lists the dimensions, the slowest first. The tile must outlive the walker, and sums of
  /// its strides and steps must fit 64 bits.
  void start(const kernels::Tile& tile, const std::vector<std::size_t>& order);
  /// False at the end, with an empty stretch.
  bool next(Stretch& stretch);
  /// Of the elements so far.
  [[nodiscard]] const ElementCount& count() const { return count_; }

 private:
  struct Level {
    const kernels::TileDim* dim = nullptr;
    std::int64_t position = 0;
    std::vector<std::int64_t> first;  // digits of the first position
    std::vector<std::int64_t> value;
  };
  void add(const kernels::TileDigit& digit, std::int64_t times);
  void step(Level& level);
  void rewind(Level& level);
  /// Moves on by `count` positions of the innermost level, with carry.
  void move(std::int64_t count);
  bool clip(const kernels::TileDigit* inner, std::int64_t& begin, std::int64_t& end) const;

  const kernels::Tile* tile_ = nullptr;
  std::vector<Level> levels_;
  std::vector<std::int64_t> coordinates_;
  std::int64_t offset_ = 0;
  ElementCount count_;
  bool done_ = true;
};

/// The dimensions of a tile, that with the largest stride first (equal ones in their order): the
/// order in which addresses rise.
std::vector<std::size_t> address_order(const kernels::Tile& tile);

/// All elements of a tile.
ElementCount count_elements(const kernels::Tile& tile);

/// One burst on the bus: its number (address / burst size) and how much of it is wanted, at most
/// the whole of it.
struct Burst {
  std::int64_t index = 0;
  std::int64_t useful_bytes = 0;
};

/// Cuts what a tile touches into aligned bursts; accesses to one burst that follow each other are
/// one burst.
class BurstSource {
 public:
  /// `address` is the tile's in its memory.
  void start(const kernels::Tile& tile, std::int64_t address, std::int64_t burst_bytes);
  bool next(Burst& burst);
  /// Of the elements whose bursts have been told, and of the next few.
  [[nodiscard]] const ElementCount& count() const { return walker_.count(); }

 private:
  bool next_piece();
  void open_piece(std::int64_t offset, std::int64_t bytes);

  TileWalker walker_;
  TileWalker::Stretch stretch_;
  std::int64_t address_ = 0;
  std::int64_t burst_bytes_ = 1;
  std::int64_t element_bytes_ = 1;
  std::int64_t piece_bytes_ = 0;
  std::int64_t piece_index_ = 0;
  std::int64_t room_ = 0;  // bytes from the piece's begin to the end of its burst
  Burst open_;
  bool has_open_ = false;
};

}  // namespace septran::simulator
