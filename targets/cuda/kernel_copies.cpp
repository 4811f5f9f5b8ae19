// Copies by the copy engine, and the events that order them and what works on tiles.
#include <algorithm>
#include <bit>

#include "compiler/base/diagnostic.h"
#include "targets/cuda/bulk_copies.h"
#include "targets/cuda/kernel_writer.h"

namespace septran::cuda {

using tile::Statement;

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

void KernelWriter::bulk_store_of(const tile::DmaCopy& copy, const BulkStore& store,
                                 const std::function<void()>& work) {
  if (store.by_warps) {
    return emit_row_store(e_, stores_, store, e_.register_tile(copy.src.tensor), copy);
  }
  emit_bulk_store(e_, stores_, store, e_.register_tile(copy.src.tensor),
                  program_[copy.dst.tensor].storage, map_number(store.map), work);
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

}  // namespace septran::cuda
