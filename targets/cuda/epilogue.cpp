// The epilogue of products: elementwise calls on their sums right before the copy engine stores
// them, done slab by slab, so that one slab leaves while the next is worked on.
#include <algorithm>

#include "compiler/tile/visit.h"
#include "targets/cuda/kernel_writer.h"
#include "targets/cuda/operands.h"

namespace septran::cuda {

using tile::Statement;

/// Whether a call works on tiles laid out like `sums` element by element, and changes nothing else.
bool KernelWriter::works_by_slabs(const Statement& statement, const Layout& sums) const {
  const auto* vec = std::get_if<tile::Vec>(&statement.node);
  if (vec == nullptr || !is_elementwise(vec->primitive->kind) || barriers_.contains(&statement) ||
      &statement == turn_.first || &statement == turn_.last) {
    return false;
  }
  if (vec->guard && vec->guard->decide(program_.vars) != true) return false;
  const auto fits = [&](const auto& operand) {
    const auto* tile = std::get_if<tile::TileRef>(&operand);
    if (tile == nullptr || !e_.in_registers(tile->tensor)) return true;
    const Layout layout = e_.register_tile(tile->tensor).layout;
    return layout.dims.size() == 1 || layout == sums;
  };
  const auto* result = std::get_if<tile::TileRef>(&vec->operands[0]);
  return e_.in_registers(result->tensor) && program_[result->tensor].shape.size() == 2 &&
         std::all_of(vec->operands.begin(), vec->operands.end(), fits);
}

/// The epilogue that begins with a block's statement `at`, if one does.
std::optional<KernelWriter::Epilogue> KernelWriter::find_epilogue(const tile::Block& block,
                                                                  std::size_t at) const {
  const auto is_store = [&](const Statement& statement) {
    const auto store = stores_.stores.find(&statement);
    return store != stores_.stores.end() && !store->second.by_warps;
  };
  Epilogue found;
  for (found.store = at; found.store < block.size() && !is_store(block[found.store]);) {
    if (!tile::child_blocks(block[found.store++]).empty()) return std::nullopt;
  }
  if (found.store == block.size()) return std::nullopt;
  const Statement& store = block[found.store];
  const RegisterTile sums = e_.register_tile(std::get<tile::DmaCopy>(store.node).src.tensor);
  if (barriers_.contains(&store) || &store == turn_.first ||
      !has_equal_slabs(stores_.stores.at(&store), sums)) {
    return std::nullopt;
  }
  for (std::size_t i = at; i < found.store; ++i) {
    if (!is_mine(block[i])) continue;
    const auto* sync = std::get_if<tile::Sync>(&block[i].node);
    if (sync != nullptr && sync->kind == tile::SyncKind::signal) {
      found.signals.push_back(&block[i]);
    } else if (std::holds_alternative<tile::Alloc>(block[i].node) ||
               (sync != nullptr && found.signals.empty())) {
      found.before.push_back(&block[i]);
    } else if (works_by_slabs(block[i], sums.layout)) {
      found.calls.push_back(&block[i]);
    } else {
      return std::nullopt;
    }
  }
  return found.calls.empty() ? std::nullopt : std::optional(found);
}

void KernelWriter::lower_epilogue(const Epilogue& epilogue, const Statement& store) {
  for (const Statement* call : epilogue.calls) {
    settle_before(*call);
    settle_late();
  }
  settle_before(store);
  for (const Statement* statement : epilogue.before) lower(*statement);
  comment(store);
  out_.open("{}", "");
  bulk_store_of(std::get<tile::DmaCopy>(store.node), stores_.stores.at(&store), [&] {
    for (const Statement* call : epilogue.calls) {
      scale_before(*call);
      lower_node(std::get<tile::Vec>(call->node), *call);
    }
    scale_before(store);
  });
  out_.close();
  for (const Statement* signal : epilogue.signals) lower(*signal);
  if (&store == turn_.last && !turn_passed_) pass_turn();
  turn_passed_ = false;
}

}  // namespace septran::cuda
