#include "targets/cuda/late_copies.h"

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

constexpr std::int64_t least_piece_bytes = 2048;
constexpr std::int64_t most_cuts = 16;

bool is_copying(const Statement& statement) { return statement.engine == copying_engine; }

class Planner {
 public:
  Planner(const Program& program, const Plan& plan, const KernelPlan& kernel, const Roles& roles,
          const Block& block, std::size_t loop)
      : program_(program),
        plan_(plan),
        kernel_(kernel),
        roles_(roles),
        block_(block),
        at_(loop),
        loop_(std::get<tile::Loop>(block[loop].node)) {}

  std::optional<LateCopies> run() {
    const VarInfo& var = program_.vars[loop_.var];
    const auto trips = program_.vars.simplify(var.end - var.begin).constant();
    if (!trips || loop_.workers > 0 || !find_first_trip() || !collect()) return std::nullopt;
    const std::int64_t room = *trips - result_.first;
    if (room < 1) return std::nullopt;
    cut(room);
    result_.at_once = ceil_div(result_.pieces, room);
    const std::int64_t times = ceil_div(result_.pieces, result_.at_once);
    result_.distance = room / times;
    result_.starts = room - (times - 1) * result_.distance;
    return std::move(result_);
  }

 private:
  /// From that trip on, what the copying thread has waited for says that the others are in the
  /// loop, past what they did before it. Each trip must wait once for what each trip tells once.
  bool find_first_trip() {
    for (const Statement& statement : loop_.body) {
      const auto* wait = std::get_if<tile::Sync>(&statement.node);
      if (wait == nullptr || !is_copying(statement) || wait->kind != tile::SyncKind::wait) continue;
      for (const tile::EventId id : wait->events) {
        if (is_told_by_trips(id)) result_.first = program_.events[id.value].credits;
      }
    }
    return result_.first > 0;
  }

  bool is_told_by_trips(tile::EventId id) const {
    const auto has = [&](const Statement& statement) {
      const auto* sync = std::get_if<tile::Sync>(&statement.node);
      return sync != nullptr &&
             std::find(sync->events.begin(), sync->events.end(), id) != sync->events.end();
    };
    int anywhere = 0;
    for_each_statement(program_, kernel_,
                       [&](const Statement& statement) { anywhere += has(statement); });
    return anywhere == 2 && std::count_if(loop_.body.begin(), loop_.body.end(), has) == 2;
  }

  /// The copies behind the loop, up to a wait of the copying thread.
  bool collect() {
    result_.end = at_ + 1;
    for (std::size_t i = at_ + 1; i < block_.size(); ++i) {
      const Statement& statement = block_[i];
      if (!tile::child_blocks(statement).empty()) break;
      if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
        if (program_[alloc->tensor].depth > 1) break;  // the copies would not find their place
      }
      if (!is_copying(statement)) continue;
      if (const auto* copy = std::get_if<tile::DmaCopy>(&statement.node)) {
        if (!may_come_early(statement, *copy)) break;
        result_.copies.push_back({&statement, {}, {}});
      } else if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
        if (sync->kind == tile::SyncKind::wait || result_.copies.empty()) break;
        result_.copies.back().signals.push_back(&statement);
      }
      result_.end = i + 1;
    }
    return !result_.copies.empty() && !result_.copies.back().signals.empty();
  }

  /// Nothing in the loop may touch what is written, nothing in the kernel write what is read.
  bool may_come_early(const Statement& statement, const tile::DmaCopy& copy) const {
    if (roles_.cluster.sharers.contains(&statement)) return false;
    bool fine = true;
    for_each_statement(program_, kernel_, [&](const Statement& other) {
      for (const auto& use : tile::operands(other)) {
        fine &= !writes(use.access) || use.tile->tensor != copy.src.tensor;
      }
    });
    tile::for_each_statement(loop_.body, [&](const Statement& other) {
      for (const auto& use : tile::operands(other)) {
        fine &= !share_bytes(use.tile->tensor, copy.dst.tensor);
      }
    });
    return fine;
  }

  bool share_bytes(tile::TensorId a, tile::TensorId b) const {
    const TilePlace& x = plan_.places.at(a.value);
    const TilePlace& y = plan_.places.at(b.value);
    const auto end = [&](const TilePlace& place, tile::TensorId id) {
      return place.offset_bytes + program_[id].depth * program_[id].slot_bytes;
    };
    return x.in_shared() && y.in_shared() && x.offset_bytes < end(y, b) &&
           y.offset_bytes < end(x, a);
  }

  /// Into small pieces, as long as each has a trip of its own.
  void cut(std::int64_t room) {
    std::int64_t cuts = most_cuts;
    for (;; cuts /= 2) {
      result_.pieces = 0;
      for (LateCopies::Copy& copy : result_.copies) {
        copy.bulk = in_pieces(std::get<tile::DmaCopy>(copy.statement->node), cuts);
        result_.pieces += std::ssize(copy.bulk.boxes);
      }
      if (cuts == 1 || result_.pieces <= room) return;
    }
  }

  BulkCopy in_pieces(const tile::DmaCopy& copy, std::int64_t cuts) const {
    std::string why;
    for (; cuts > 1; cuts /= 2) {
      auto cut = bulk_copy(program_, plan_, copy, why, {.shares = 1, .cuts = cuts});
      if (cut && cut->box_bytes >= least_piece_bytes) return *std::move(cut);
    }
    return bulk_copy(program_, plan_, copy, why).value();
  }

  const Program& program_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  const Roles& roles_;
  const Block& block_;
  std::size_t at_;
  const tile::Loop& loop_;
  LateCopies result_;
};

}  // namespace

std::optional<LateCopies> plan_late_copies(const Program& program, const Plan& plan,
                                           const KernelPlan& kernel, const Roles& roles,
                                           const Block& block, std::size_t loop) {
  return Planner(program, plan, kernel, roles, block, loop).run();
}

}  // namespace septran::cuda
