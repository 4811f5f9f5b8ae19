// Walks over a tile program that every pass needs.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

/// The blocks directly inside a statement, in program order: a loop's body, both branches of an
/// `if`; none for operations.
std::vector<Block*> child_blocks(Statement& statement);
std::vector<const Block*> child_blocks(const Statement& statement);

/// Calls `visit(statement)` for every statement of a block, or for one statement, and of the blocks
/// inside it, a statement before what it contains. `visit` must not add or remove statements.
template <typename F>
void for_each_statement(Block& block, F&& visit) {
  for (Statement& statement : block) for_each_statement(statement, visit);
}
template <typename F>
void for_each_statement(const Block& block, F&& visit) {
  for (const Statement& statement : block) for_each_statement(statement, visit);
}
template <typename F>
void for_each_statement(Statement& statement, F&& visit) {
  visit(statement);
  for (Block* child : child_blocks(statement)) for_each_statement(*child, visit);
}
template <typename F>
void for_each_statement(const Statement& statement, F&& visit) {
  visit(statement);
  for (const Block* child : child_blocks(statement)) for_each_statement(*child, visit);
}

template <typename Ref>
struct OperandUse {
  Ref* tile = nullptr;
  Access access = Access::none;
  std::size_t index = 0;  // position among the operation's operands
};

/// The tiles that an operation touches and how: dma_copy writes dst and reads src; mma writes acc
/// (and reads it unless it never accumulates) and reads a and b; vec and prim as their primitive
/// says. Scalars and absent operands are left out. Empty for structure, alloc, sync and barrier.
std::vector<OperandUse<TileRef>> operands(Statement& statement);
std::vector<OperandUse<const TileRef>> operands(const Statement& statement);

/// Why a call's operands are not such as the primitive's table allows (shapes aside): too many, one
/// that is missing, a scalar where a tensor must stand. Nothing if they are.
std::optional<std::string> call_fault(const Primitive* primitive,
                                      const std::vector<Operand>& operands);

/// Every variable replaced in what a statement says itself and in the blocks inside it. The bounds
/// of loops stand in the VarTable and are left alone; so are the shapes of tensors.
void substitute(Statement& statement, const std::function<Expr(VarId)>& value);
void substitute(Block& block, const std::function<Expr(VarId)>& value);
void substitute(TileRef& tile, const std::function<Expr(VarId)>& value);
void substitute(Attributes& attributes, const std::function<Expr(VarId)>& value);

/// Appends the variables of a statement's own expressions (not of the blocks inside it, nor those
/// that it binds), with repetitions.
void collect_vars(const Statement& statement, std::vector<VarId>& out);

/// The variables that a statement binds for the blocks inside it.
std::vector<VarId> bound_vars(const Statement& statement);

}  // namespace septran::tile
