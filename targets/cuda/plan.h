// What the CUDA backend decides before it writes a line: which part of the program is which kernel,
// how many threads it has, where tiles lie, and what computes each product. Every decision against
// the fast way carries its reason, which `septran explain` prints.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/base/gpu_options.h"
#include "compiler/tile/visit.h"
#include "targets/cuda/layout.h"
#include "targets/machine.h"

namespace septran::cuda {

/// The engine whose copies are the copy engine's, issued by one thread.
inline constexpr std::string_view copying_engine = "load";

/// How the tiles of a group are spread over threads.
enum class Spread {
  grid,        // rows and lanes of threads
  accumulator  // as products of warpgroups leave their sums
};

/// Register tiles that meet in operations: one spread for all of them.
struct TileGroup {
  Spread spread = Spread::grid;
  std::int64_t rows = 1;  // of all of them
  std::int64_t lanes = 32;
  std::int64_t width = 1;
};

/// What a one-dimensional tile has a value for each of.
enum class Along { rows, columns };

/// Where a tensor of the program lies on the GPU.
struct TilePlace {
  enum class Kind {
    global,     // an argument, or a temporary in the workspace
    shared,     // row-major, at its address
    swizzled,   // in shared memory, as swizzled_layout says
    registers,  // spread over the threads of a block
    workspace   // meant for registers, but kept in a part of GLOBAL of the block's own
  };
  Kind kind = Kind::global;
  int group = -1;                 // of registers
  Along along = Along::rows;      // of registers with one dimension
  DType element = DType::f32;     // that it is kept as
  bool to_tf32 = false;           // what comes there is rounded to tf32
  std::int64_t offset_bytes = 0;  // shared, swizzled: from the start of shared memory; workspace
  std::string reason;             // why not what was asked for
  [[nodiscard]] bool in_shared() const { return kind == Kind::shared || kind == Kind::swizzled; }
};

/// A product that the tensor cores compute.
struct TensorCoreProduct {
  bool a_by_k = true;  // k runs along rows of A's tile: neighbours along k lie side by side
  bool b_by_k = true;
  /// Why each warp multiplies on its own (mma.sync); empty: warpgroups do (wgmma).
  std::string by_warps;
};

/// The statements of the program's top from `begin` to `end`: one launch.
struct KernelPlan {
  std::string name;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::int64_t blocks = 1;
  GpuOptions options;  // the mapping's
  int teams = 1;       // of warpgroups, each of which works on tiles of its own
  int warpgroups = 1;  // of a team
  int together = 1;    // blocks that a multiprocessor shall hold at one time
  std::int64_t shared_bytes = 0;
  std::int64_t scratch_bytes = 0;  // at the end of shared memory, for reductions across warps
  /// It is launched while the one before still runs, and waits for its end by itself.
  bool starts_early = false;
  bool waits_for_grid = false;  // barriers between blocks inside
  std::vector<TileGroup> groups;
  /// Of a team.
  [[nodiscard]] int threads() const { return warpgroups * 128; }
};

/// Tiles that are held at one time and take more registers of a thread than it can have.
struct RegisterMisfit {
  std::int64_t threads = 0;
  std::int64_t words = 0;
  std::int64_t most = 0;
  std::vector<std::pair<std::uint32_t, std::int64_t>> tiles;  // tensor, registers
};

struct Plan {
  std::vector<KernelPlan> kernels;
  std::map<std::uint32_t, TilePlace> places;               // by tensor
  std::map<const tile::Mma*, TensorCoreProduct> products;  // by the tensor cores
  std::map<const tile::Mma*, std::string> plain;           // why not by them
  /// Whether a product goes on while what follows it begins.
  [[nodiscard]] bool runs_on_its_own(const tile::Mma* mma) const {
    const auto at = products.find(mma);
    return at != products.end() && at->second.by_warps.empty();
  }
  std::vector<RegisterMisfit> misfits;  // such a program is refused
  /// In the workspace: what all blocks share, then a part for each block.
  std::map<std::uint32_t, std::int64_t> workspace;
  std::set<std::uint32_t> own;     // tensors in a block's part
  std::vector<std::string> notes;  // what else was decided against the mapping's wish
  std::int64_t common_bytes = 0;
  std::int64_t block_bytes = 0;
};

/// Compute capability from which on kernels may start before the one before has ended.
inline constexpr int first_with_early_starts = 90;

/// Calls `visit(statement)` for every statement of a kernel, one before what it contains.
template <typename F>
void for_each_statement(const tile::Program& program, const KernelPlan& kernel, F&& visit) {
  for (std::size_t i = kernel.begin; i < kernel.end; ++i) {
    tile::for_each_statement(program.body[i], visit);
  }
}

/// Decides everything. The program must outlive the plan.
Plan make_plan(const tile::Program& program, const Machine& machine);

/// The layout of a tile of a group.
Layout layout_of(const KernelPlan& kernel, const TileGroup& group, std::int64_t rows,
                 std::int64_t cols);
/// Of a register tile of the program.
Layout layout_of(const KernelPlan& kernel, const TilePlace& place, const tile::Tensor& tensor);

/// Whether a view is the corner of its tensor: all dimensions in order, from the first element on.
bool is_corner(const View& view);
/// The same, possibly with the two dimensions of a matrix swapped.
bool is_corner_or_swapped(const View& view);

}  // namespace septran::cuda
