// A dma engine: a TLM-2.0 initiator that cuts descriptors into bursts, several outstanding.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include "simulator/engine.h"
#include "simulator/interconnect.h"

namespace septran::simulator {

/// Bursts are timed in runs of as many as the arbiter grants: a process activation, a transaction
/// and a reservation of each shared resource a run. Initiators share what they contend for run by
/// run, in the order in which these begin.
class DmaEngine : public Engine {
 public:
  DmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core, dsa::EngineId id,
            int queue_depth, const DmaTiming& timing, Arbiter& arbiter);
  ~DmaEngine() override;

  tlm_utils::simple_initiator_socket<DmaEngine> socket;
  [[nodiscard]] bool is_done() const override { return Engine::is_done() && !active_; }

 protected:
  Next start(Command& head, Cycle eligible, Cycle now) override;
  Next proceed(Cycle now) override;
  [[nodiscard]] bool is_active() const override { return active_; }

 private:
  struct Access {
    ResolvedTile dst;
    ResolvedTile src;
    Cycle done;
  };
  Cycle conflict_free(const DmaWork& work) const;
  void begin_bursts(const ResolvedTile& tile);
  /// Fills in the bursts of the next run.
  void collect_run(Cycle now);
  /// Times a run of bursts.
  void next_run(Cycle now);
  void transfer(bool write);
  /// The on-chip side of a run: delays it until a port is free; returns the delay.
  Tick occupy_ports(Cycle now, Tick begin, Tick end);
  void copy_on_chip(Cycle now);
  void zero_fill(Cycle now);
  void retire(Cycle now);
  /// Elements of one side of the copy: as its bursts were walked, or by its own walk on-chip.
  [[nodiscard]] ElementCount count_side(const ResolvedTile& tile) const;
  void count_traffic();
  /// Tells recordings about the finished operation.
  void record(Cycle done);
  void move(Tick begin, Tick end);
  /// Data of the operation moves.
  void busy(Cycle begin, Cycle end);

  const DmaTiming& timing_;
  Arbiter& arbiter_;
  std::size_t run_limit_;  // bursts of a run
  Cycle asked_ = -1;       // the arbiter, since; -1: not
  Tick pace_;
  bool active_ = false;
  Cycle started_ = 0;
  std::uint32_t instruction_ = 0;
  DmaWork work_;
  bool reading_ = false;  // the DRAM side that is being walked is the source
  bool walking_ = false;
  BurstSource source_;
  std::optional<Burst> lookahead_;
  std::vector<Tick> slots_;  // when each outstanding slot falls free
  std::size_t slot_ = 0;
  BurstRun run_;
  tlm::tlm_generic_payload payload_;
  Tick data_end_ = 0;      // of the data of this operation
  Cycle moves_from_ = -1;  // while data of it moved so far; -1: none has
  Cycle moves_to_ = -1;
  /// What moved on the DRAM side that was read (written).
  struct Moved {
    std::int64_t useful_bytes = 0;
    std::int64_t bus_bytes = 0;
    ElementCount elements;
  };
  Moved read_;
  Moved written_;
  std::vector<Access> in_flight_;
};

}  // namespace septran::simulator
