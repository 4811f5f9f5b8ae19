// One core: a sequencer and its four engines.
#pragma once

#include "simulator/dma_engine.h"
#include "simulator/mma_engine.h"
#include "simulator/sequencer.h"
#include "simulator/vector_engine.h"

namespace septran::simulator {

class Core : public sc_core::sc_module {
 public:
  Core(const sc_core::sc_module_name& name, int index, Shared& shared, Interconnect& interconnect);

  [[nodiscard]] bool is_done() const;
  /// An event that was signalled beyond what its counter holds, if any, by the end of the run.
  [[nodiscard]] std::optional<std::size_t> overflown_event() const;
  CoreReport finish(Cycle until);
  [[nodiscard]] const CoreState& state() const { return state_; }
  [[nodiscard]] const Sequencer& sequencer() const { return sequencer_; }
  /// By EngineId.
  [[nodiscard]] std::array<const Engine*, dsa::engine_count> engines() const {
    return {&load_, &store_, mma_.get(), &vector_};
  }

 private:
  Shared& shared_;
  CoreState state_;
  DmaEngine load_;
  DmaEngine store_;
  std::unique_ptr<MmaEngine> mma_;
  VectorEngine vector_;
  Sequencer sequencer_;
};

/// Who waits for what when nothing moves any more.
Deadlock make_deadlock(const Shared& shared, const std::vector<Core*>& cores);

/// The report of a run that has ended.
SimulationReport make_report(Shared& shared, const std::vector<Core*>& cores,
                             const DramReport& dram, const SimulationOptions& options);

}  // namespace septran::simulator
