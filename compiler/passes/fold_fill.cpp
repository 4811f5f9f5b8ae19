// fold_fill: a product that accumulates onto a tile just filled with zeros overwrites it in the
// first trip instead; the fill goes away.
#include <fmt/format.h>

#include "compiler/passes/fold_fill.h"
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

/// Why the statement that is the next to touch a filled tile does not take the fill over; empty if
/// it does: it is a product that always adds to the tile, or a loop in which nothing else touches
/// the tensor.
std::string obstacle(const Program& program, const Statement& statement, const TileRef& filled) {
  if (const auto* mma = std::get_if<tile::Mma>(&statement.node)) {
    if (mma->acc != filled) return "the product behind it adds to another part of the tensor";
    if (mma->accumulate.constant() != true) return "the product behind it does not always add";
    if (mma->a.tensor == filled.tensor || mma->b.tensor == filled.tensor) {
      return "the product behind it also multiplies by it";
    }
    return {};
  }
  const auto* loop = std::get_if<tile::Loop>(&statement.node);
  if (loop == nullptr) return "what touches it next is no product";
  if (!runs_at_least_once(program, loop->var)) {
    return fmt::format("the loop behind it, over {}, may run zero times",
                       program.vars[loop->var].name);
  }
  std::string why = "nothing behind it adds to it";
  bool found = false;
  for (const Statement& inner : loop->body) {
    const Block alone{inner};
    if (!touches(alone, filled.tensor)) continue;
    if (found) return "in the loop behind it, more than a product touches it";
    found = true;
    why = obstacle(program, inner, filled);
  }
  return why;
}

/// The product that takes a fill over, and the loops around it within the statement.
struct Taker {
  tile::Mma* mma = nullptr;
  std::vector<VarId> loops;
};

void find_taker(Statement& statement, const TileRef& filled, Taker& taker) {
  if (auto* mma = std::get_if<tile::Mma>(&statement.node)) {
    taker.mma = mma;
    return;
  }
  auto& loop = std::get<tile::Loop>(statement.node);
  taker.loops.push_back(loop.var);
  for (Statement& inner : loop.body) {
    const Block alone{inner};
    if (touches(alone, filled.tensor)) return find_taker(inner, filled, taker);
  }
}

/// The first statement behind a place in a block that touches the tensor; the block's size if none
/// does.
std::size_t next_touch(const Block& block, std::size_t place, tile::TensorId tensor) {
  std::size_t next = place + 1;
  while (next < block.size()) {
    const Block alone{block[next]};
    if (touches(alone, tensor)) break;
    ++next;
  }
  return next;
}

void fold_block(const Program& program, Block& block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    for (Block* inner : tile::child_blocks(block[i])) fold_block(program, *inner);
    const TileRef* filled = zero_filled(block[i]);
    if (filled == nullptr) continue;
    const TileRef tile = *filled;
    const std::size_t next = next_touch(block, i, tile.tensor);
    if (next == block.size() || !obstacle(program, block[next], tile).empty()) continue;
    Taker taker;
    find_taker(block[next], tile, taker);
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

std::string why_fill_stays(const Program& program, const Block& block, std::size_t place) {
  const TileRef* filled = zero_filled(block[place]);
  if (filled == nullptr) return {};
  const std::size_t next = next_touch(block, place, filled->tensor);
  return next == block.size() ? "" : obstacle(program, block[next], *filled);
}

Result<Program> fold_fill(Program program, const PassContext& /*context*/) {
  fold_block(program, program.body);
  return program;
}

}  // namespace septran::passes
