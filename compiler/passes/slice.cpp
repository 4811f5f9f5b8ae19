#include "compiler/passes/slice.h"

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::passes {

using tile::Block;
using tile::Statement;
using tile::TensorId;

void Roots::add(const tile::Scope& scope) {
  for (const tile::ScopeArgument& argument : scope.arguments) {
    sources_[argument.parameter] = argument.source.tensor;
  }
}

void Roots::add(const Block& block) {
  tile::for_each_statement(block, [&](const Statement& statement) {
    if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) add(*scope);
  });
}

TensorId Roots::of(TensorId tensor) const {
  auto at = sources_.find(tensor);
  while (at != sources_.end()) {
    tensor = at->second;
    at = sources_.find(tensor);
  }
  return tensor;
}

Touched touched(const Block& block, const Roots& roots) {
  Touched out;
  tile::for_each_statement(block, [&](const Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      if (reads(use.access)) ++out.reads[roots.of(use.tile->tensor)];
      if (writes(use.access)) ++out.writes[roots.of(use.tile->tensor)];
    }
  });
  return out;
}

std::set<TensorId> allocated_in(const Block& block) {
  std::set<TensorId> out;
  tile::for_each_statement(block, [&](const Statement& statement) {
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) out.insert(alloc->tensor);
  });
  return out;
}

namespace {

bool writes_any(const Statement& statement, const Roots& roots, const std::set<TensorId>& tensors) {
  const auto uses = tile::operands(statement);
  return std::any_of(uses.begin(), uses.end(), [&](const auto& use) {
    return writes(use.access) && tensors.contains(roots.of(use.tile->tensor));
  });
}

bool is_structure(const Statement& statement) { return !tile::child_blocks(statement).empty(); }

/// Takes away operations that write none of the tensors.
void drop_operations(Block& block, const Roots& roots, const std::set<TensorId>& needed) {
  std::erase_if(block, [&](const Statement& statement) {
    return !is_structure(statement) && !tile::operands(statement).empty() &&
           !writes_any(statement, roots, needed);
  });
  for (Statement& statement : block) {
    for (Block* inner : tile::child_blocks(statement)) drop_operations(*inner, roots, needed);
  }
}

/// Takes away buffers that nothing uses, and structure that holds nothing.
void drop_unused(Block& block, const std::set<TensorId>& used) {
  for (Statement& statement : block) {
    for (Block* inner : tile::child_blocks(statement)) drop_unused(*inner, used);
  }
  std::erase_if(block, [&](const Statement& statement) {
    if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
      return !used.contains(alloc->tensor);
    }
    const auto blocks = tile::child_blocks(statement);
    return !blocks.empty() &&
           std::all_of(blocks.begin(), blocks.end(), [](const Block* b) { return b->empty(); });
  });
}

}  // namespace

void keep_needed(Block& block, const Roots& roots, std::set<TensorId> needed) {
  std::size_t before = 0;
  do {
    before = needed.size();
    tile::for_each_statement(block, [&](const Statement& statement) {
      if (!writes_any(statement, roots, needed)) return;
      for (const auto& use : tile::operands(statement)) {
        if (reads(use.access)) needed.insert(roots.of(use.tile->tensor));
      }
    });
  } while (needed.size() != before);
  drop_operations(block, roots, needed);
  std::set<TensorId> used;
  for (const auto& [tensor, count] : touched(block, roots).reads) used.insert(tensor);
  for (const auto& [tensor, count] : touched(block, roots).writes) used.insert(tensor);
  drop_unused(block, used);
}

}  // namespace septran::passes
