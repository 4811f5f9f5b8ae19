// The way from the cores' dma engines to DRAM, a TLM-2.0 target for all of them.
#pragma once

#include <tlm.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <systemc>
#include <vector>

#include "simulator/arbiter.h"
#include "simulator/calendar.h"
#include "simulator/dram.h"
#include "simulator/walk.h"

namespace septran::simulator {

/// The target's phase between BEGIN_REQ and BEGIN_RESP: it is known when some bursts of a run are
/// back. BEGIN_RESP tells the same of the last ones, and ends the transaction.
TLM_DECLARE_EXTENDED_PHASE(bursts_settled);

/// A run of bursts of one engine, carried by one transaction.
struct BurstRun : tlm::tlm_extension<BurstRun> {
  struct Item {
    Burst burst;
    Tick sent = 0;  // leaves the engine
    Tick back = 0;  // read: the data is at the engine; write: acknowledged
  };
  std::size_t core = 0;
  std::int64_t operation = 0;  // the engine's number of it
  std::int64_t first = 0;      // its number of the first burst
  std::int64_t burst_bytes = 0;
  Tick link_ticks = 0;  // that a burst takes on its link; the target fills it in, as on ...
  Tick all_ticks = 0;   // ... all links together, 0: without limit
  std::vector<Item> items;
  std::vector<std::uint32_t> settled;  // items of which `back` is new, in its order
  std::size_t open = 0;                // items of which it is not known yet

  [[nodiscard]] tlm::tlm_extension_base* clone() const override { return new BurstRun(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const BurstRun&>(other);
  }
};

/// Bursts of several engines meet in DRAM, which may change their order. So it is not known when
/// one is back before nothing can come in between, and that is told no later than the burst's data
/// cross the bus of DRAM. One process activation settles all that have started by then.
class Interconnect : public sc_core::sc_module {
 public:
  Interconnect(const sc_core::sc_module_name& name, const DsaSpec& spec, int cores);

  tlm_utils::multi_passthrough_target_socket<Interconnect> socket;
  Arbiter arbiter;
  /// When the last data have crossed a bus of DRAM.
  [[nodiscard]] Cycle last_end() const { return round_up(dram_.last_end()); }
  [[nodiscard]] DramReport dram_report() const { return dram_.report(); }

 private:
  tlm::tlm_sync_enum transport(int initiator, tlm::tlm_generic_payload& payload,
                               tlm::tlm_phase& phase, sc_core::sc_time& delay);
  void settle();
  /// Wakes settle() before a burst can end at `end`.
  void settle_by(Tick end);
  struct Link {
    Tick latency = 0;  // each way
    double bytes_per_cycle = 0;
    Tick reads_free = 0;  // towards the cores
    Calendar writes;      // away from them
  };
  /// Ends of a burst's transfer on one way of a link, and on all together. Reads come in the order
  /// of time, writes are told in advance.
  Tick cross_back(Tick at, Link& link, const BurstRun& run);
  Tick cross_there(Tick at, Link& link, const BurstRun& run);
  /// A burst that DRAM has not served yet.
  struct Flight {
    tlm::tlm_generic_payload* payload = nullptr;
    BurstRun* run = nullptr;
    std::uint32_t item = 0;
    int initiator = 0;
    int parts = 0;  // bursts of DRAM
  };
  std::uint32_t new_flight(const Flight& flight);

  const InterconnectTiming& timing_;
  Dram dram_;
  std::vector<Link> links_;
  Calendar all_links_;
  std::size_t cores_per_link_;
  Cycle lookahead_;  // the least latency of the links
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> free_flights_;
  std::vector<Dram::Served> served_;
  std::vector<Flight> touched_;  // one of each run that has news
  sc_core::sc_event look_;
};

}  // namespace septran::simulator
