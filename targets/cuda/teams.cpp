#include "targets/cuda/teams.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Loop;
using tile::Program;
using tile::Statement;

bool is_value(const Program& program, const Loop& loop) {
  return loop.workers == 0 && program.vars[loop.var].is_value();
}

class Counter {
 public:
  Counter(const Program& program, const Loop& share) : program_(program), share_(share) {}

  std::optional<TripCounts> run() {
    count(share_.body, Expr(1));
    if (!fine_) return std::nullopt;
    return std::move(counts_);
  }

 private:
  void count(const Block& block, const Expr& times) {
    for (const Statement& statement : block) {
      if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
        counts_.rings[alloc->tensor.value] += times;
      } else if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
        if (statement.engine == copying_engine) continue;
        for (const tile::EventId id : sync->events) counts_.events[id.value] += times;
      } else if (const auto* loop = std::get_if<Loop>(&statement.node)) {
        count(loop->body, trips(*loop, times));
      } else if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
        for (const Block* inner : {&branch->then, &branch->otherwise}) {
          tile::for_each_statement(*inner, [&](const Statement& s) {
            fine_ &= !std::holds_alternative<tile::Sync>(s.node) &&
                     !std::holds_alternative<tile::Alloc>(s.node);
          });
        }
      }
    }
  }

  Expr trips(const Loop& loop, const Expr& times) {
    if (is_value(program_, loop)) return times;
    const VarInfo& info = program_.vars[loop.var];
    const Expr own = Expr::max(program_.vars.expand_values(info.end - info.begin), Expr(0));
    std::vector<VarId> vars;
    own.collect_vars(vars);
    fine_ &= std::all_of(vars.begin(), vars.end(), [&](VarId v) { return v == share_.var; });
    const auto product = Expr::product(times, program_.vars.simplify(own));
    fine_ &= product.has_value();
    return product.value_or(Expr(0));
  }

  const Program& program_;
  const Loop& share_;
  TripCounts counts_;
  bool fine_ = true;
};

/// The innermost block of a trip, inside the loops that only give values.
const Block& trip_block(const Program& program, const Loop& share) {
  const Block* block = &share.body;
  while (block->size() == 1) {
    const auto* loop = std::get_if<Loop>(&(*block)[0].node);
    if (loop == nullptr || !is_value(program, *loop)) break;
    block = &loop->body;
  }
  return *block;
}

}  // namespace

std::optional<TripCounts> count_trip(const Program& program, const Loop& share) {
  return Counter(program, share).run();
}

std::string why_no_teams(const Program& program, const Plan& plan, const KernelPlan& kernel) {
  const Loop* share = nullptr;
  for (std::size_t i = kernel.begin; i < kernel.end; ++i) {
    const auto* loop = std::get_if<Loop>(&program.body[i].node);
    const bool is_share = loop != nullptr && loop->workers > 0;
    if (is_share && share == nullptr) {
      share = loop;
    } else if (is_share || !tile::child_blocks(program.body[i]).empty() ||
               !tile::operands(program.body[i]).empty() ||
               std::holds_alternative<tile::Sync>(program.body[i].node)) {
      return "the kernel is not one loop over tiles";
    }
  }
  if (share == nullptr) return "the kernel is not one loop over tiles";
  if (!kernel.options.turns) return "they take no turns, so that each would miss its copies";
  if (find_turn(program, plan, *share).first == nullptr) return "its trips wait for no copies";
  if (!count_trip(program, *share)) return "what a trip waits for depends on more than its number";
  std::string why;
  tile::for_each_statement(share->body, [&](const Statement& statement) {
    if (statement.engine == copying_engine) return;
    const auto* mma = std::get_if<tile::Mma>(&statement.node);
    if (mma != nullptr && !plan.products.contains(mma)) why = "a product is not the tensor cores'";
    for (const auto& use : tile::operands(statement)) {
      const TilePlace& place = plan.places.at(use.tile->tensor.value);
      const bool own =
          place.kind == TilePlace::Kind::workspace ||
          (place.kind == TilePlace::Kind::global && plan.own.contains(use.tile->tensor.value));
      if (own || (place.in_shared() && writes(use.access))) {
        why = fmt::format("{} is kept for the whole block", program[use.tile->tensor].name);
      }
    }
  });
  return why;
}

Turn find_turn(const Program& program, const Plan& plan, const Loop& share) {
  Turn turn;
  for (const Statement& statement : trip_block(program, share)) {
    bool found = false;
    const auto look = [&](const Statement& s) {
      if (s.engine == copying_engine) return;
      const auto* mma = std::get_if<tile::Mma>(&s.node);
      const auto* sync = std::get_if<tile::Sync>(&s.node);
      found |= (mma != nullptr && plan.products.contains(mma)) ||
               (sync != nullptr && sync->kind == tile::SyncKind::wait);
      for (const auto& use : tile::operands(s)) {
        found |= plan.places.at(use.tile->tensor.value).in_shared();
      }
    };
    tile::for_each_statement(statement, look);
    if (!found) continue;
    if (turn.first == nullptr) turn.first = &statement;
    turn.last = &statement;
  }
  return turn;
}

}  // namespace septran::cuda
