// The rotation of one loop. With lags up to L, trip t of the new loop runs each launch of trip
// t - lag; the first and last L trips are peeled, so that nothing in the loop stands under a
// condition. A buffer that is made in each trip and still used after the next one was made becomes
// a ring that much deeper, and late uses name the slot by its age.
#include "compiler/passes/rotate_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Loop;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

/// All statements of one launch in the loop's body.
struct Unit {
  std::string launch;
  int lag = 0;
  Span span;           // in the schedule
  int original = -1;   // place of its first statement in program order
  int number = 0;      // of its first statement, counting all units' statements
  Block statements{};  // Allocs of the buffers that it is the first to use stand before their use
};

/// A buffer that each trip makes anew: the first unit in time to use it.
struct Private {
  int lag = 0;
  std::size_t position = 0;
  bool used = false;
};

struct Use {
  TileRef tile;
  bool writes = false;
};

std::vector<Use> uses_in(const Block& block) {
  std::vector<Use> uses;
  tile::for_each_statement(block, [&](const Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      uses.push_back({*use.tile, writes(use.access)});
    }
  });
  return uses;
}

/// Takes away the launches' names, and the marks of rotated loops inside: copies of one such loop
/// are loops of their own, and what is peeled off them is not told apart.
void forget_marks(Block& block) {
  tile::for_each_statement(block, [](Statement& statement) {
    statement.launch.clear();
    statement.part.reset();
  });
}

/// An `if` around statements of several launches, as one `if` for each. Allocs go before all.
void split_branches(Block& block) {
  Block out;
  for (Statement& statement : block) {
    auto* branch = std::get_if<tile::If>(&statement.node);
    if (branch == nullptr || !statement.launch.empty()) {
      out.push_back(std::move(statement));
      continue;
    }
    for (Block* side : {&branch->then, &branch->otherwise}) {
      split_branches(*side);
      const bool is_then = side == &branch->then;
      Block rest;
      for (Statement& inner : *side) {
        if (std::holds_alternative<tile::Alloc>(inner.node)) {
          inner.launch.clear();
          out.push_back(std::move(inner));
        } else {
          rest.push_back(std::move(inner));
        }
      }
      for (Statement& inner : rest) {
        tile::If part{is_then ? branch->condition : branch->condition.negated(), {}, {}};
        const std::string launch = inner.launch;
        part.then.push_back(std::move(inner));
        out.push_back({std::move(part), "", statement.origin, launch});
      }
    }
  }
  block = std::move(out);
}

class Rotation {
 public:
  /// `family`: a number of its own for every loop.
  Rotation(Program& program, Diagnostics& diagnostics, Loop loop, tile::Origin origin, int family)
      : program_(program),
        diagnostics_(diagnostics),
        loop_(std::move(loop)),
        origin_(std::move(origin)),
        family_(family) {}

  /// What stands in the loop's place; nothing if the order is not possible (reported).
  Result<Block> run() {
    split_branches(loop_.body);
    for (const tile::ScheduleStep& step : loop_.schedule) {
      units_.push_back({step.launch, step.trips_earlier, step.span});
      lags_ = std::max(lags_, step.trips_earlier);
    }
    if (!collect() || !check()) return std::nullopt;
    find_privates();
    place_allocs();
    const VarInfo& var = program_.vars[loop_.var];
    const Range trips = program_.vars.range(var.end - var.begin);
    Block result;
    if (trips.lo >= lags_) {
      rotated(result);
    } else if (trips.hi < lags_) {
      in_program_order(result);
    } else {
      tile::If enough{Cond::ge(var.end, var.begin + lags_), {}, {}};
      rotated(enough.then);
      in_program_order(enough.otherwise);
      result.push_back({std::move(enough), "", origin_});
    }
    deepen_rings();
    return result;
  }

 private:
  [[nodiscard]] std::optional<std::size_t> find(const std::string& launch) const {
    const auto at = std::find_if(units_.begin(), units_.end(),
                                 [&](const Unit& unit) { return unit.launch == launch; });
    if (at == units_.end()) return std::nullopt;
    return static_cast<std::size_t>(at - units_.begin());
  }

  /// Gives every statement of the body to its unit. Copies that several units use belong to the
  /// first of these in time, since they depend on nothing that the trip computes.
  bool collect() {
    bool fine = true;
    owners_.resize(loop_.body.size());
    for (std::size_t at = 0; at < loop_.body.size(); ++at) {
      const Statement& statement = loop_.body[at];
      if (const auto* alloc = std::get_if<tile::Alloc>(&statement.node)) {
        privates_[alloc->tensor];
        allocs_.push_back(statement);
        continue;
      }
      const auto unit = find(statement.launch);
      if (!unit) {
        diagnostics_.report(loop_.schedule.front().span, messages::schedule_unnamed)
            .notes.push_back({statement.origin.logic_span, messages::not_scheduled_note});
        fine = false;
      } else if (!is_free_copy(statement)) {
        owners_[at] = unit;
      }
    }
    for (std::size_t at = 0; fine && at < loop_.body.size(); ++at) give(at);
    return fine;
  }

  void give(std::size_t at) {
    const Statement& statement = loop_.body[at];
    const auto unit = find(statement.launch);
    if (std::holds_alternative<tile::Alloc>(statement.node) || !unit) return;
    if (units_[*unit].original < 0) units_[*unit].original = static_cast<int>(at);
    if (!owners_[at]) {  // a free copy
      const TensorId dst = std::get<tile::DmaCopy>(statement.node).dst.tensor;
      copied_.insert(dst);
      owners_[at] = first_user(dst).value_or(*unit);
    }
    Block& into = units_[*owners_[at]].statements;
    into.insert(owners_[at] == unit ? into.end() : into.begin(), statement);
  }

  /// Whether the statement copies what nothing in the loop writes into a buffer of this trip that
  /// nothing else writes.
  bool is_free_copy(const Statement& statement) const {
    const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
    if (copy == nullptr || !privates_.contains(copy->dst.tensor)) return false;
    const std::vector<Use> uses = uses_in(loop_.body);
    return std::count_if(uses.begin(), uses.end(),
                         [&](const Use& use) {
                           return use.writes && use.tile.tensor == copy->dst.tensor;
                         }) == 1 &&
           !writes_tensor(loop_.body, copy->src.tensor);
  }

  /// The first unit in time that owns a statement which uses the tensor.
  [[nodiscard]] std::optional<std::size_t> first_user(TensorId tensor) const {
    std::optional<std::size_t> first;
    for (std::size_t at = 0; at < loop_.body.size(); ++at) {
      const auto unit = owners_[at];
      if (!unit || !uses_tensor(loop_.body[at], tensor)) continue;
      if (!first || std::pair(units_[*unit].lag, *unit) < std::pair(units_[*first].lag, *first)) {
        first = unit;
      }
    }
    return first;
  }

  // What must stay in order.

  bool check() {
    bool fine = true;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      for (std::size_t j = 0; j < units_.size(); ++j) {
        if (i != j) fine &= check_pair(i, j);
      }
    }
    return fine;
  }

  /// Unit i of trip k, and unit j of trip k + d, behind it in program order.
  bool check_pair(std::size_t i, std::size_t j) {
    const Unit& first = units_[i];
    const Unit& second = units_[j];
    const int reach = first.lag - second.lag - (i > j ? 0 : 1);  // the largest d that turns round
    for (int d = first.original < second.original ? 0 : 1; d <= reach; ++d) {
      const auto tensor = conflict(first, second, d);
      if (!tensor) continue;
      const std::string when = d == 0   ? "the same trip"
                               : d == 1 ? "the trip before"
                                        : fmt::format("{} trips before", d);
      auto& diagnostic =
          diagnostics_.report(second.span, messages::schedule_dependence, second.launch,
                              first.launch, when, program_[*tensor].name);
      diagnostic.notes.push_back(
          {first.span, fmt::format(messages::scheduled_here_note, first.launch)});
      for (const Unit* unit : {&first, &second}) {
        diagnostic.notes.push_back(
            {line_that_uses(*unit, *tensor),
             fmt::format(messages::uses_here_note, unit->launch, program_[*tensor].name)});
      }
      return false;
    }
    return true;
  }

  static Span line_that_uses(const Unit& unit, TensorId tensor) {
    Span line;
    tile::for_each_statement(unit.statements, [&](const Statement& statement) {
      for (const auto& use : tile::operands(statement)) {
        if (use.tile->tensor == tensor && !line.valid()) line = statement.origin.logic_span;
      }
    });
    return line;
  }

  std::optional<TensorId> conflict(const Unit& first, const Unit& second, int distance) const {
    for (const Use& a : uses_in(first.statements)) {
      for (const Use& b : uses_in(second.statements)) {
        if (a.tile.tensor != b.tile.tensor || (!a.writes && !b.writes)) continue;
        if (distance > 0 && privates_.contains(a.tile.tensor)) continue;  // each trip has its own
        if (copied_.contains(a.tile.tensor)) continue;  // before its first use in any order
        if (!apart(a.tile.view, b.tile.view, distance)) return a.tile.tensor;
      }
    }
    return std::nullopt;
  }

  bool apart(const View& x, const View& other, int distance) const {
    const View y = substitute(
        other, [&](VarId v) { return v == loop_.var ? Expr::var(v) + distance : Expr::var(v); });
    return disjoint(program_.vars, x, y);
  }

  // Buffers of one trip.

  void find_privates() {
    for (auto& [tensor, own] : privates_) {
      if (const auto first = first_user(tensor)) own = {units_[*first].lag, *first, true};
    }
  }

  void place_allocs() {
    for (Statement& alloc : allocs_) {
      const TensorId tensor = std::get<tile::Alloc>(alloc.node).tensor;
      const Private& own = privates_.at(tensor);
      Block& statements = units_[own.used ? own.position : 0].statements;
      const auto use = std::find_if(statements.begin(), statements.end(),
                                    [&](const Statement& s) { return uses_tensor(s, tensor); });
      statements.insert(use, alloc);
    }
    int number = 0;
    for (Unit& unit : units_) {
      unit.number = number;
      number += static_cast<int>(unit.statements.size());
    }
  }

  /// How many buffers newer than its own a late unit's trip sees made.
  int age(TensorId tensor, std::size_t position) const {
    const auto at = privates_.find(tensor);
    if (at == privates_.end()) return 0;
    const Private& own = at->second;
    return units_[position].lag - own.lag - (position < own.position ? 1 : 0);
  }

  void deepen_rings() {
    for (const auto& [tensor, own] : privates_) {
      int oldest = 0;
      for (std::size_t p = 0; p < units_.size(); ++p) {
        const std::vector<Use> uses = uses_in(units_[p].statements);
        const bool used = std::any_of(uses.begin(), uses.end(), [&, id = tensor](const Use& use) {
          return use.tile.tensor == id;
        });
        if (used) oldest = std::max(oldest, age(tensor, p));
      }
      program_[tensor].depth += oldest;
    }
  }

  // The new order.

  void rotated(Block& out) {
    const Expr begin = program_.vars[loop_.var].begin;
    const Expr end = program_.vars[loop_.var].end;
    const std::size_t first = out.size();
    for (int trip = 0; trip < lags_; ++trip) {
      for (std::size_t p = 0; p < units_.size(); ++p) {
        if (units_[p].lag <= trip) emit(p, begin + trip - units_[p].lag, lags_, true, out);
      }
    }
    const bool repeats = program_.vars.range(end - begin).hi > lags_;
    if (repeats) steady_loop(begin, end, out);
    for (int trip = 0; trip < lags_; ++trip) {
      for (std::size_t p = 0; p < units_.size(); ++p) {
        const int lag = units_[p].lag;
        if (lag > trip) emit(p, end + trip - lag, lag - 1 - trip, true, out);
      }
    }
    if (repeats) return;
    for (std::size_t i = first; i < out.size(); ++i) out[i].part.reset();  // of no loop
  }

  void steady_loop(const Expr& begin, const Expr& end, Block& out) {
    Loop steady;
    steady.var = program_.vars.add(program_.vars[loop_.var].name, begin + lags_, end);
    steady.independent = loop_.independent;
    for (std::size_t p = 0; p < units_.size(); ++p) {
      emit(p, Expr::var(steady.var) - units_[p].lag, lags_, false, steady.body);
    }
    out.push_back({std::move(steady), "", origin_});
  }

  /// One unit at trip `index` of the loop as it was; `newest`: the most buffers newer than that
  /// trip's own that there can be.
  void emit(std::size_t position, const Expr& index, int newest, bool peeled, Block& out) {
    const Unit& unit = units_[position];
    for (std::size_t s = 0; s < unit.statements.size(); ++s) {
      Block block;
      block.push_back(copy_statement(program_, unit.statements[s], loop_.var, index));
      forget_marks(block);
      block[0].part = tile::TripPart{family_, unit.number + static_cast<int>(s), unit.lag, peeled};
      for_each_tile(
          block, [&](TileRef& tile) { tile.age += std::min(age(tile.tensor, position), newest); });
      if (peeled) mark_peeled(block);
      out.push_back(std::move(block[0]));
    }
  }

  static void mark_peeled(Block& block) {
    tile::for_each_statement(block, [](Statement& statement) {
      if (!statement.origin.rule.empty()) statement.origin.rule += peeled_suffix;
    });
  }

  void in_program_order(Block& out) {
    const VarInfo info = program_.vars[loop_.var];
    Loop plain;
    plain.var = program_.vars.add(info.name, info.begin, info.end);
    plain.independent = loop_.independent;
    for (const Statement& statement : loop_.body) {
      plain.body.push_back(copy_statement(program_, statement, loop_.var, Expr::var(plain.var)));
    }
    forget_marks(plain.body);
    out.push_back({std::move(plain), "", origin_});
  }

  Program& program_;
  Diagnostics& diagnostics_;
  Loop loop_;
  tile::Origin origin_;
  int family_;
  std::vector<Unit> units_;  // in the new order of one trip
  int lags_ = 0;             // the largest
  Block allocs_;
  std::vector<std::optional<std::size_t>> owners_;  // by statement of the body: its unit
  std::map<TensorId, Private> privates_;
  std::set<TensorId> copied_;  // filled by copies that depend on nothing in the loop
};

}  // namespace

Result<tile::Block> rotate_loop(tile::Program& program, tile::Loop loop, const tile::Origin& origin,
                                int family, Diagnostics& diagnostics) {
  return Rotation(program, diagnostics, std::move(loop), origin, family).run();
}

}  // namespace septran::passes
