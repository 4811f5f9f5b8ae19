// fold_fill: a product that accumulates onto a tile just filled with zeros, or onto parts of it
// that loops walk over, overwrites it in the first trip instead; the fill goes away.
#include <fmt/format.h>

#include <algorithm>

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
  if (vec == nullptr || vec->guard) return nullptr;
  if (!is_zero_fill(*vec->primitive, vec->operands, vec->attributes)) return nullptr;
  return std::get_if<TileRef>(&vec->operands[0]);
}

/// The loops around the product that takes a fill over.
struct Taker {
  std::vector<VarId> loops;   // within the statement
  std::vector<VarId> walked;  // those of them that walk over parts of the tile
};

/// The loop over whose trips `begin` .. `begin + extent - 1` runs through 0 .. `whole - 1`, in
/// pieces that do not meet, as cutting a dimension makes it.
std::optional<VarId> walking_loop(const VarTable& vars, const std::vector<VarId>& loops,
                                  const Expr& begin, const Expr& extent, const Expr& whole) {
  if (begin.terms().size() != 1 || begin.offset() != 0) return std::nullopt;
  const Term& term = begin.terms()[0];
  const std::int64_t size = term.coefficient;
  if (term.atom.kind != Atom::Kind::var || size <= 0) return std::nullopt;
  const VarId v = term.atom.var;
  const bool fine = std::find(loops.begin(), loops.end(), v) != loops.end() &&
                    vars[v].begin == Expr(0) &&
                    vars.simplify(vars[v].end) == vars.simplify(Expr::ceil_div(whole, size)) &&
                    extent == vars.simplify(Expr::min(size, whole - begin));
  return fine ? std::optional(v) : std::nullopt;
}

/// Whether a product's tile is the filled one, or one of its parts while some of the loops around
/// it, which are added to `walked`, walk over all.
bool takes_all(const Program& program, const TileRef& filled, const TileRef& part,
               const std::vector<VarId>& loops, std::vector<VarId>& walked) {
  if (part == filled) return true;
  if (part.tensor != filled.tensor || part.age != filled.age) return false;
  if (!part.view.is_box() || !filled.view.is_box() || part.view.rank() != filled.view.rank()) {
    return false;
  }
  std::vector<bool> has_dim(part.view.base.size());
  const VarTable& vars = program.vars;
  for (std::size_t d = 0; d < part.view.rank(); ++d) {
    const ViewDim& cut = part.view.dims[d];
    const ViewDim& whole = filled.view.dims[d];
    if (cut.digits != whole.digits) return false;
    const std::size_t axis = cut.digits[0].axis;
    has_dim[axis] = true;
    const Expr begin = vars.simplify(part.view.base[axis] - filled.view.base[axis]);
    if (begin == Expr(0) && cut.extent == whole.extent) continue;
    const auto loop = walking_loop(vars, loops, begin, vars.simplify(cut.extent), whole.extent);
    if (!loop || std::find(walked.begin(), walked.end(), *loop) != walked.end()) return false;
    walked.push_back(*loop);
  }
  for (std::size_t axis = 0; axis < has_dim.size(); ++axis) {
    if (!has_dim[axis] && part.view.base[axis] != filled.view.base[axis]) return false;
  }
  return true;
}

/// Why the statement that is the next to touch a filled tile does not take the fill over; empty if
/// it does: it is a product that always adds to the tile, or a loop in which nothing else touches
/// the tensor. Notes the product and its loops.
std::string obstacle(const Program& program, const Statement& statement, const TileRef& filled,
                     Taker& taker) {
  if (const auto* mma = std::get_if<tile::Mma>(&statement.node)) {
    if (!takes_all(program, filled, mma->acc, taker.loops, taker.walked))
      return "the product behind it adds to another part of the tensor";
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
  taker.loops.push_back(loop->var);
  std::string why = "nothing behind it adds to it";
  bool found = false;
  for (const Statement& inner : loop->body) {
    if (!uses_tensor(inner, filled.tensor)) continue;
    if (found) return "in the loop behind it, more than a product touches it";
    found = true;
    why = obstacle(program, inner, filled, taker);
  }
  return why;
}

/// The product inside a statement that touches the tensor.
tile::Mma* product_in(Statement& statement, tile::TensorId tensor) {
  if (auto* mma = std::get_if<tile::Mma>(&statement.node)) return mma;
  for (Statement& inner : std::get<tile::Loop>(statement.node).body) {
    if (uses_tensor(inner, tensor)) return product_in(inner, tensor);
  }
  SEPTRAN_BUG("a product that is not there");
}

/// The first statement behind a place in a block that touches the tensor; the block's size if none
/// does.
std::size_t next_touch(const Block& block, std::size_t place, tile::TensorId tensor) {
  std::size_t next = place + 1;
  while (next < block.size() && !uses_tensor(block[next], tensor)) ++next;
  return next;
}

void fold_block(const Program& program, Block& block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    for (Block* inner : tile::child_blocks(block[i])) fold_block(program, *inner);
    const TileRef* filled = zero_filled(block[i]);
    if (filled == nullptr) continue;
    const TileRef tile = *filled;
    const std::size_t next = next_touch(block, i, tile.tensor);
    Taker taker;
    if (next == block.size() || !obstacle(program, block[next], tile, taker).empty()) continue;
    tile::Mma* mma = product_in(block[next], tile.tensor);
    std::vector<Cond> later;  // than the first trip of some loop
    for (const VarId v : taker.loops) {
      if (std::find(taker.walked.begin(), taker.walked.end(), v) != taker.walked.end()) continue;
      later.push_back(Cond::ge(Expr::var(v), program.vars[v].begin + 1));
    }
    const bool is_only = later.empty();
    mma->accumulate = is_only ? Cond(false) : Cond::any(std::move(later)).simplify(program.vars);
    block.erase(block.begin() + static_cast<std::ptrdiff_t>(i));
    --i;
  }
}

}  // namespace

bool is_zero_fill(const Primitive& primitive, const std::vector<tile::Operand>& operands,
                  const Attributes& attributes) {
  if (primitive.kind != PrimitiveKind::fill) return false;
  const auto value = attributes.find("value");
  const bool by_attribute = value != attributes.end() &&
                            std::holds_alternative<double>(value->second) &&
                            std::get<double>(value->second) == 0.0;
  const bool by_operand = operands.size() > 1 && std::holds_alternative<double>(operands[1]) &&
                          std::get<double>(operands[1]) == 0.0;
  return by_attribute || by_operand;
}

std::string why_fill_stays(const Program& program, const Block& block, std::size_t place) {
  const TileRef* filled = zero_filled(block[place]);
  if (filled == nullptr) return {};
  const std::size_t next = next_touch(block, place, filled->tensor);
  Taker taker;
  return next == block.size() ? "" : obstacle(program, block[next], *filled, taker);
}

Result<Program> fold_fill(Program program, const PassContext& /*context*/) {
  fold_block(program, program.body);
  return program;
}

}  // namespace septran::passes
