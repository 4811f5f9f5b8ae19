// Tiles of sums that leave by way of shared memory: each warpgroup puts its rows there, slab after
// slab, and the copy engine takes them on while the warpgroup goes on.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "targets/cuda/emitter.h"
#include "targets/cuda/plan.h"
#include "targets/cuda/source.h"

namespace septran::cuda {

inline constexpr std::int64_t warpgroup_rows = 64;    // of a tile, that its products step by
inline constexpr std::int64_t slab_alignment = 1024;  // the period of the swizzle

/// One such copy: the tensor's map, of boxes of `rows` rows in panels of 128 bytes, and the corner
/// of the tile (innermost first). Where the copy engine cannot store it, warps do, row by row.
struct BulkStore {
  bool by_warps = false;  // without map and corner
  TensorMap map;
  std::vector<Expr> corner;
  std::size_t row_axis = 1;  // of the corner
  std::int64_t panels = 1;   // along a row
  std::int64_t steps = 1;    // of 64 rows of a warpgroup
};

/// A tile in shared memory that takes the place of slabs, and the loop whose second trip must find
/// them read.
struct StorePlace {
  tile::TensorId tile;
  const tile::Loop* loop = nullptr;
  std::int64_t panel_bytes = 0;  // of the tile's panels
};

struct StorePlan {
  std::map<const tile::Statement*, BulkStore> stores;
  std::int64_t panels = 1;  // of a slab
  std::int64_t slabs = 1;   // of each warpgroup
  std::int64_t slab_bytes = 0;
  std::int64_t bytes = 0;           // of shared memory, for all
  std::optional<StorePlace> place;  // of all slabs; those are then as many as a tile has
  std::string why;                  // not for some copy that might have been
};

/// Finds them, and room for slabs in `room` bytes of shared memory.
StorePlan plan_stores(const tile::Program& program, const Machine& machine, const Plan& plan,
                      const KernelPlan& kernel, std::int64_t room);

/// Writes one that warps store.
void emit_row_store(Emitter& emitter, const StorePlan& plan, const BulkStore& store,
                    const RegisterTile& tile, const tile::DmaCopy& copy);

/// Whether work on the tile can be done slab by slab: all of them are of equal parts of it.
bool has_equal_slabs(const BulkStore& store, const RegisterTile& tile);

/// Writes one that the copy engine stores. Of each warpgroup, the first thread has the copy engine
/// store; `slabs` is a pointer to the warpgroup's, `map` the tensor map's number. `work`, if given,
/// writes what comes before, for each slab's part of tiles.
void emit_bulk_store(Emitter& emitter, const StorePlan& plan, const BulkStore& store,
                     const RegisterTile& tile, DType type, std::ptrdiff_t map,
                     const std::function<void()>& work = {});

}  // namespace septran::cuda
