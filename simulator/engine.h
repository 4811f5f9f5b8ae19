// What all engines of a core have in common: a bounded in-order queue, sync, the account of states.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "simulator/shared.h"
#include "simulator/timeline.h"

namespace septran::simulator {

/// An instruction in an engine's queue, its operands resolved.
struct Command {
  std::uint32_t instruction = 0;
  Cycle ready = 0;  // when the sequencer has delivered it
  std::variant<dsa::Sync, DmaWork, MmaWork, VecWork> work;
  std::int64_t sequence = 0;  // in its core's program order, from 1
};

/// An SC_METHOD that takes commands from its queue in order. A process activation handles all that
/// can be done at its time, then sleeps to a known time or until it is woken.
class Engine : public sc_core::sc_module, public Wakeable {
 public:
  Engine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core, dsa::EngineId id,
         int queue_depth);
  ~Engine() override = default;

  [[nodiscard]] bool has_room() const { return queue_.size() < queue_depth_; }
  void push(Command command);
  void set_feeder(Wakeable& feeder) { feeder_ = &feeder; }
  [[nodiscard]] virtual bool is_done() const { return queue_.empty(); }
  /// The sync that the head of the queue is, for the report of a deadlock; null for an empty queue.
  [[nodiscard]] const dsa::Sync* blocking_sync() const;
  /// The instruction at the queue's head, which is not empty.
  [[nodiscard]] std::uint32_t head_instruction() const { return queue_.front().instruction; }
  /// How often it has come to a barrier, and how often a barrier has let it go.
  [[nodiscard]] std::size_t arrivals(std::uint32_t barrier) const;
  [[nodiscard]] std::size_t awaits(std::uint32_t barrier) const;
  [[nodiscard]] dsa::EngineId id() const { return id_; }
  EngineReport finish(Cycle until) { return timeline_.finish(until, basename(), operations_); }

 protected:
  /// What to do next: go on at once, at a later time, or when woken.
  struct Next {
    enum class Kind { again, at, woken } kind = Kind::again;
    Cycle time = 0;
  };
  static Next again() { return {Next::Kind::again, 0}; }
  static Next sleep_until(Cycle time) { return {Next::Kind::at, time}; }
  static Next until_woken() { return {Next::Kind::woken, 0}; }

  /// Starts the operation at the queue's head, which could start at `eligible` <= now as far as the
  /// queue is concerned, and takes it from the queue; or says when to try again.
  virtual Next start(Command& head, Cycle eligible, Cycle now) = 0;
  /// Goes on with a started operation; only called while is_active().
  virtual Next proceed(Cycle) { return again(); }
  [[nodiscard]] virtual bool is_active() const { return false; }

  /// Operations that have begun and are not recorded yet.
  [[nodiscard]] virtual std::size_t under_way() const { return 0; }
  /// A signal or arrival that the front end passed at `pass`: fires when all earlier operations
  /// have finished. `generation`: of an arrival.
  virtual void fire(const dsa::Sync& sync, std::size_t generation, Cycle pass);

  /// Sums up all cycles before, of which everything has been told to the timeline.
  virtual void settle(Cycle now) { timeline_.settle(now); }

  void pop();
  void complete(Cycle at);
  /// For a recording: an operation occupied the engine; one used a tile in an on-chip memory.
  void record_slice(std::uint32_t instruction, Cycle begin, Cycle end, std::int64_t amount);
  enum class Use { read, write, update };
  void record_use(Use use, const ResolvedTile& tile, Cycle begin, Cycle end);
  /// Head of the queue held up; counted for its instruction as well.
  void stall(std::uint32_t instruction, Cycle begin, Cycle end, const char* cause);
  /// Tells the hazard detector, if there is one, about the operation that starts.
  template <typename Work>
  void observe(const Command& head, const Work& work) {
    if (shared_.hazards) shared_.hazards->operation(hazard_step(head), work);
  }
  InstructionCost& cost(std::uint32_t instruction) {
    return shared_.counters.instructions[instruction];
  }

  Shared& shared_;
  CoreState& core_;
  Timeline timeline_;
  Cycle front_ = 0;            // from when on the queue's head may be looked at
  Cycle last_completion_ = 0;  // of all operations so far
  std::int64_t operations_ = 0;

 private:
  void step();
  Next advance(Cycle now);
  Next sync(const Command& head, Cycle eligible, Cycle now);
  Next wait_event(const dsa::Sync& sync, const Command& head, Cycle eligible, Cycle now);
  Next await_barrier(const dsa::Sync& sync, const Command& head, Cycle eligible, Cycle now);
  void pass_sync(const Command& head, Cycle eligible, Cycle now, const char* cause);
  [[nodiscard]] Step hazard_step(const Command& head) const {
    return {core_.index, id_, head.instruction, head.sequence};
  }

  void record_event(std::uint32_t event, bool is_wait, Cycle at);

  dsa::EngineId id_;
  EngineRecord* record_ = nullptr;  // if the run is recorded
  std::deque<Command> queue_;
  std::size_t queue_depth_;
  Wakeable* feeder_ = nullptr;
  std::map<std::uint32_t, std::size_t> arrivals_;  // by barrier
  std::map<std::uint32_t, std::size_t> awaits_;
};

/// Cycles that one port of a memory is taken to move all elements of the tile once, `width_bytes`
/// each: its words, spread over as many banks as its strides reach.
Cycle port_cycles(const Ports& ports, const ResolvedTile& tile);

/// Accesses of one operation to on-chip memories: reserves the ports and finds how far the
/// operation has to be put off so that all of them are done when it ends.
class PortPlan {
 public:
  PortPlan(CoreState& core, Counters& counters, Cycle now)
      : core_(core), counters_(counters), now_(now) {}
  /// `times` passes over the tile from `earliest` on, to be done by `deadline`.
  void access(const ResolvedTile& tile, std::int64_t times, Cycle earliest, Cycle deadline);
  [[nodiscard]] Cycle delay() const { return delay_; }
  [[nodiscard]] const char* cause() const { return cause_; }

 private:
  CoreState& core_;
  Counters& counters_;
  Cycle now_;
  Cycle delay_ = 0;
  const char* cause_ = "port_shared";
};

}  // namespace septran::simulator
