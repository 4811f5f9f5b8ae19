#include "targets/cuda/store_place.h"

#include <algorithm>

#include "compiler/tile/visit.h"
#include "targets/cuda/late_copies.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

constexpr std::int64_t row_bytes = 128;  // of a panel

class PlaceFinder {
 public:
  PlaceFinder(const Program& program, const Plan& plan, const KernelPlan& kernel,
              const Roles& roles, const StorePlan& stores)
      : program_(program),
        plan_(plan),
        kernel_(kernel),
        roles_(roles),
        statement_(stores.stores.begin()->first),
        store_(stores.stores.begin()->second) {}

  std::optional<StorePlace> run() {
    for (std::size_t i = kernel_.begin; i < kernel_.end && !found_; ++i) look(program_.body[i]);
    return found_;
  }

 private:
  void look(const Statement& statement) {
    for (const Block* block : tile::child_blocks(statement)) {
      const auto store = std::find_if(block->begin(), block->end(),
                                      [&](const Statement& s) { return &s == statement_; });
      const auto at = static_cast<std::size_t>(store - block->begin());
      for (std::size_t i = 0; i < at && at < block->size(); ++i) look_at_loop(*block, i, at);
      for (const Statement& inner : *block) look(inner);
    }
  }

  void look_at_loop(const Block& block, std::size_t i, std::size_t store) {
    const auto* loop = std::get_if<tile::Loop>(&block[i].node);
    if (loop == nullptr || found_) return;
    const auto late = plan_late_copies(program_, plan_, kernel_, roles_, block, i);
    if (!late || late->end > store) return;
    for (const LateCopies::Copy& copy : late->copies) {
      const tile::TensorId id = std::get<tile::DmaCopy>(copy.statement->node).dst.tensor;
      if (!has_room(id) || !is_read_by_rows(id, block, store)) continue;
      found_ = StorePlace{id, loop, program_[id].shape[0].offset() * row_bytes};
      return;
    }
  }

  bool has_room(tile::TensorId id) const {
    const tile::Tensor& tensor = program_[id];
    return plan_.places.at(id.value).kind == TilePlace::Kind::swizzled && tensor.depth == 1 &&
           tensor.shape.size() == 2 &&
           tensor.shape[0].offset() == warpgroup_rows * kernel_.warpgroups &&
           ceil_div(
               tensor.shape[1].offset() * static_cast<std::int64_t>(size_bytes(tensor.storage)),
               row_bytes) >= store_.panels;
  }

  /// Whether those that work on tiles touch it only before the store, and as lanes hold sums.
  bool is_read_by_rows(tile::TensorId id, const Block& block, std::size_t store) const {
    const auto first = block.begin();
    bool fine = true;
    const auto look = [&](const Statement& statement) {
      for (const auto& use : tile::operands(statement)) {
        if (use.tile->tensor != id || statement.engine == copying_engine) continue;
        const bool here = std::any_of(first, first + static_cast<std::ptrdiff_t>(store),
                                      [&](const Statement& s) { return &s == &statement; });
        fine &= here && !writes(use.access) && is_corner(use.tile->view) && meets_sums(statement);
      }
    };
    for_each_statement(program_, kernel_, look);
    return fine;
  }

  /// An elementwise operation on a tile of sums.
  bool meets_sums(const Statement& statement) const {
    const auto* vec = std::get_if<tile::Vec>(&statement.node);
    if (vec == nullptr || vec->primitive->kind != PrimitiveKind::binary) return false;
    const auto* result = std::get_if<tile::TileRef>(&vec->operands[0]);
    if (result == nullptr) return false;
    const TilePlace& place = plan_.places.at(result->tensor.value);
    return place.kind == TilePlace::Kind::registers &&
           kernel_.groups.at(static_cast<std::size_t>(place.group)).spread == Spread::accumulator;
  }

  const Program& program_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  const Roles& roles_;
  const Statement* statement_;
  const BulkStore& store_;
  std::optional<StorePlace> found_;
};

}  // namespace

std::optional<StorePlace> find_store_place(const Program& program, const Plan& plan,
                                           const KernelPlan& kernel, const Roles& roles,
                                           const StorePlan& stores) {
  if (stores.stores.size() != 1 || kernel.teams > 1) return std::nullopt;
  const BulkStore& store = stores.stores.begin()->second;
  if (store.by_warps || store.steps != 1) return std::nullopt;
  return PlaceFinder(program, plan, kernel, roles, stores).run();
}

}  // namespace septran::cuda
