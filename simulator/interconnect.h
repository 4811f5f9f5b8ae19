// The way from the cores' dma engines to DRAM, a TLM-2.0 target for all of them.
#pragma once

#include <tlm.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <systemc>
#include <vector>

#include "simulator/arbiter.h"
#include "simulator/dram.h"
#include "simulator/walk.h"

namespace septran::simulator {

/// A run of bursts of one engine, carried by one transaction: as many as the engine may have
/// outstanding. The target fills in `done`.
struct BurstRun : tlm::tlm_extension<BurstRun> {
  struct Item {
    Burst burst;
    Tick ready = 0;  // not issued before: the slot of an earlier burst has to fall free
    Tick done = 0;   // read: all data in the engine; write: acknowledged
    Tick begin = 0;  // data passes the engine from here ...
    Tick end = 0;    // ... to here
  };
  std::size_t core = 0;
  std::int64_t burst_bytes = 0;
  Tick pace = 0;        // of a burst through the engine; also between two issues
  Tick last_issue = 0;  // of the engine's burst before; updated
  Tick last_end = 0;    // end of data through the engine so far; updated
  std::vector<Item> items;
  Tick queued_until = 0;  // the last burst has crossed the bus of DRAM

  [[nodiscard]] tlm::tlm_extension_base* clone() const override { return new BurstRun(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const BurstRun&>(other);
  }
};

class Interconnect : public sc_core::sc_module {
 public:
  Interconnect(const sc_core::sc_module_name& name, const DsaSpec& spec, int cores);

  tlm_utils::multi_passthrough_target_socket<Interconnect> socket;
  Arbiter arbiter;
  [[nodiscard]] const DramReport& dram_report() const { return dram_.report(); }

 private:
  /// Times the run; the annotated delay is grown to the end of its last burst.
  void transport(int initiator, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void read(BurstRun& run);
  void write(BurstRun& run);
  struct Link {
    Tick latency = 0;  // each way
    double bytes_per_cycle = 0;
    Tick read_free = 0;   // towards the cores
    Tick write_free = 0;  // away from them
  };
  /// What a burst of a run takes.
  struct Transfer {
    Tick link = 0;
    Tick total = 0;  // on all links together; 0: without limit
  };
  [[nodiscard]] Transfer transfer(const Link& link, std::int64_t bytes) const;
  /// End of a burst's transfer on a link, one of whose ways is free at `free`, and on all together.
  Tick cross(Tick at, Tick& free, const Transfer& transfer);

  const InterconnectTiming& timing_;
  Dram dram_;
  Tick total_free_ = 0;
  std::vector<Link> links_;
  std::size_t cores_per_link_;
};

}  // namespace septran::simulator
