// Who waits for what, and why it does not come.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/count.h"
#include "simulator/core.h"
#include "targets/dsa/assembly.h"

namespace septran::simulator {
namespace {

std::string plural(std::int64_t count, const char* what) {
  return fmt::format("{} {}", count, noun_for(count, what));
}

class DeadlockReport {
 public:
  DeadlockReport(const Shared& shared, const std::vector<Core*>& cores)
      : shared_(shared), cores_(cores) {}

  Deadlock make() {
    Deadlock deadlock{shared_.last_completion, {}};
    for (const Core* core : cores_) {
      if (const Engine* full = core->sequencer().full_engine()) {
        Deadlock::Waiter waiter = waiter_at(*core, core->sequencer().position());
        waiter.engine = core->sequencer().basename();
        waiter.waits_for = awaited_by_sequencer(*core);
        waiter.helpers.push_back(helper(*core, *full, {}));
        deadlock.waiters.push_back(std::move(waiter));
      }
      for (const Engine* engine : core->engines()) {
        if (engine->blocking_sync() == nullptr) continue;
        deadlock.waiters.push_back(waiter(*core, *engine));
      }
    }
    return deadlock;
  }

 private:
  Deadlock::Waiter waiter_at(const Core& core, std::uint32_t instruction) const {
    Deadlock::Waiter waiter;
    waiter.core = core.state().index;
    waiter.instruction = instruction;
    waiter.text = dsa::to_text(shared_.program.code[instruction].node);
    waiter.origin = shared_.origin(instruction);
    return waiter;
  }

  Deadlock::Waiter waiter(const Core& core, const Engine& engine) const {
    Deadlock::Waiter waiter = waiter_at(core, engine.head_instruction());
    const dsa::Sync& sync = *engine.blocking_sync();
    waiter.engine = engine.basename();
    waiter.waits_for = awaited(sync);
    if (sync.op == dsa::SyncOp::await) {
      add_barrier(waiter, engine, sync.event);
    } else {
      add_event(waiter, core, sync.event);
    }
    return waiter;
  }

  void add_event(Deadlock::Waiter& waiter, const Core& core, std::uint32_t event) const {
    const EventCounter& counter = core.state().events[event];
    const std::int64_t credits = shared_.program.events[event].credits;
    waiter.count = fmt::format("{} so far after {}, {} passed", plural(counter.signals, "signal"),
                               plural(credits, "credit"), plural(counter.waits, "wait"));
    for (const Engine* engine : core.engines()) {
      auto signals = syncs(dsa::SyncOp::signal, engine->id(), event);
      if (signals.empty()) continue;
      waiter.helpers.push_back(helper(core, *engine, std::move(signals)));
    }
    if (waiter.helpers.empty()) waiter.count += "; no instruction signals it";
  }

  /// Those who have not come as often as this engine awaits.
  void add_barrier(Deadlock::Waiter& waiter, const Engine& awaiting, std::uint32_t barrier) const {
    const std::size_t generation = awaiting.awaits(barrier);
    std::int64_t arrived = 0;
    for (const Core* core : cores_) {
      for (const Engine* engine : core->engines()) {
        if (engine->arrivals(barrier) > generation) {
          ++arrived;
          continue;
        }
        auto arrivals = syncs(dsa::SyncOp::arrive, engine->id(), barrier);
        if (arrivals.empty()) continue;
        waiter.helpers.push_back(helper(*core, *engine, std::move(arrivals)));
      }
    }
    const auto expected =
        static_cast<std::int64_t>(shared_.program.barriers[barrier].arrivals) * shared_.core_count;
    waiter.count =
        fmt::format("{} of {} in round {}", arrived, plural(expected, "arrival"), generation + 1);
    if (waiter.helpers.empty()) waiter.count += "; no other engine arrives at it";
  }

  [[nodiscard]] std::vector<std::uint32_t> syncs(dsa::SyncOp op, dsa::EngineId engine,
                                                 std::uint32_t event) const {
    std::vector<std::uint32_t> found;
    for (std::size_t i = 0; i < shared_.program.code.size(); ++i) {
      const auto* sync = std::get_if<dsa::Sync>(&shared_.program.code[i].node);
      if (sync == nullptr || sync->op != op || sync->engine != engine || sync->event != event) {
        continue;
      }
      found.push_back(static_cast<std::uint32_t>(i));
    }
    return found;
  }

  [[nodiscard]] Deadlock::Helper helper(const Core& core, const Engine& engine,
                                        std::vector<std::uint32_t> instructions) const {
    return {core.state().index, engine.basename(), std::move(instructions), stands(core, engine)};
  }

  [[nodiscard]] std::string stands(const Core& core, const Engine& engine) const {
    if (const dsa::Sync* sync = engine.blocking_sync()) {
      return fmt::format("waits for {} at instruction {}", awaited(*sync),
                         engine.head_instruction());
    }
    if (core.sequencer().is_halted()) return "has done all its instructions";
    return fmt::format("gets no more instructions: the sequencer waits for {} at instruction {}",
                       awaited_by_sequencer(core), core.sequencer().position());
  }

  [[nodiscard]] std::string awaited(const dsa::Sync& sync) const {
    if (sync.op == dsa::SyncOp::await) return fmt::format("barrier {}", sync.event);
    return "event " + shared_.program.events[sync.event].name;
  }
  static std::string awaited_by_sequencer(const Core& core) {
    return fmt::format("room in the queue of {}", core.sequencer().full_engine()->basename());
  }

  const Shared& shared_;
  const std::vector<Core*>& cores_;
};

}  // namespace

Deadlock make_deadlock(const Shared& shared, const std::vector<Core*>& cores) {
  return DeadlockReport(shared, cores).make();
}

}  // namespace septran::simulator
