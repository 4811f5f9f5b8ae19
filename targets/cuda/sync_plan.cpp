#include "targets/cuda/sync_plan.h"

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

/// Bytes that were touched since the last barrier.
struct Touched {
  bool in_shared = false;
  std::uint32_t tensor = 0;  // in GLOBAL
  std::int64_t begin = 0;    // in shared memory
  std::int64_t end = 0;
  bool writes = false;
  auto operator<=>(const Touched&) const = default;
};

bool conflict(const Touched& a, const Touched& b) {
  if (!a.writes && !b.writes) return false;
  if (a.in_shared != b.in_shared) return false;
  if (!a.in_shared) return a.tensor == b.tensor;
  return a.begin < b.end && b.begin < a.end;
}

class Finder {
 public:
  Finder(const Program& program, const Plan& plan, const StorePlan& stores, std::string only_engine)
      : program_(program), plan_(plan), stores_(stores), only_engine_(std::move(only_engine)) {}

  std::set<const Statement*> run(const KernelPlan& kernel) {
    for (std::size_t i = kernel.begin; i < kernel.end; ++i) visit(program_.body[i]);
    return std::move(found_);
  }

 private:
  using State = std::set<Touched>;

  void visit(const Block& block) {
    for (const Statement& statement : block) visit(statement);
  }

  void visit(const Statement& statement) {
    if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
      visit(loop->body);
      if (program_.vars[loop->var].is_value()) return;
      // What one trip leaves meets the next.
      const State first = state_;
      if (loop->independent) forget_shared_by_blocks();
      visit(loop->body);
      state_.insert(first.begin(), first.end());
      return;
    }
    if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
      const State before = state_;
      visit(branch->then);
      const State then = std::move(state_);
      state_ = before;
      visit(branch->otherwise);
      state_.insert(then.begin(), then.end());
      return;
    }
    if (std::holds_alternative<tile::Barrier>(statement.node)) {
      state_.clear();
      return;
    }
    const auto uses = tile::operands(statement);
    if (stores_.stores.contains(&statement)) return;
    if (uses.empty() || (!only_engine_.empty() && statement.engine != only_engine_)) return;
    State mine;
    for (const auto& use : uses) add(*use.tile, use.access, mine);
    const bool waits = std::any_of(mine.begin(), mine.end(), [&](const Touched& touched) {
      return std::any_of(state_.begin(), state_.end(),
                         [&](const Touched& other) { return conflict(touched, other); });
    });
    if (waits) {
      found_.insert(&statement);
      state_.clear();
    }
    state_.insert(mine.begin(), mine.end());
  }

  /// Trips of an independent loop touch different elements of what all blocks see.
  void forget_shared_by_blocks() {
    std::erase_if(state_, [&](const Touched& touched) {
      return !touched.in_shared && !plan_.own.contains(touched.tensor);
    });
  }

  void add(const tile::TileRef& tile, septran::Access access, State& mine) const {
    const TilePlace& place = plan_.places.at(tile.tensor.value);
    const tile::Tensor& tensor = program_[tile.tensor];
    if (place.kind == TilePlace::Kind::registers) return;
    Touched touched;
    touched.in_shared = place.in_shared();
    if (touched.in_shared) {
      touched.begin = place.offset_bytes;
      touched.end = place.offset_bytes + tensor.depth * tensor.slot_bytes;
    } else {
      touched.tensor = tile.tensor.value;
    }
    if (reads(access)) mine.insert(touched);
    touched.writes = true;
    if (writes(access)) mine.insert(touched);
  }

  const Program& program_;
  const Plan& plan_;
  const StorePlan& stores_;
  std::string only_engine_;
  State state_;
  std::set<const Statement*> found_;
};

}  // namespace

std::set<const Statement*> find_barriers(const Program& program, const Plan& plan,
                                         const KernelPlan& kernel, const StorePlan& stores,
                                         const std::string& only_engine) {
  return Finder(program, plan, stores, only_engine).run(kernel);
}

}  // namespace septran::cuda
