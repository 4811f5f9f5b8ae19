// fold_fill: a product that accumulates onto a tile just filled with zeros overwrites it in the
// first trip instead; the fill goes away.
#include "compiler/passes/region.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::TileRef;

/// The tile that a statement fills with zeros, if it does nothing else.
const TileRef* zero_filled(const Statement& statement) {
  const auto* vec = std::get_if<tile::Vec>(&statement.node);
  if (vec == nullptr || vec->primitive->kind != PrimitiveKind::fill || vec->guard) return nullptr;
  const auto value = vec->attributes.find("value");
  const bool by_attribute = value != vec->attributes.end() &&
                            std::holds_alternative<double>(value->second) &&
                            std::get<double>(value->second) == 0.0;
  const bool by_operand = vec->operands.size() > 1 &&
                          std::holds_alternative<double>(vec->operands[1]) &&
                          std::get<double>(vec->operands[1]) == 0.0;
  return by_attribute || by_operand ? std::get_if<TileRef>(&vec->operands[0]) : nullptr;
}

bool touches(const Block& block, tile::TensorId tensor) {
  return reads_tensor(block, tensor) || writes_tensor(block, tensor);
}

/// The one product inside a statement that touches the tile and may take the fill over, with the
/// condition under which it is the first; nothing else there touches the tensor.
struct Taker {
  tile::Mma* mma = nullptr;
  std::vector<VarId> loops;
};

bool find_taker(const Program& program, Statement& statement, const TileRef& filled, Taker& taker) {
  if (auto* mma = std::get_if<tile::Mma>(&statement.node)) {
    if (mma->acc != filled || mma->accumulate.constant() != true) return false;
    if (mma->a.tensor == filled.tensor || mma->b.tensor == filled.tensor) return false;
    taker.mma = mma;
    return true;
  }
  auto* loop = std::get_if<tile::Loop>(&statement.node);
  if (loop == nullptr || !runs_at_least_once(program, loop->var)) return false;
  taker.loops.push_back(loop->var);
  bool found = false;
  for (Statement& inner : loop->body) {
    Block alone;
    alone.push_back(inner);
    if (!touches(alone, filled.tensor)) continue;
    if (found || !find_taker(program, inner, filled, taker)) return false;
    found = true;
  }
  return found;
}

void fold_block(const Program& program, Block& block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    for (Block* inner : tile::child_blocks(block[i])) fold_block(program, *inner);
    const TileRef* filled = zero_filled(block[i]);
    if (filled == nullptr) continue;
    const TileRef tile = *filled;
    std::size_t next = i + 1;
    while (next < block.size()) {
      Block alone;
      alone.push_back(block[next]);
      if (touches(alone, tile.tensor)) break;
      ++next;
    }
    Taker taker;
    if (next == block.size() || !find_taker(program, block[next], tile, taker)) continue;
    std::vector<Cond> later;  // than the first trip of some loop
    for (const VarId v : taker.loops) {
      later.push_back(Cond::ge(Expr::var(v), program.vars[v].begin + 1));
    }
    taker.mma->accumulate = Cond::any(std::move(later)).simplify(program.vars);
    if (taker.loops.empty()) taker.mma->accumulate = Cond(false);
    block.erase(block.begin() + static_cast<std::ptrdiff_t>(i));
    --i;
  }
}

}  // namespace

Result<Program> fold_fill(Program program, const PassContext& /*context*/) {
  fold_block(program, program.body);
  return program;
}

}  // namespace septran::passes
