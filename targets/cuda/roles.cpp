#include "targets/cuda/roles.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "compiler/tile/visit.h"
#include "targets/cuda/bulk_copies.h"

namespace septran::cuda {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

class RolePlanner {
 public:
  RolePlanner(const Program& program, const Plan& plan, const KernelPlan& kernel, std::string& why)
      : program_(program), plan_(plan), kernel_(kernel), why_(why) {}

  std::optional<Roles> run() {
    for (std::size_t i = kernel_.begin; i < kernel_.end && why_.empty(); ++i) {
      look(program_.body[i]);
    }
    if (!why_.empty() || !any_copy_) return std::nullopt;
    roles_.cluster = plan_cluster(program_, plan_, kernel_, roles_.alone);
    collect_events(program_.body, kernel_.begin, kernel_.end);
    if (why_.empty()) tell_copies();
    if (!why_.empty()) return std::nullopt;
    for (EventPlan& plan : roles_.events) {
      plan.offset_bytes = roles_.barrier_bytes;
      roles_.barrier_bytes += 8 * plan.count;
    }
    return roles_;
  }

 private:
  void look(const Statement& statement) {
    if (std::holds_alternative<tile::Barrier>(statement.node)) why_ = "blocks wait for each other";
    if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
      for (const Block* block : {&branch->then, &branch->otherwise}) {
        tile::for_each_statement(*block, [&](const Statement& s) {
          if (s.engine == copying_engine) why_ = "a copy stands under a condition";
        });
      }
    }
    if (statement.engine == copying_engine && !tile::operands(statement).empty()) {
      const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
      any_copy_ = true;
      if (copy == nullptr) {
        why_ = "the copying engine does more than copy";
      } else {
        bulk_copy(program_, plan_, *copy, why_);
      }
    }
    for (const Block* inner : tile::child_blocks(statement)) {
      for (const Statement& child : *inner) {
        if (why_.empty()) look(child);
      }
    }
  }

  EventPlan& plan_of(tile::EventId id) {
    for (EventPlan& plan : roles_.events) {
      if (plan.event == id) return plan;
    }
    const tile::Event& event = program_.events.at(id.value);
    EventPlan& plan = roles_.events.emplace_back();
    plan.event = id;
    plan.to_consumers = event.signaller == copying_engine;
    plan.arrivals = plan.to_consumers ? 1 : kernel_.warpgroups * 4;
    // What several blocks get at once must be free in all of them.
    if (!plan.to_consumers && roles_.cluster.blocks > 1) {
      plan.arrivals *= std::popcount(roles_.cluster.partners[0]);
    }
    plan.count = std::max(1, event.credits);
    if (!plan.to_consumers && event.credits == 0) {
      why_ = "a copy waits for what no ring bounds";
    }
    if (plan.to_consumers && event.credits != 0) why_ = "a copy's event starts with credits";
    return plan;
  }

  /// Signals of copies are as far ahead of their waits as the rings that they fill are deep, if
  /// each tells of a new generation.
  void collect_events(const Block& block, std::size_t begin, std::size_t end) {
    int depth = 0;  // of the rings filled in this block
    for (std::size_t i = begin; i < end; ++i) {
      const Statement& statement = block[i];
      const auto* copy = std::get_if<tile::DmaCopy>(&statement.node);
      if (copy != nullptr && statement.engine == copying_engine) {
        const bool fresh = std::any_of(block.begin(), block.end(), [&](const Statement& other) {
          const auto* alloc = std::get_if<tile::Alloc>(&other.node);
          return alloc != nullptr && alloc->tensor == copy->dst.tensor;
        });
        if (!fresh) why_ = "a buffer is filled in several places";
        depth = std::max(depth, program_[copy->dst.tensor].depth);
      }
      if (const auto* sync = std::get_if<tile::Sync>(&statement.node)) {
        for (const tile::EventId id : sync->events) {
          EventPlan& plan = plan_of(id);
          const bool signals = sync->kind == tile::SyncKind::signal;
          if (!plan.to_consumers || !signals || statement.engine != copying_engine) continue;
          if (depth == 0) why_ = "copies are told of where none is made";
          plan.count = std::max(plan.count, depth);
        }
      }
      for (const Block* inner : tile::child_blocks(statement)) {
        collect_events(*inner, 0, inner->size());
      }
    }
  }

  /// Each copy completes on the barrier of the event that is signalled next. The threads that read
  /// the copy must have waited for just that one.
  void tell_copies() {
    std::vector<const Statement*> order;
    for_each_statement(program_, kernel_, [&](const Statement& s) { order.push_back(&s); });
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto* copy = std::get_if<tile::DmaCopy>(&order[i]->node);
      if (copy == nullptr || order[i]->engine != copying_engine) continue;
      const auto event = next_signal(order, i);
      if (!event) {
        why_ = "a copy is told of by no event";
        return;
      }
      roles_.told_by[order[i]] = *event;
      if (!is_waited_for(order, i, copy->dst.tensor, *event)) {
        why_ = fmt::format("{} is waited for by another copy's event",
                           program_[copy->dst.tensor].name);
      }
    }
  }

  static std::optional<tile::EventId> next_signal(const std::vector<const Statement*>& order,
                                                  std::size_t from) {
    for (std::size_t i = from; i < order.size(); ++i) {
      const auto* sync = std::get_if<tile::Sync>(&order[i]->node);
      if (sync == nullptr || order[i]->engine != copying_engine) continue;
      if (sync->kind == tile::SyncKind::signal) return sync->events[0];
    }
    return std::nullopt;
  }

  static bool is_waited_for(const std::vector<const Statement*>& order, std::size_t from,
                            tile::TensorId tensor, tile::EventId event) {
    for (std::size_t i = from + 1; i < order.size(); ++i) {
      const auto* sync = std::get_if<tile::Sync>(&order[i]->node);
      if (sync != nullptr && order[i]->engine != copying_engine &&
          std::find(sync->events.begin(), sync->events.end(), event) != sync->events.end() &&
          sync->kind == tile::SyncKind::wait) {
        return true;
      }
      if (order[i]->engine == copying_engine) continue;
      for (const auto& use : tile::operands(*order[i])) {
        if (use.tile->tensor == tensor) return false;
      }
    }
    return true;
  }

  const Program& program_;
  const Plan& plan_;
  const KernelPlan& kernel_;
  std::string& why_;
  bool any_copy_ = false;
  Roles roles_;
};

}  // namespace

std::optional<Roles> plan_roles(const Program& program, const Machine& machine, const Plan& plan,
                                const KernelPlan& kernel, std::string& why) {
  why.clear();
  if (!machine.cuda.bulk_copies) {
    why = "this GPU has no copy engine for boxes of tensors";
    return std::nullopt;
  }
  return RolePlanner(program, plan, kernel, why).run();
}

/// Together no more than all threads have at the launch: what one role takes, the other must give.
RoleRegisters role_registers(const KernelPlan& kernel) {
  if (kernel.options.consumer_registers > 0 && kernel.options.producer_registers > 0) {
    return {kernel.options.producer_registers, kernel.options.consumer_registers};
  }
  switch (kernel.teams * kernel.warpgroups) {
    case 2:
      return {40, 232};
    case 3:
      return {32, 160};
    case 4:
      return {24, 112};
    default:
      return {};
  }
}

}  // namespace septran::cuda
