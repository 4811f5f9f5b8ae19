// The statements of a kernel, as the role in hand does them.
#include <algorithm>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/cuda/kernel_writer.h"
#include "targets/cuda/warp_products.h"

namespace septran::cuda {

using tile::Block;
using tile::Statement;

namespace {

constexpr std::int64_t most_unrolled_trips = 8;

}  // namespace

void KernelWriter::lower(const Statement& statement) {
  const bool structure = !tile::child_blocks(statement).empty();
  if (structure ? !concerns(statement) : !is_mine(statement)) return;
  if (role_ != Role::producer) {
    settle_before(statement);
    scale_before(statement);
  }
  if (&statement == turn_.first) out_.line("turn_wait<threads>(team);");
  if (role_ != Role::producer && barriers_.contains(&statement)) e_.barrier();
  emit(statement);
  if (&statement == turn_.last && !turn_passed_) pass_turn();
  turn_passed_ = false;
}

/// The statement's own text, without what may have to stand before it.
void KernelWriter::emit(const Statement& statement) {
  std::visit([&](const auto& node) { lower_node(node, statement); }, statement.node);
}

void KernelWriter::lower_block(const Block& block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    std::optional<LateCopies> late;
    if (role_ == Role::producer && std::holds_alternative<tile::Loop>(block[i].node)) {
      late = plan_late_copies(program_, plan_, kernel_, *roles_, block, i);
    }
    if (!late) {
      const auto epilogue = role_ == Role::producer ? std::nullopt : find_epilogue(block, i);
      if (epilogue) {
        i = epilogue->store;
        lower_epilogue(*epilogue, block[i]);
      } else {
        lower(block[i]);
      }
      continue;
    }
    lower_with(block[i], *late);
    i = late->end - 1;
  }
}

void KernelWriter::lower_node(const tile::Alloc& alloc, const Statement& /*statement*/) {
  if (!counts_slots(alloc.tensor.value)) return;
  out_.line("{0}_slot = {0}_slot + 1 == {1} ? 0 : {0}_slot + 1;", e_.tensor_name(alloc.tensor),
            program_[alloc.tensor].depth);
}

void KernelWriter::lower_node(const tile::Loop& loop, const Statement& statement) {
  const VarInfo& info = program_.vars[loop.var];
  const bool products = role_ == Role::consumer && only_products(loop);
  if (loop.workers > 0) {
    open_share(loop, statement);
  } else if (info.is_value()) {
    out_.open("{}", "");
    out_.line("const int64_t {} = {};", variable(loop.var, program_.vars),
              to_c(info.begin, program_.vars));
    lower_block(loop.body);
    out_.close();
    return;
  } else {
    if (role_ == Role::consumer && !products && stores_.place && stores_.place->loop == &loop) {
      out_.line("if (thread % 128 == 0) stores_wait_read<0>();");
    }
    open_trips(loop, statement);
  }
  if (products) return lower_product_loop(loop, &statement == turn_.last);
  lower_block(loop.body);
  if (role_ != Role::producer) finish_products();
  out_.close();
}

/// A loop whose trips workers share, and in some kernels the teams of each.
void KernelWriter::open_share(const tile::Loop& loop, const Statement& statement) {
  const VarInfo& info = program_.vars[loop.var];
  const std::string var = variable(loop.var, program_.vars);
  const std::string begin = factor(info.begin, program_.vars);
  const std::string end = to_c(info.end, program_.vars);
  comment(statement);
  const bool in_teams = role_ == Role::consumer && kernel_.teams > 1;
  if (in_teams) {
    turn_ = find_turn(program_, plan_, loop);
    out_.line("if (team == {}) turn_pass<threads>(0);", kernel_.teams - 1);
  }
  const bool once = program_.vars.range(info.end - info.begin).hi <= loop.workers;
  if (once && kernel_.together > 1 && !in_teams && !kernel_.waits_for_grid) {
    // One trip at most: were it a loop, loads would come out of it and take registers all along.
    out_.open("if (const int64_t {0} = {1} + worker; {0} < {2})", var, begin, end);
  } else if (!once && deals_to_and_fro(loop)) {
    out_.open(
        "for (int64_t round_at = {0}, dealt = worker, dealers = min({1}, workers); "
        "worker < {1} && round_at < {2}; round_at += dealers, dealt = dealers - 1 - dealt)",
        begin, loop.workers, end);
    out_.line("const int64_t {} = round_at + dealt;", var);
    out_.line("if ({} >= {}) continue;", var, factor(info.end, program_.vars));
  } else {
    out_.open(
        "for (int64_t {0} = {1} + worker{4}; worker < {2} && {0} < {3}; {0} += min({2}, "
        "workers){5})",
        var, begin, loop.workers, end, in_teams ? ", trip = 0" : "", in_teams ? ", ++trip" : "");
  }
  if (in_teams) pass_other_trips(loop);
}

/// Whether workers take their trips from the first to the last in one round and from the last to
/// the first in the next: where trips differ in length, so that none gets the longest of each
/// round. Blocks of a cluster keep their places, and teams count trips.
bool KernelWriter::deals_to_and_fro(const tile::Loop& loop) const {
  if (kernel_.teams > 1 || cluster_blocks() > 1 || kernel_.waits_for_grid) return false;
  bool differ = false;
  tile::for_each_statement(loop.body, [&](const Statement& statement) {
    const auto* inner = std::get_if<tile::Loop>(&statement.node);
    if (inner == nullptr) return;
    const VarInfo& info = program_.vars[inner->var];
    differ |= !program_.vars.simplify(info.end - info.begin).constant().has_value();
  });
  return differ;
}

void KernelWriter::open_trips(const tile::Loop& loop, const Statement& statement) {
  const VarInfo& info = program_.vars[loop.var];
  comment(statement);
  out_.directive(is_short(loop) ? "#pragma unroll" : "#pragma unroll 1");
  out_.open("for (int64_t {0} = {1}; {0} < {2}; ++{0})", variable(loop.var, program_.vars),
            to_c(info.begin, program_.vars), to_c(info.end, program_.vars));
}

/// Whether a loop has few trips, of elementwise work alone: unrolled, the loads of one trip need
/// not wait for the sums of the trip before.
bool KernelWriter::is_short(const tile::Loop& loop) const {
  const VarInfo& info = program_.vars[loop.var];
  const auto trips = program_.vars.simplify(info.end - info.begin).constant();
  if (!trips || *trips > most_unrolled_trips) return false;
  return std::all_of(loop.body.begin(), loop.body.end(), [&](const Statement& statement) {
    const auto* vec = std::get_if<tile::Vec>(&statement.node);
    return vec != nullptr && vec->primitive->kind == PrimitiveKind::binary &&
           !barriers_.contains(&statement);
  });
}

void KernelWriter::lower_node(const tile::If& branch, const Statement& statement) {
  comment(statement);
  out_.open("if ({})", to_c(branch.condition, program_.vars));
  lower_block(branch.then);
  if (role_ != Role::producer) finish_products();
  if (!branch.otherwise.empty()) {
    out_.close();
    out_.open("else");
    lower_block(branch.otherwise);
    if (role_ != Role::producer) finish_products();
  }
  out_.close();
}

// Operations: each in a block of its own, for its names.

void KernelWriter::lower_node(const tile::DmaCopy& copy, const Statement& statement) {
  comment(statement);
  out_.open("{}", "");
  if (role_ == Role::producer) {
    bulk_copy_of(copy, statement);
  } else if (const auto store = stores_.stores.find(&statement); store != stores_.stores.end()) {
    bulk_store_of(copy, store->second);
  } else {
    emit_dma_copy(e_, copy);
  }
  out_.close();
}

void KernelWriter::lower_node(const tile::Mma& mma, const Statement& statement) {
  comment(statement);
  out_.open("{}", "");
  const auto product = plan_.products.find(&mma);
  if (product == plan_.products.end()) {
    emit_mma(e_, mma);
  } else if (!product->second.by_warps.empty()) {
    emit_warp_product(e_, mma, product->second);
  } else {
    emit_wgmma(e_, mma, product->second, shapes_, in_product_loop_);
    running_.push_back({&mma, {}});
  }
  out_.close();
  if (plan_.runs_on_its_own(&mma) && role_ == Role::all) settle(0);
}

void KernelWriter::lower_node(const tile::Vec& vec, const Statement& statement) {
  comment(statement);
  const bool guarded = vec.guard && vec.guard->decide(program_.vars) != true;
  if (guarded) {
    out_.open("if ({})", to_c(*vec.guard, program_.vars));
  } else {
    out_.open("{}", "");
  }
  if (late_ > 0) {
    emit_vec(e_, vec, [&] { settle_late(); });
  } else {
    emit_vec(e_, vec);
  }
  out_.close();
  forget_scales(vec);
}

void KernelWriter::lower_node(const tile::Barrier& /*node*/, const Statement& /*statement*/) {
  out_.line("grid_barrier((uint32_t *)workspace, passed);");
}

void KernelWriter::lower_node(const tile::Sync& sync, const Statement& /*statement*/) {
  if (role_ == Role::all) return;  // all threads do everything in the program's order
  for (const tile::EventId id : sync.events) {
    if (sync.kind == tile::SyncKind::wait) {
      wait_for(id);
    } else if (!running_.empty()) {
      running_.back().signals.push_back(id);
    } else {
      signal(id);
    }
  }
}

template <typename Other>
void KernelWriter::lower_node(const Other& /*node*/, const Statement& /*statement*/) {
  SEPTRAN_BUG("a statement that passes take away");
}

}  // namespace septran::cuda
