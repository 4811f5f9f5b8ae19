#include "compiler/tile/visit.h"

#include <fmt/format.h>

#include <type_traits>

namespace septran::tile {
namespace {

template <typename BlockType, typename StatementType>
std::vector<BlockType*> blocks_of(StatementType& statement) {
  std::vector<BlockType*> blocks;
  std::visit(
      [&](auto& node) {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, If>) {
          blocks = {&node.then, &node.otherwise};
        } else if constexpr (requires { node.body; }) {
          blocks = {&node.body};
        }
      },
      statement.node);
  return blocks;
}

template <typename Ref, typename StatementType>
std::vector<OperandUse<Ref>> operands_of(StatementType& statement) {
  std::vector<OperandUse<Ref>> uses;
  std::visit(
      [&](auto& node) {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, DmaCopy>) {
          uses = {{&node.dst, Access::write, 0}, {&node.src, Access::read, 1}};
        } else if constexpr (std::is_same_v<Node, Mma>) {
          const bool overwrites = node.accumulate.constant() == false;
          uses = {{&node.acc, overwrites ? Access::write : Access::read_write, 0},
                  {&node.a, Access::read, 1},
                  {&node.b, Access::read, 2}};
        } else if constexpr (requires { node.primitive; }) {
          for (std::size_t i = 0; i < node.operands.size(); ++i) {
            Ref* tile = std::get_if<TileRef>(&node.operands[i]);
            if (tile == nullptr) continue;
            const bool known = node.primitive != nullptr && i < node.primitive->operands.size();
            uses.push_back(
                {tile, known ? operand_access(*node.primitive, node.attributes, i) : Access::none,
                 i});
          }
        }
      },
      statement.node);
  return uses;
}

void collect_vars(const TileRef& tile, std::vector<VarId>& out) {
  septran::collect_vars(tile.view, out);
}

template <typename Call>
void collect_call_vars(const Call& call, std::vector<VarId>& out) {
  for (const Operand& operand : call.operands) {
    if (const TileRef* tile = std::get_if<TileRef>(&operand)) collect_vars(*tile, out);
  }
  for (const auto& [name, value] : call.attributes) {
    if (const Expr* expr = std::get_if<Expr>(&value)) expr->collect_vars(out);
  }
}

template <typename Call>
void substitute_call(Call& call, const std::function<Expr(VarId)>& value) {
  for (Operand& operand : call.operands) {
    if (TileRef* tile = std::get_if<TileRef>(&operand)) substitute(*tile, value);
  }
  substitute(call.attributes, value);
}

}  // namespace

std::vector<Block*> child_blocks(Statement& statement) { return blocks_of<Block>(statement); }
std::vector<const Block*> child_blocks(const Statement& statement) {
  return blocks_of<const Block>(statement);
}

std::vector<OperandUse<TileRef>> operands(Statement& statement) {
  return operands_of<TileRef>(statement);
}
std::vector<OperandUse<const TileRef>> operands(const Statement& statement) {
  return operands_of<const TileRef>(statement);
}

std::optional<std::string> call_fault(const Primitive* primitive,
                                      const std::vector<Operand>& operands) {
  if (primitive == nullptr) return "a call without a primitive";
  if (operands.size() > primitive->operands.size()) {
    return fmt::format("{} takes {} operands, not {}", primitive->name, primitive->operands.size(),
                       operands.size());
  }
  for (std::size_t i = 0; i < primitive->operands.size(); ++i) {
    const OperandSpec& spec = primitive->operands[i];
    if (i >= operands.size() || std::holds_alternative<std::monostate>(operands[i])) {
      if (!spec.optional) return fmt::format("{} lacks operand {}", primitive->name, spec.name);
    } else if (std::holds_alternative<double>(operands[i]) && !spec.scalar_allowed) {
      return fmt::format("operand {} of {} cannot be a number", spec.name, primitive->name);
    }
  }
  return std::nullopt;
}

void substitute(TileRef& tile, const std::function<Expr(VarId)>& value) {
  tile.view = substitute(tile.view, value);
}

void substitute(Attributes& attributes, const std::function<Expr(VarId)>& value) {
  for (auto& [name, attribute] : attributes) {
    if (Expr* expr = std::get_if<Expr>(&attribute)) *expr = expr->substitute(value);
  }
}

void substitute(Statement& statement, const std::function<Expr(VarId)>& value) {
  std::visit(
      [&](auto& node) {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, If>) {
          node.condition = node.condition.substitute(value);
        } else if constexpr (std::is_same_v<Node, Scope>) {
          for (ScopeArgument& argument : node.arguments) substitute(argument.source, value);
        } else if constexpr (std::is_same_v<Node, DmaCopy>) {
          substitute(node.dst, value);
          substitute(node.src, value);
        } else if constexpr (std::is_same_v<Node, Mma>) {
          substitute(node.acc, value);
          substitute(node.a, value);
          substitute(node.b, value);
          node.accumulate = node.accumulate.substitute(value);
        } else if constexpr (std::is_same_v<Node, Prim>) {
          substitute_call(node, value);
        } else if constexpr (std::is_same_v<Node, Vec>) {
          substitute_call(node, value);
          if (node.guard) node.guard = node.guard->substitute(value);
        }
      },
      statement.node);
  for (Block* block : child_blocks(statement)) substitute(*block, value);
}

void substitute(Block& block, const std::function<Expr(VarId)>& value) {
  for (Statement& statement : block) substitute(statement, value);
}

void collect_vars(const Statement& statement, std::vector<VarId>& out) {
  std::visit(
      [&](const auto& node) {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, If>) {
          node.condition.collect_vars(out);
        } else if constexpr (std::is_same_v<Node, Scope>) {
          for (const ScopeArgument& argument : node.arguments) collect_vars(argument.source, out);
        } else if constexpr (std::is_same_v<Node, DmaCopy>) {
          collect_vars(node.dst, out);
          collect_vars(node.src, out);
        } else if constexpr (std::is_same_v<Node, Mma>) {
          collect_vars(node.acc, out);
          collect_vars(node.a, out);
          collect_vars(node.b, out);
          node.accumulate.collect_vars(out);
        } else if constexpr (std::is_same_v<Node, Prim>) {
          collect_call_vars(node, out);
        } else if constexpr (std::is_same_v<Node, Vec>) {
          collect_call_vars(node, out);
          if (node.guard) node.guard->collect_vars(out);
        }
      },
      statement.node);
}

std::vector<VarId> bound_vars(const Statement& statement) {
  if (const Loop* loop = std::get_if<Loop>(&statement.node)) return {loop->var};
  if (const Parallel* parallel = std::get_if<Parallel>(&statement.node)) return parallel->vars;
  return {};
}

}  // namespace septran::tile
