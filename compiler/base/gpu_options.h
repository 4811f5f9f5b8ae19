// What a mapping says under `cuda:` of the blocks that run an instance.
#pragma once

#include <cstdint>
#include <vector>

namespace septran {

struct GpuOptions {
  int consumers = 0;                  // warpgroups that work on tiles; 0: the backend chooses
  bool share_tiles = false;           // each takes tiles of its own; else rows of one tile
  bool turns = false;                 // those multiply one after the other
  int producer_registers = 0;         // of a thread that copies; 0: the backend chooses
  int consumer_registers = 0;         // of a thread that works on tiles
  std::vector<std::int64_t> cluster;  // blocks side by side along each variable; empty: one
  bool multicast = true;              // blocks of a cluster share copies of what they all read
  std::int64_t epilogue_columns = 0;  // of the slabs that are stored at a time; 0: the backend's
  bool operator==(const GpuOptions&) const = default;

  /// Blocks of a cluster.
  [[nodiscard]] std::int64_t cluster_blocks() const {
    std::int64_t blocks = 1;
    for (const std::int64_t extent : cluster) blocks *= extent;
    return blocks;
  }
};

}  // namespace septran
