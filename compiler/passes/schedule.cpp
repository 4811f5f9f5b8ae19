// schedule: puts the launches of one trip of a loop into the order that the mapping asks for, some
// of them those of earlier trips (software pipelining).
#include <algorithm>

#include "compiler/passes/region.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/rotate_loop.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Loop;
using tile::Program;
using tile::Statement;
using tile::TensorId;

class Scheduler {
 public:
  Scheduler(Program& program, Diagnostics& diagnostics)
      : program_(program), diagnostics_(diagnostics) {}

  bool run() {
    visit(program_.body);
    return fine_;
  }

 private:
  void visit(Block& block) {
    Block out;
    for (std::size_t i = 0; i < block.size(); ++i) {
      for (Block* inner : tile::child_blocks(block[i])) visit(*inner);
      auto* loop = std::get_if<Loop>(&block[i].node);
      if (loop == nullptr || loop->schedule.empty()) {
        out.push_back(std::move(block[i]));
        continue;
      }
      take_in(out, block, i, *loop);
      Result<Block> rotated =
          rotate_loop(program_, std::move(*loop), block[i].origin, families_++, diagnostics_);
      if (!rotated) {
        fine_ = false;
        continue;
      }
      for (Statement& statement : *rotated) {
        statement.launch = block[i].launch;  // a loop around may have a schedule too
        out.push_back(std::move(statement));
      }
    }
    block = std::move(out);
  }

  /// Moves Allocs that stand before the loop into it where no value of the buffer is carried from
  /// one trip to the next, or out of the loop: then trips may overlap in it.
  void take_in(Block& before, const Block& block, std::size_t at, Loop& loop) {
    std::erase_if(before, [&](const Statement& statement) {
      const auto* alloc = std::get_if<tile::Alloc>(&statement.node);
      if (alloc == nullptr) return false;
      const TensorId tensor = alloc->tensor;
      const auto uses = [&](const Statement& other) { return uses_tensor(other, tensor); };
      if (std::any_of(before.begin(), before.end(), uses) ||
          std::any_of(block.begin() + static_cast<std::ptrdiff_t>(at) + 1, block.end(), uses)) {
        return false;
      }
      const std::optional<Region> region = touched_region(program_, loop.body, tensor);
      if (!region || !written_before_read(program_, loop.body, tensor, *region)) {
        return false;
      }
      loop.body.insert(loop.body.begin(), statement);
      return true;
    });
  }

  Program& program_;
  Diagnostics& diagnostics_;
  bool fine_ = true;
  int families_ = 0;
};

}  // namespace

Result<Program> schedule(Program program, const PassContext& context) {
  if (!Scheduler(program, context.diagnostics).run()) return std::nullopt;
  return program;
}

}  // namespace septran::passes
