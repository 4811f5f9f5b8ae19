// The statements of a kernel, as the role in hand does them.
#include <algorithm>
#include <bit>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/visit.h"
#include "targets/cuda/bulk_copies.h"
#include "targets/cuda/kernel_writer.h"
#include "targets/cuda/warp_products.h"

namespace septran::cuda {

using tile::Block;
using tile::Statement;
using tile::Tensor;

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
  std::visit([&](const auto& node) { lower_node(node, statement); }, statement.node);
  if (&statement == turn_.last && !turn_passed_) pass_turn();
  turn_passed_ = false;
}

void KernelWriter::lower_block(const Block& block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    std::optional<LateCopies> late;
    if (role_ == Role::producer && std::holds_alternative<tile::Loop>(block[i].node)) {
      late = plan_late_copies(program_, plan_, kernel_, *roles_, block, i);
    }
    if (!late) {
      lower(block[i]);
      continue;
    }
    lower_with(block[i], *late);
    i = late->end - 1;
  }
}

void KernelWriter::lower_node(const tile::Alloc& alloc, const Statement& /*statement*/) {
  const Tensor& tensor = program_[alloc.tensor];
  const auto place = plan_.places.find(alloc.tensor.value);
  const bool ring = place != plan_.places.end() && tensor.kind == tile::TensorKind::buffer &&
                    tensor.depth > 1 && place->second.kind != TilePlace::Kind::registers;
  if (!ring || !uses(alloc.tensor.value, role_)) return;
  out_.line("{0}_slot = {0}_slot + 1 == {1} ? 0 : {0}_slot + 1;", e_.tensor_name(alloc.tensor),
            tensor.depth);
}

void KernelWriter::lower_node(const tile::Loop& loop, const Statement& statement) {
  const VarInfo& info = program_.vars[loop.var];
  const std::string var = variable(loop.var, program_.vars);
  const std::string begin = to_c(info.begin, program_.vars);
  const std::string end = to_c(info.end, program_.vars);
  if (loop.workers > 0) {
    comment(statement);
    const bool in_teams = role_ == Role::consumer && kernel_.teams > 1;
    if (in_teams) {
      turn_ = find_turn(program_, plan_, loop);
      out_.line("if (team == {}) turn_pass<threads>(0);", kernel_.teams - 1);
    }
    const bool once = program_.vars.range(info.end - info.begin).hi <= loop.workers;
    if (once && kernel_.together > 1 && !in_teams && !kernel_.waits_for_grid) {
      // One trip at most: were it a loop, loads would come out of it and take registers all along.
      out_.open("if (const int64_t {0} = {1} + worker; {0} < {2})", var,
                factor(info.begin, program_.vars), end);
    } else if (!once && deals_to_and_fro(loop)) {
      out_.open(
          "for (int64_t round_at = {0}, dealt = worker, dealers = min({1}, workers); "
          "worker < {1} && round_at < {2}; round_at += dealers, dealt = dealers - 1 - dealt)",
          factor(info.begin, program_.vars), loop.workers, end);
      out_.line("const int64_t {} = round_at + dealt;", var);
      out_.line("if ({} >= {}) continue;", var, factor(info.end, program_.vars));
    } else {
      out_.open(
          "for (int64_t {0} = {1} + worker{4}; worker < {2} && {0} < {3}; {0} += min({2}, "
          "workers){5})",
          var, factor(info.begin, program_.vars), loop.workers, end, in_teams ? ", trip = 0" : "",
          in_teams ? ", ++trip" : "");
    }
    if (in_teams) pass_other_trips(loop);
  } else if (info.end == info.begin + Expr(1)) {
    out_.open("{}", "");
    out_.line("const int64_t {} = {};", var, begin);
    lower_block(loop.body);
    out_.close();
    return;
  } else {
    const bool products = role_ == Role::consumer && only_products(loop);
    if (role_ == Role::consumer && !products && stores_.place && stores_.place->loop == &loop) {
      out_.line("if (thread % 128 == 0) stores_wait_read<0>();");
    }
    open_trips(loop, statement);
  }
  if (role_ == Role::consumer && only_products(loop)) {
    lower_product_loop(loop, &statement == turn_.last);
    return;
  }
  lower_block(loop.body);
  if (role_ != Role::producer) finish_products();
  out_.close();
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
    emit_mma(e_, statement, mma);
    out_.close();
    return;
  }
  if (!product->second.by_warps.empty()) {
    emit_warp_product(e_, mma, product->second);
    out_.close();
    return;
  }
  emit_wgmma(e_, mma, product->second, shapes_, in_product_loop_);
  out_.close();
  running_.push_back({&mma, {}});
  if (role_ == Role::all) settle(0);
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
    emit_vec(e_, statement, vec, [&] { settle_late(); });
  } else {
    emit_vec(e_, statement, vec);
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

// Copies and events.

std::ptrdiff_t KernelWriter::map_number(const TensorMap& map) {
  const auto at = std::find(maps_.begin(), maps_.end(), map);
  if (at != maps_.end()) return at - maps_.begin();
  maps_.push_back(map);
  return std::ssize(maps_) - 1;
}

void KernelWriter::bulk_copy_of(const tile::DmaCopy& copy, const Statement& statement) {
  const auto sharers = roles_->cluster.sharers.find(&statement);
  const bool shared = sharers != roles_->cluster.sharers.end();
  const int shares = shared ? std::popcount(sharers->second[0]) : 1;
  std::string why;
  const auto bulk = bulk_copy(program_, plan_, copy, why, {.shares = shares});
  SEPTRAN_CHECK(bulk.has_value());
  const std::ptrdiff_t map = map_number(bulk->map);
  const std::string event = event_name(roles_->told_by.at(&statement));
  const Access to = e_.operand(copy.dst, "to").access;
  out_.line("uint64_t *const barrier = {0}_barriers + {0}.at;", event);
  out_.line("barrier_expect(barrier, {});",
            bulk->box_bytes * static_cast<std::int64_t>(bulk->boxes.size()));
  if (shared) {
    out_.line("const uint32_t sharers = mask_of({}, rank), place = place_in(sharers, rank);",
              packed_masks(sharers->second));
  }
  for (std::size_t b = 0; b < bulk->boxes.size(); ++b) {
    const BulkBox& box = bulk->boxes[b];
    std::string corner;
    for (const Expr& c : box.corner) {
      corner += fmt::format(", (int)({})", to_c(program_.vars.simplify(c), program_.vars));
    }
    const std::string who =
        shared ? fmt::format("if (place == {}) ", b % static_cast<std::size_t>(shares)) : "";
    out_.line("{}{}((char *)to + {}, &map_{}, barrier{}{});", who,
              shared ? "bulk_multicast" : "bulk_copy", box.shared_offset, map,
              shared ? ", sharers" : "", corner);
  }
}

/// A loop of the copying thread with the copies that stand behind it: blocks begin them at
/// different trips, so that all of them together ask for few at a time.
void KernelWriter::lower_with(const Statement& statement, const LateCopies& late) {
  const auto& loop = std::get<tile::Loop>(statement.node);
  const VarInfo& info = program_.vars[loop.var];
  out_.open("{}", "");
  out_.line("int piece = 0, next = {} + (int)(worker % {});  // of the copies behind this loop",
            late.first, late.starts);
  open_trips(loop, statement);
  lower_block(loop.body);
  out_.open("if ({} == next)", to_c(Expr::var(loop.var) - info.begin, program_.vars));
  out_.line("next += {};", late.distance);
  out_.open("for (const int end = piece + {}; piece < end; ++piece)", late.at_once);
  std::int64_t first = 0;
  for (const LateCopies::Copy& copy : late.copies) {
    const std::int64_t end = first + std::ssize(copy.bulk.boxes);
    out_.open("if ({} <= piece && piece < {})", first, end);
    late_piece_of(copy, first, end);
    out_.close();
    first = end;
  }
  for (int i = 0; i < 4; ++i) out_.close();
}

/// The boxes of a copy differ by multiples: of one for each panel of a swizzled tile, of one for
/// each part of its rows.
void KernelWriter::late_piece_of(const LateCopies::Copy& copy, std::int64_t first,
                                 std::int64_t end) {
  const Statement& statement = *copy.statement;
  const std::vector<BulkBox>& boxes = copy.bulk.boxes;
  const auto cuts = static_cast<std::size_t>(copy.bulk.cuts);
  comment(statement);
  out_.line("const int panel = (piece - {0}) / {1}, part = (piece - {0}) % {1};", first, cuts);
  const auto varying = [&](const auto& distance) {
    const std::int64_t by_panel = cuts < boxes.size() ? distance(boxes[cuts]) : 0;
    const std::int64_t by_part = cuts > 1 ? distance(boxes[1]) : 0;
    std::string text;
    if (by_panel != 0) text += fmt::format(" + panel * {}", by_panel);
    if (by_part != 0) text += fmt::format(" + part * {}", by_part);
    return text;
  };
  const Access to = e_.operand(std::get<tile::DmaCopy>(statement.node).dst, "to").access;
  const std::string event = event_name(roles_->told_by.at(&statement));
  out_.line("uint64_t *const barrier = {0}_barriers + {0}.at;", event);
  out_.line("if (piece == {}) barrier_expect(barrier, {});", first,
            copy.bulk.box_bytes * (end - first));
  std::string corner;
  for (std::size_t a = 0; a < boxes[0].corner.size(); ++a) {
    corner += fmt::format(
        ", (int)({}){}", to_c(program_.vars.simplify(boxes[0].corner[a]), program_.vars),
        varying([&](const BulkBox& box) {
          return program_.vars.simplify(box.corner[a] - boxes[0].corner[a]).constant().value();
        }));
  }
  out_.line("bulk_copy((char *)to + {}{}, &map_{}, barrier{});", boxes[0].shared_offset,
            varying([&](const BulkBox& box) { return box.shared_offset - boxes[0].shared_offset; }),
            map_number(copy.bulk.map), corner);
  if (copy.signals.empty()) return;
  out_.open("if (piece == {})", end - 1);
  for (const Statement* signals : copy.signals) lower(*signals);
  out_.close();
}

void KernelWriter::bulk_store_of(const tile::DmaCopy& copy, const BulkStore& store) {
  if (store.by_warps) {
    return emit_row_store(e_, stores_, store, e_.register_tile(copy.src.tensor), copy);
  }
  emit_bulk_store(e_, stores_, store, e_.register_tile(copy.src.tensor),
                  program_[copy.dst.tensor].storage, map_number(store.map));
}

const EventPlan& KernelWriter::plan_of(tile::EventId id) const {
  const auto at = std::find_if(roles_->events.begin(), roles_->events.end(),
                               [&](const EventPlan& plan) { return plan.event == id; });
  SEPTRAN_CHECK(at != roles_->events.end());
  return *at;
}

std::string KernelWriter::event_name(tile::EventId id) const {
  return identifier(program_.events[id.value].name, id.value);
}

void KernelWriter::wait_for(tile::EventId id) {
  const EventPlan& plan = plan_of(id);
  // What waits to be told may be what the other role waits for.
  if (role_ == Role::consumer) {
    const bool last = std::any_of(running_.begin(), running_.end(), [&](const Running& one) {
      return std::any_of(one.signals.begin(), one.signals.end(),
                         [&](tile::EventId s) { return plan_of(s).count < 2; });
    });
    if (last) settle(0);
  }
  out_.line("barrier_wait({0}_barriers + {0}.at, {0}.parity); {0}.next({1});", event_name(id),
            plan.count);
}

void KernelWriter::signal(tile::EventId id) {
  const EventPlan& plan = plan_of(id);
  const std::string name = event_name(id);
  if (role_ == Role::consumer && cluster_blocks() > 1) {
    out_.line("__syncwarp();");
    out_.line(
        "if (partners >> thread % 32 & 1) barrier_arrive_at({0}_barriers + {0}.at, thread % 32);",
        name);
  } else if (role_ == Role::consumer) {
    out_.line("__syncwarp();");
    out_.line("if (thread % 32 == 0) barrier_arrive({0}_barriers + {0}.at);", name);
  } else {
    out_.line("barrier_arrive({0}_barriers + {0}.at);", name);
  }
  out_.line("{}.next({});", name, plan.count);
}

// Loops of products, which run on their own.

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
    if (!is_mine(statement)) continue;
    std::visit([&](const auto& node) { lower_node(node, statement); }, statement.node);
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
