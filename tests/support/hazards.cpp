#include "tests/support/hazards.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/tile/known_view.h"
#include "compiler/tile/text_words.h"
#include "compiler/tile/visit.h"

namespace septran::tile {
namespace {

/// For each engine, how many of its operations are surely finished.
using Clock = std::vector<std::int64_t>;

struct TileAccess {
  std::size_t engine = 0;
  std::int64_t time = 0;  // the engine's count with this operation
  bool writes = false;
  TensorId tensor;
  std::int64_t slot = 0;
  std::vector<Range> box;  // coordinates along each axis
  bool placed = false;
  Range bytes;  // in its memory, if placed
  const Statement* statement = nullptr;
};

bool overlap(const Range& a, const Range& b) { return a.lo <= b.hi && b.lo <= a.hi; }

bool touch(const TileAccess& a, const TileAccess& b) {
  if (a.tensor == b.tensor && a.slot == b.slot) {
    for (std::size_t axis = 0; axis < a.box.size(); ++axis) {
      if (!overlap(a.box[axis], b.box[axis])) return false;
    }
    return true;
  }
  return a.placed && b.placed && overlap(a.bytes, b.bytes);
}

class HazardFinder {
 public:
  HazardFinder(const Program& program, const HazardLimits& limits)
      : program_(program),
        limits_(limits),
        values_(program.vars.size()),
        value_([this](VarId id) { return values_.at(id.value); }),
        positions_(program.tensors.size(), -1),
        signals_(program.events.size()),
        waits_(program.events.size()) {
    for_each_statement(program.body, [&](const Statement& statement) {
      add_engine(statement.engine);
      if (const Barrier* barrier = std::get_if<Barrier>(&statement.node)) {
        for (const std::string& engine : barrier->arrive) add_engine(engine);
        for (const std::string& engine : barrier->wait) add_engine(engine);
      }
    });
    clocks_.assign(engines_.size(), Clock(engines_.size()));
    for (std::size_t e = 0; e < program.events.size(); ++e) {
      const int credits = std::max(program.events[e].credits, 0);
      signals_[e].assign(static_cast<std::size_t>(credits), Clock(engines_.size()));
    }
  }

  std::vector<Hazard> run() {
    execute(program_.body);
    return std::move(hazards_);
  }

 private:
  void add_engine(const std::string& name) { engines_.emplace(name, engines_.size()); }

  [[nodiscard]] bool done() const {
    return operations_ > limits_.max_operations || hazards_.size() >= limits_.max_hazards;
  }

  void execute(const Block& block) {
    for (const Statement& statement : block) {
      if (done()) return;
      std::visit([&](const auto& node) { run(node, statement); }, statement.node);
    }
  }

  void run(const Alloc& alloc, const Statement&) { ++positions_.at(alloc.tensor.value); }
  void run(const Loop& loop, const Statement&) {
    over(loop.var, [&] { execute(loop.body); });
  }
  void run(const Parallel& parallel, const Statement&) { nest(parallel, 0); }
  void nest(const Parallel& parallel, std::size_t level) {
    if (level == parallel.vars.size()) return execute(parallel.body);
    over(parallel.vars[level], [&] { nest(parallel, level + 1); });
  }
  template <typename F>
  void over(VarId var, F&& body) {
    const std::int64_t begin = program_.vars[var].begin.evaluate(value_);
    std::int64_t end = program_.vars[var].end.evaluate(value_);
    if (limits_.max_trips > 0) end = std::min(end, begin + limits_.max_trips);
    for (std::int64_t v = begin; v < end && !done(); ++v) {
      values_[var.value] = v;
      ++operations_;
      body();
    }
  }
  void run(const If& branch, const Statement&) {
    execute(branch.condition.evaluate(value_) ? branch.then : branch.otherwise);
  }
  void run(const Scope& scope, const Statement&) { execute(scope.body); }

  void run(const Sync& sync, const Statement& statement) {
    Clock& clock = clocks_[engines_.at(statement.engine)];
    for (const EventId id : sync.events) {
      std::vector<Clock>& signals = signals_.at(id.value);
      if (sync.kind == SyncKind::signal) {
        signals.push_back(clock);
      } else if (waits_[id.value] < signals.size()) {
        join(clock, signals[waits_[id.value]]);
        signals[waits_[id.value]++].clear();  // taken; keeps its number
      } else {
        report({Hazard::Kind::deadlock,
                fmt::format("engine '{}' waits for %{}, which has no signal before it",
                            statement.engine, program_.events[id.value].name),
                statement.origin,
                {}},
               &statement, &statement);
      }
    }
  }
  void run(const Barrier& barrier, const Statement&) {
    Clock all(engines_.size());
    for (const std::string& engine : barrier.arrive) join(all, clocks_[engines_.at(engine)]);
    for (const std::string& engine : barrier.wait) join(clocks_[engines_.at(engine)], all);
  }
  static void join(Clock& clock, const Clock& other) {
    for (std::size_t e = 0; e < clock.size(); ++e) clock[e] = std::max(clock[e], other[e]);
  }

  void run(const Vec& vec, const Statement& statement) {
    if (!vec.guard || vec.guard->evaluate(value_)) operation(statement);
  }
  void run(const Prim&, const Statement& statement) { operation(statement); }
  void run(const DmaCopy&, const Statement& statement) { operation(statement); }
  void run(const Mma&, const Statement& statement) { operation(statement); }

  void operation(const Statement& statement) {
    ++operations_;
    const std::size_t engine = engines_.at(statement.engine);
    const std::int64_t time = ++clocks_[engine][engine];
    for (const auto& use : operands(statement)) {
      if (use.access == Access::none) continue;
      TileAccess access;
      if (!locate(*use.tile, access)) continue;
      access.engine = engine;
      access.time = time;
      access.writes = writes(use.access);
      access.statement = &statement;
      meet(std::move(access));
    }
  }

  /// Where a tile lies; false if it has no elements.
  bool locate(const TileRef& tile, TileAccess& access) const {
    const Tensor& tensor = program_[tile.tensor];
    auto box = reach(evaluate(tile.view, value_));
    if (!box) return false;
    for (std::size_t axis = 0; axis < box->size(); ++axis) {
      const std::int64_t extent = tensor.shape[axis].evaluate(value_);
      Range& range = (*box)[axis];
      range = {std::max<std::int64_t>(range.lo, 0), std::min(range.hi, extent - 1)};
      if (range.lo > range.hi) return false;  // all outside: reads zeros only
    }
    access.tensor = tile.tensor;
    const std::int64_t generation = positions_[tile.tensor.value] - tile.age;
    access.slot = std::max<std::int64_t>(generation, 0) % std::max(tensor.depth, 1);
    access.box = std::move(*box);
    access.placed = tensor.offset_bytes.has_value() && tensor.kind != TensorKind::argument;
    if (!access.placed) return true;
    const std::int64_t start = *tensor.offset_bytes + access.slot * tensor.slot_bytes;
    access.bytes = {start, start + tensor.slot_bytes - 1};
    if (tensor.strides_bytes.size() == access.box.size()) {
      access.bytes = {start, start + static_cast<std::int64_t>(size_bytes(tensor.storage)) - 1};
      for (std::size_t axis = 0; axis < access.box.size(); ++axis) {
        access.bytes.lo += access.box[axis].lo * tensor.strides_bytes[axis];
        access.bytes.hi += access.box[axis].hi * tensor.strides_bytes[axis];
      }
    }
    return true;
  }

  /// Compares an access with the earlier ones in its memory, and keeps it for the later ones.
  void meet(TileAccess access) {
    const Tensor& tensor = program_[access.tensor];
    const std::string space =
        access.placed ? tensor.memory : fmt::format("%{}", access.tensor.value);
    std::vector<TileAccess>& earlier = spaces_[space];
    const Clock& clock = clocks_[access.engine];
    for (const TileAccess& other : earlier) {
      if (other.engine == access.engine || clock[other.engine] >= other.time) continue;
      if ((!other.writes && !access.writes) || !touch(other, access)) continue;
      race(other, access);
    }
    // What is ordered before all engines can meet nothing any more, nor what this access stands
    // for.
    std::erase_if(earlier, [&](const TileAccess& other) {
      const bool covered = other.engine == access.engine && other.tensor == access.tensor &&
                           other.slot == access.slot && other.box == access.box &&
                           (access.writes || !other.writes);
      return covered || std::all_of(clocks_.begin(), clocks_.end(),
                                    [&](const Clock& c) { return c[other.engine] >= other.time; });
    });
    earlier.push_back(std::move(access));
  }

  void race(const TileAccess& first, const TileAccess& second) {
    const auto side = [&](const TileAccess& access) {
      return fmt::format("engine '{}' {} %{}", access.statement->engine,
                         access.writes ? "writes" : "reads", program_[access.tensor].name);
    };
    report({Hazard::Kind::race,
            side(first) + " and " + side(second) + " in no order" +
                (first.placed ? " in " + program_[first.tensor].memory : ""),
            first.statement->origin, second.statement->origin},
           first.statement, second.statement);
  }
  void report(Hazard hazard, const Statement* first, const Statement* second) {
    if (hazards_.size() >= limits_.max_hazards || !seen_.emplace(first, second).second) return;
    hazards_.push_back(std::move(hazard));
  }

  const Program& program_;
  const HazardLimits& limits_;
  std::map<std::string, std::size_t> engines_;
  std::vector<Clock> clocks_;  // by engine
  std::vector<std::int64_t> values_;
  std::function<std::int64_t(VarId)> value_;
  std::vector<std::int64_t> positions_;      // generation of each tensor; -1 before the first alloc
  std::vector<std::vector<Clock>> signals_;  // by event, in order
  std::vector<std::size_t> waits_;
  std::map<std::string, std::vector<TileAccess>> spaces_;
  std::set<std::pair<const Statement*, const Statement*>> seen_;
  std::vector<Hazard> hazards_;
  std::int64_t operations_ = 0;
};

}  // namespace

std::vector<Hazard> find_hazards(const Program& program, const HazardLimits& limits) {
  return HazardFinder(program, limits).run();
}

}  // namespace septran::tile
