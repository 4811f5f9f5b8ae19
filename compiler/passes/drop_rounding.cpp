// drop_rounding: where only copies out read a product that is held in a wider type, those copies do
// its rounding when they convert, and the operation that rounds it in place goes away. Behind this
// pass every operation has an engine: a fill or a rounding that nothing on the machine executes,
// and that no other operation took over, is reported.
#include "compiler/passes/implementations.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/split.h"

namespace septran::passes {
namespace {

using tile::Program;
using tile::Statement;

bool is_rounding(const Statement& statement) {
  const auto* vec = std::get_if<tile::Vec>(&statement.node);
  return vec != nullptr && statement.origin.rule == rounding_rule;
}

/// Whether all that reads the tensor, other than roundings and the sums of one product, are copies
/// that convert to its element type.
bool only_copied_out(const Program& program, tile::TensorId tensor) {
  bool fine = true;
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    if (is_rounding(statement)) return;
    for (const auto& use : tile::operands(statement)) {
      if (use.tile->tensor != tensor || !reads(use.access)) continue;
      if (const auto* copy = std::get_if<tile::DmaCopy>(&statement.node)) {
        const tile::Tensor& to = program[copy->dst.tensor];
        fine &= to.storage == program[tensor].dtype && to.dtype == program[tensor].dtype;
      } else if (const auto* mma = std::get_if<tile::Mma>(&statement.node)) {
        // Accumulating onto an earlier product needs that one's rounded values.
        fine &= use.index == 0 && mma->accumulate.constant() != true;
      } else {
        fine = false;
      }
    }
  });
  return fine;
}

void drop_in(const Program& program, tile::Block& block) {
  std::erase_if(block, [&](const Statement& statement) {
    if (!is_rounding(statement)) return false;
    const auto& vec = std::get<tile::Vec>(statement.node);
    return only_copied_out(program, std::get<tile::TileRef>(vec.operands[0]).tensor);
  });
  for (Statement& statement : block) {
    for (tile::Block* inner : tile::child_blocks(statement)) drop_in(program, *inner);
  }
}

}  // namespace

Result<Program> drop_rounding(Program program, const PassContext& context) {
  drop_in(program, program.body);
  bool fine = true;
  tile::for_each_statement(program.body, [&](const Statement& statement) {
    const auto* vec = std::get_if<tile::Vec>(&statement.node);
    if (vec == nullptr || !statement.engine.empty()) return;
    report_no_implementation(program, context, statement.origin.logic_span,
                             {vec->primitive, vec->operands, vec->attributes, {}});
    fine = false;
  });
  if (!fine) return std::nullopt;
  return program;
}

}  // namespace septran::passes
