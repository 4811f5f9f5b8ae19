// Which bytes of its memory a tile touches, as sorted ranges.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/resolve.h"
#include "simulator/walk.h"

namespace septran::simulator {

/// Bytes begin .. end-1.
struct ByteRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// Finds the ranges of tiles; keeps its storage from one to the next.
class ByteRanges {
 public:
  /// The bytes of the elements that lie inside the tile's axes: ascending, disjoint, no two of them
  /// adjacent. Rows that follow each other are one range, so a dense tile costs no more than its
  /// dimensions; the others cost as much as they have rows. Valid until the next call.
  const std::vector<ByteRange>& of(const ResolvedTile& tile);

 private:
  struct Level {
    std::int64_t stride = 0;
    std::int64_t count = 0;
  };
  /// Tiles without axes, each of whose dimensions is one stride; false for others.
  bool box(const ResolvedTile& tile);
  void walk(const ResolvedTile& tile);
  void add(std::int64_t begin, std::int64_t end);

  std::vector<ByteRange> ranges_;
  std::vector<Level> levels_;
  TileWalker walker_;
};

}  // namespace septran::simulator
