// The sequencer of a core: fetches in order, runs loops and integer arithmetic, feeds the engines.
#pragma once

#include <array>
#include <vector>

#include "simulator/engine.h"

namespace septran::simulator {

/// It runs ahead of the simulation's time as long as no queue is full: nothing that happens
/// meanwhile could change what it does.
class Sequencer : public sc_core::sc_module, public Wakeable {
 public:
  Sequencer(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
            const std::array<Engine*, dsa::engine_count>& engines);

  [[nodiscard]] bool is_halted() const { return halted_; }
  /// The engine whose queue has no room for the instruction at hand; null if none holds it up.
  [[nodiscard]] const Engine* full_engine() const { return pending_ ? target_ : nullptr; }
  [[nodiscard]] std::uint32_t position() const { return pc_; }
  EngineReport finish(Cycle until) { return timeline_.finish(until, basename(), executed_); }

 private:
  struct ActiveLoop {
    std::uint32_t first = 0;
    std::uint32_t end = 0;  // the instruction after the body
    dsa::Register reg = 0;
    std::int64_t limit = 0;
    std::int64_t step = 1;
  };
  void step();
  /// Executes the instruction at pc_; false if the process has to sleep first.
  bool execute(Cycle now);
  /// Puts pending_ into its engine's queue; false if that is full.
  bool deliver(Cycle now);
  bool run(const dsa::Halt&);
  bool run(const dsa::Loop& loop);
  bool run(const dsa::Skip& skip);
  bool run(const dsa::Scalar& scalar);
  bool run(const dsa::Sync& sync);
  bool run(const dsa::DmaCopy& copy);
  bool run(const dsa::Mma& mma);
  bool run(const dsa::Vec& vec);
  bool issue(dsa::EngineId engine, Command command, const Fault& fault);
  void spend(Cycle count);
  void close_loops();
  void note_use(const ResolvedTile& tile);
  /// Whether a loop that runs counts in the register.
  [[nodiscard]] bool counts_loop(dsa::Register reg) const;
  [[nodiscard]] std::int64_t value(const dsa::Source& source) const;

  Shared& shared_;
  CoreState& core_;
  std::array<Engine*, dsa::engine_count> engines_;
  const SequencerSpec& spec_;
  Timeline timeline_;
  std::vector<std::int64_t> registers_;
  std::vector<ActiveLoop> loops_;
  std::uint32_t pc_ = 0;
  Cycle time_ = 0;  // its own
  std::optional<Command> pending_;
  Engine* target_ = nullptr;
  Fault fault_;
  bool halted_ = false;
  std::int64_t executed_ = 0;
};

}  // namespace septran::simulator
