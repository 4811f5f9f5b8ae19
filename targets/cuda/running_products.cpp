// Products that run on their own: what waits for them, and when their factor is applied.
#include <algorithm>
#include <cmath>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/cuda/kernel_writer.h"
#include "targets/cuda/operands.h"

namespace septran::cuda {

using tile::Statement;

/// Whether a statement is a loop that only gives a value a name.
bool KernelWriter::is_value(const Statement& statement) const {
  const auto* loop = std::get_if<tile::Loop>(&statement.node);
  return loop != nullptr && loop->workers == 0 && program_.vars[loop->var].is_value();
}

/// Waits for the products that a statement needs: those whose sums it touches, or whose fragments
/// it overwrites. What writes shared memory waits for all. An operation that only overwrites
/// fragments computes first: what it waits for then is left to settle_late().
void KernelWriter::settle_before(const Statement& statement) {
  late_ = 0;
  if (running_.empty()) return;
  if (!tile::child_blocks(statement).empty()) {
    if (!is_value(statement)) settle(0);
    return;
  }
  const std::size_t needed = products_needed(statement, true);
  const auto* vec = std::get_if<tile::Vec>(&statement.node);
  const bool always = vec != nullptr && (!vec->guard || vec->guard->decide(program_.vars) == true);
  std::size_t first = needed;
  if (always && is_elementwise(vec->primitive->kind)) first = products_needed(statement, false);
  late_ = needed - first;
  if (first > 0) settle(running_.size() - first);
}

void KernelWriter::settle_late() {
  if (late_ > 0) settle(running_.size() - late_);
  late_ = 0;
}

/// How many of the running products, from the first on, a statement needs; with `fragments`, also
/// those that read what it overwrites in registers.
std::size_t KernelWriter::products_needed(const Statement& statement, bool fragments) const {
  const auto* own = std::get_if<tile::Mma>(&statement.node);
  const bool is_product = own != nullptr && plan_.runs_on_its_own(own);
  std::size_t needed = 0;
  for (const auto& use : tile::operands(statement)) {
    const bool in_registers = e_.in_registers(use.tile->tensor);
    for (std::size_t i = 0; i < running_.size(); ++i) {
      const tile::Mma& mma = *running_[i].mma;
      const bool sums = mma.acc.tensor == use.tile->tensor && !(is_product && use.index == 0);
      const bool fragment =
          mma.a.tensor == use.tile->tensor && writes(use.access) && (fragments || !in_registers);
      const bool memory = !in_registers && writes(use.access) &&
                          e_.place(use.tile->tensor).kind != TilePlace::Kind::global;
      if (sums || fragment || memory) needed = std::max(needed, i + 1);
    }
  }
  return needed;
}

/// Sums whose factor is still to be applied get it, but for those of which the statement makes up
/// for it: maxima are multiplied afterwards, which gives the same number, and a multiplication
/// joins a subtraction.
void KernelWriter::scale_before(const Statement& statement) {
  if (!e_.any_deferred_scale()) return;
  if (!tile::child_blocks(statement).empty()) {
    if (!is_value(statement)) apply_scales();
    return;
  }
  for (const auto& use : tile::operands(statement)) {
    if (e_.deferred_scale(use.tile->tensor) == 1.0) continue;
    if (!absorbs_scale(statement, use.tile->tensor)) apply_scale(use.tile->tensor);
  }
}

bool KernelWriter::absorbs_scale(const Statement& statement, tile::TensorId sums) const {
  const auto* vec = std::get_if<tile::Vec>(&statement.node);
  if (vec == nullptr || e_.deferred_scale(sums) <= 0 || program_[sums].dtype != DType::f32) {
    return false;
  }
  const std::string_view name = vec->primitive->name;
  Attributes attributes = vec->attributes;
  SEPTRAN_CHECK(complete_attributes(*vec->primitive, attributes).empty());
  if (vec->primitive->kind == PrimitiveKind::mask) {
    return std::isinf(float_attribute(attributes, "value"));
  }
  const auto is_sums = [&](std::size_t o) {
    const auto* tile =
        o < vec->operands.size() ? std::get_if<tile::TileRef>(&vec->operands[o]) : nullptr;
    return tile != nullptr && tile->tensor == sums;
  };
  const auto is_f64 = [&](const auto& operand) {
    const auto* tile = std::get_if<tile::TileRef>(&operand);
    return tile != nullptr && arithmetic_type(program_[tile->tensor].dtype) == DType::f64;
  };
  if (!is_sums(1) || std::any_of(vec->operands.begin(), vec->operands.end(), is_f64)) return false;
  if (name == "reduce_max" || name == "reduce_min") return true;
  const bool always = !vec->guard || vec->guard->decide(program_.vars) == true;
  return always && (name == "add" || name == "sub") && !is_sums(2);
}

void KernelWriter::apply_scale(tile::TensorId sums) {
  emit_scale(e_, sums, e_.deferred_scale(sums));
  e_.defer_scale(sums, 1.0);
}

void KernelWriter::apply_scales() {
  for (const auto& [id, place] : plan_.places) {
    if (e_.deferred_scale(tile::TensorId{id}) != 1.0) apply_scale(tile::TensorId{id});
  }
}

/// After a statement: what it has overwritten has no factor any more.
void KernelWriter::forget_scales(const tile::Vec& vec) {
  const auto* y = std::get_if<tile::TileRef>(&vec.operands[0]);
  if (y != nullptr && vec.primitive->kind != PrimitiveKind::mask) e_.defer_scale(y->tensor, 1.0);
}

/// Waits until no more than the last `left_running` products run; tells of the others.
void KernelWriter::settle(std::size_t left_running) {
  if (running_.size() <= left_running) return;
  out_.line("products_wait<{}>();", left_running);
  const std::size_t done = running_.size() - left_running;
  const std::vector<Running> finished(running_.begin(),
                                      running_.begin() + static_cast<std::ptrdiff_t>(done));
  running_.erase(running_.begin(), running_.begin() + static_cast<std::ptrdiff_t>(done));
  for (const Running& one : finished) {
    if (one.mma->alpha != 1.0) e_.defer_scale(one.mma->acc.tensor, one.mma->alpha);
    for (const tile::EventId id : one.signals) signal(id);
  }
}

/// At the end of a block of statements: nothing is left over for what follows.
void KernelWriter::finish_products() {
  settle(0);
  apply_scales();
}

// Loops of nothing but such products.

/// Whether a role's part of a loop is waits, products that read shared memory, and signals of rings
/// with room, which may come a trip late.
bool KernelWriter::only_products(const tile::Loop& loop) const {
  bool multiplies = false;
  bool tells = false;
  if (loop.workers > 0) return false;
  for (const Statement& statement : loop.body) {
    if (std::holds_alternative<tile::Alloc>(statement.node) || !concerns(statement)) continue;
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    const auto* sync = std::get_if<tile::Sync>(&statement.node);
    if (mma != nullptr) {
      if (!plan_.runs_on_its_own(mma) || mma->alpha != 1.0 || e_.in_registers(mma->a.tensor) ||
          barriers_.contains(&statement)) {
        return false;
      }
      multiplies = true;
    } else if (sync == nullptr) {
      return false;
    } else if (sync->kind == tile::SyncKind::signal) {
      tells = true;
      for (const tile::EventId id : sync->events) {
        if (plan_of(id).count < 2) return false;
      }
    }
  }
  return multiplies && tells;
}

/// Such a loop keeps the products of one trip running while the next one's are issued.
void KernelWriter::lower_product_loop(const tile::Loop& loop, bool ends_turn) {
  const VarInfo& info = program_.vars[loop.var];
  const std::string var = variable(loop.var, program_.vars);
  std::vector<tile::EventId> told;
  in_product_loop_ = true;
  for (const Statement& statement : loop.body) {
    const auto* sync = std::get_if<tile::Sync>(&statement.node);
    if (sync != nullptr && sync->kind == tile::SyncKind::signal && is_mine(statement)) {
      told.insert(told.end(), sync->events.begin(), sync->events.end());
      continue;
    }
    if (is_mine(statement)) emit(statement);
  }
  in_product_loop_ = false;
  const std::size_t products = running_.size();
  running_.clear();
  out_.line("products_wait<{}>();  // those of the trip before are done", products);
  out_.open("if ({} > {})", var, to_c(info.begin, program_.vars));
  if (stores_.place && stores_.place->loop == &loop) {
    out_.line("if ({} == {} && thread % 128 == 0) stores_wait_read<0>();", var,
              to_c(info.begin + Expr(1), program_.vars));
  }
  for (const tile::EventId id : told) signal(id);
  out_.close();
  out_.close();
  if (ends_turn) {
    pass_turn();  // what has been issued runs before what another team will issue
    turn_passed_ = true;
  }
  out_.line("products_wait<0>();");
  const bool always = program_.vars.range(info.end - info.begin).lo >= 1;
  if (!always) {
    out_.open("if ({} < {})", to_c(info.begin, program_.vars), to_c(info.end, program_.vars));
  }
  for (const tile::EventId id : told) signal(id);
  if (!always) out_.close();
}

}  // namespace septran::cuda
