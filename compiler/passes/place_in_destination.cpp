// place_in_destination: a temporary in GLOBAL whose last use is an element-for-element copy to the
// same type, into a part of another tensor in GLOBAL that nothing touches meanwhile, is made in
// that part itself; the copy goes away. Other temporaries take their largest extents.
#include <algorithm>

#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

class Placer {
 public:
  Placer(Program& program, const Machine& machine) : program_(program), machine_(machine) {}

  void run(Block& block) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      for (Block* inner : tile::child_blocks(block[i])) run(*inner);
      if (place(block, i)) --i;
    }
  }

 private:
  /// Places the temporary that block[at] makes, if it can be. Its alloc is gone then.
  bool place(Block& block, std::size_t at) {
    const auto* alloc = std::get_if<tile::Alloc>(&block[at].node);
    if (alloc == nullptr || program_[alloc->tensor].kind != tile::TensorKind::temporary) {
      return false;
    }
    const TensorId made = alloc->tensor;
    const std::size_t last = last_use(block, at, made);
    if (last == at) return false;
    const auto* copy = std::get_if<tile::DmaCopy>(&block[last].node);
    if (copy == nullptr || !is_whole(*copy, made) || !agree(made, copy->dst.tensor)) return false;
    const TileRef destination = copy->dst;
    Block between(block.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                  block.begin() + static_cast<std::ptrdiff_t>(last));
    if (writes_tensor(between, destination.tensor) || reads_tensor(between, destination.tensor)) {
      return false;
    }
    bool fine = true;
    for_each_tile(between, [&](TileRef& tile) {
      if (tile.tensor != made) return;
      const auto view = compose(destination.view, tile.view);
      fine &= view.has_value() && tile.age == 0;
      if (fine) tile = {destination.tensor, simplify(*view, program_.vars), destination.age};
    });
    if (!fine) return false;
    // A destination that is made in between is made first.
    std::stable_partition(between.begin(), between.end(), [&](const Statement& statement) {
      const auto* made_here = std::get_if<tile::Alloc>(&statement.node);
      return made_here != nullptr && made_here->tensor == destination.tensor;
    });
    std::move(between.begin(), between.end(), block.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    block.erase(block.begin() + static_cast<std::ptrdiff_t>(last));
    block.erase(block.begin() + static_cast<std::ptrdiff_t>(at));
    program_[made].kind = tile::TensorKind::parameter;  // a name, without a place of its own
    return true;
  }

  /// The last statement of the block that touches the tensor.
  static std::size_t last_use(const Block& block, std::size_t at, TensorId tensor) {
    std::size_t last = at;
    for (std::size_t i = at + 1; i < block.size(); ++i) {
      if (uses_tensor(block[i], tensor)) last = i;
    }
    return last;
  }

  /// Whether a copy reads all of the temporary in its own order.
  [[nodiscard]] bool is_whole(const tile::DmaCopy& copy, TensorId made) const {
    return copy.src.tensor == made && copy.src.view == full_view(program_[made].shape) &&
           copy.dst.view.shape() == program_[made].shape && !copy.dst.view.zero_outside;
  }

  [[nodiscard]] bool agree(TensorId a, TensorId b) const {
    const tile::Tensor& from = program_[a];
    const tile::Tensor& to = program_[b];
    const MemorySpec* memory = machine_.find_memory(from.memory);
    SEPTRAN_CHECK(memory != nullptr);
    return a != b && !memory->is_private && from.memory == to.memory && from.dtype == to.dtype &&
           from.storage == to.storage && from.depth == 1;
  }

  Program& program_;
  const Machine& machine_;
};

}  // namespace

Result<Program> place_in_destination(Program program, const PassContext& context) {
  Placer(program, context.machine).run(program.body);
  for (tile::Tensor& tensor : program.tensors) {
    if (tensor.kind != tile::TensorKind::temporary) continue;
    for (Expr& extent : tensor.shape) extent = max_extent(program, extent);
  }
  return program;
}

}  // namespace septran::passes
