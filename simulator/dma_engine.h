// A dma engine: a TLM-2.0 initiator that cuts descriptors into bursts, several outstanding.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <memory>

#include "simulator/engine.h"
#include "simulator/interconnect.h"

namespace septran::simulator {

/// Transactions, which are used again.
class RunPool : public tlm::tlm_mm_interface {
 public:
  RunPool() = default;
  RunPool(const RunPool&) = delete;
  RunPool& operator=(const RunPool&) = delete;
  ~RunPool() override;
  struct Transaction : tlm::tlm_generic_payload {
    BurstRun run;
  };
  /// One without items, that the caller has acquired.
  Transaction& take();
  void free(tlm::tlm_generic_payload* payload) override {
    free_.push_back(static_cast<Transaction*>(payload));
  }

 private:
  std::vector<std::unique_ptr<Transaction>> all_;
  std::vector<Transaction*> free_;
};

/// Bursts are sent in runs of as many as the arbiter grants and slots are known to fall free: a
/// process activation and a transaction a run. When bursts are back, memory tells; descriptors of
/// which that is not known of all bursts are under way, and the engine goes on with later ones.
class DmaEngine : public Engine {
 public:
  DmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core, dsa::EngineId id,
            int queue_depth, const DmaTiming& timing, Arbiter& arbiter);

  tlm_utils::simple_initiator_socket<DmaEngine> socket;
  [[nodiscard]] bool is_done() const override { return Engine::is_done() && under_way_.empty(); }

 protected:
  Next start(Command& head, Cycle eligible, Cycle now) override;
  Next proceed(Cycle now) override;
  [[nodiscard]] bool is_active() const override { return active_; }
  void fire(const dsa::Sync& sync, std::size_t generation, Cycle pass) override;
  void settle(Cycle now) override;
  [[nodiscard]] std::size_t under_way() const override { return under_way_.size(); }

 private:
  /// What moved on the DRAM side that was read (written).
  struct Moved {
    std::int64_t useful_bytes = 0;
    std::int64_t bus_bytes = 0;
    ElementCount elements;
  };
  /// A descriptor that is not done, or of which it is not known when it will be.
  struct Operation {
    std::uint32_t instruction = 0;
    Cycle started = 0;
    DmaWork work;
    bool reading = false;   // the DRAM side that is being walked is the source
    std::int64_t open = 0;  // bursts that are under way
    bool sent = false;      // all of it is
    Cycle front = 0;        // then: the engine could go on from here
    Tick data_end = 0;      // of the data so far
    Cycle moves_from = -1;  // while data of it moved so far; -1: none has
    Cycle moves_to = -1;
    Moved read;
    Moved written;
    Cycle port_cycles = -1;       // that its on-chip side takes in all; -1: not counted yet
    std::int64_t port_bytes = 0;  // of the bursts so far, and what was reserved for these
    Cycle port_reserved = 0;
  };
  struct Access {
    ResolvedTile dst;
    ResolvedTile src;
    Cycle done;
  };
  /// A signal that passed while operations before it were under way.
  struct Deferred {
    dsa::Sync sync;
    std::size_t generation = 0;
    Cycle pass = 0;
    std::int64_t after = 0;  // fires when so many operations have retired
  };
  Operation& current() { return under_way_.back(); }
  /// When nothing that is under way or done later touches the same bytes; nothing: not known yet.
  [[nodiscard]] std::optional<Cycle> conflict_free(const DmaWork& work) const;
  Next until_settled();
  void begin_bursts(const ResolvedTile& tile);
  /// Fills in the bursts of the next run.
  void collect_run(Cycle now);
  void send_run(Cycle now);
  void send(RunPool::Transaction& transaction);
  /// Some bursts of a run are back, or known to be.
  tlm::tlm_sync_enum answer(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                            sc_core::sc_time& delay);
  void bursts_back(BurstRun& run);
  /// The on-chip side of some bursts: delays them until a port is free; returns the delay.
  Tick occupy_ports(Operation& operation, std::int64_t useful_bytes, Tick begin, Tick end);
  void copy_on_chip(Cycle now);
  void zero_fill(Cycle now);
  /// Retires, in order, operations of which all is known, and lets signals behind them fire.
  void retire_settled();
  void retire(Operation& operation);
  /// Elements of one side of the copy: as its bursts were walked, or by its own walk on-chip.
  [[nodiscard]] static ElementCount count_side(const Operation& operation,
                                               const ResolvedTile& tile);
  void count_traffic(const Operation& operation);
  /// Tells recordings about the finished operation.
  void record(const Operation& operation, Cycle done);
  void move(Operation& operation, Tick begin, Tick end);
  /// Data of the operation moves.
  void busy(Operation& operation, Cycle begin, Cycle end);

  const DmaTiming& timing_;
  Arbiter& arbiter_;
  std::size_t run_limit_;  // bursts of a run
  Cycle asked_ = -1;       // the arbiter, since; -1: not
  Tick pace_;              // of a burst through the engine; also between two issues
  Tick last_issue_;        // of the last burst
  Tick last_end_ = 0;      // of data through the engine so far
  bool active_ = false;    // the last operation under way is not all sent
  bool walking_ = false;
  BurstSource source_;
  std::optional<Burst> lookahead_;
  std::deque<Tick> slots_;  // when those that are known to fall free do, in order
  struct Planned {
    Burst burst;
    Tick ready = 0;  // not issued before: its slot has to fall free
  };
  std::vector<Planned> run_;  // the next one
  RunPool runs_;
  std::int64_t open_ = 0;  // bursts under way
  bool waits_for_news_ = false;
  std::deque<Operation> under_way_;
  std::int64_t started_ = 0;
  std::int64_t retired_ = 0;
  std::deque<Deferred> deferred_;
  std::vector<Access> in_flight_;  // retired, though not done yet
  Cycle slice_end_ = 0;            // of the last recorded one
};

}  // namespace septran::simulator
