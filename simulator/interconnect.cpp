#include "simulator/interconnect.h"

#include <algorithm>

namespace septran::simulator {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const DsaSpec& spec, int cores)
    : sc_module(name),
      socket("socket"),
      arbiter("arbiter", spec.interconnect, cores),
      timing_(spec.interconnect),
      dram_(spec.dram, Arbiter::number(cores, dsa::EngineId::load)),
      cores_per_link_(static_cast<std::size_t>(spec.sharing.cores_per_link)) {
  socket.register_nb_transport_fw(this, &Interconnect::transport);
  const auto count = static_cast<std::size_t>(ceil_div(cores, spec.sharing.cores_per_link));
  lookahead_ = INT64_MAX;
  for (std::size_t i = 0; i < count; ++i) {
    InterconnectTiming::Link link{timing_.latency_cycles, timing_.bytes_per_cycle_per_link};
    if (i < timing_.links.size()) link = timing_.links[i];
    lookahead_ = std::min(lookahead_, link.latency_cycles);
    links_.push_back({link.latency_cycles * ticks_per_cycle, link.bytes_per_cycle, 0, {}});
  }
  SC_HAS_PROCESS(Interconnect);
  SC_METHOD(settle);
  sensitive << look_;
  dont_initialize();
}

Tick Interconnect::cross_back(Tick at, Link& link, const BurstRun& run) {
  Tick begin = std::max(at, link.reads_free);
  if (run.all_ticks > 0) {
    begin = all_links_.find(begin, run.all_ticks);
    all_links_.take(begin, run.all_ticks);
  }
  link.reads_free = begin + run.link_ticks;
  return begin + std::max(run.link_ticks, run.all_ticks);
}

Tick Interconnect::cross_there(Tick at, Link& link, const BurstRun& run) {
  Tick begin = link.writes.find(at, run.link_ticks);
  while (run.all_ticks > 0) {
    const Tick both = all_links_.find(begin, run.all_ticks);
    if (both == begin) {
      all_links_.take(begin, run.all_ticks);
      break;
    }
    begin = link.writes.find(both, run.link_ticks);
  }
  link.writes.take(begin, run.link_ticks);
  return begin + std::max(run.link_ticks, run.all_ticks);
}

std::uint32_t Interconnect::new_flight(const Flight& flight) {
  if (free_flights_.empty()) {
    flights_.push_back(flight);
    return static_cast<std::uint32_t>(flights_.size() - 1);
  }
  const std::uint32_t tag = free_flights_.back();
  free_flights_.pop_back();
  flights_[tag] = flight;
  return tag;
}

tlm::tlm_sync_enum Interconnect::transport(int initiator, tlm::tlm_generic_payload& payload,
                                           tlm::tlm_phase& phase, sc_core::sc_time&) {
  SEPTRAN_CHECK(phase == tlm::BEGIN_REQ);
  payload.acquire();
  auto& run = *payload.get_extension<BurstRun>();
  run.open = run.items.size();
  const bool write = payload.is_write();
  Link& link = links_[run.core / cores_per_link_];
  run.link_ticks = transfer_ticks(run.burst_bytes, link.bytes_per_cycle);
  if (timing_.bytes_per_cycle_total > 0) {
    run.all_ticks = transfer_ticks(run.burst_bytes, timing_.bytes_per_cycle_total);
  }
  Tick first = INT64_MAX;
  for (std::uint32_t i = 0; i < run.items.size(); ++i) {
    const BurstRun::Item& item = run.items[i];
    Tick at = item.sent;
    if (write) at = cross_there(at, link, run);
    at += link.latency;
    const std::uint32_t tag = new_flight({&payload, &run, i, initiator, 0});
    flights_[tag].parts =
        dram_.request(static_cast<std::size_t>(initiator), at, item.burst.index * run.burst_bytes,
                      run.burst_bytes, write, tag, {run.operation, run.first + i});
    first = std::min(first, at);
  }
  settle_by(first + (write ? dram_.least_write() : dram_.least()));
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

void Interconnect::settle_by(Tick end) {
  // Without latency another engine's burst may still come in this cycle: it is settled in the next.
  const Cycle soonest = lookahead_ > 0 ? 0 : 1;
  look_.notify(cycles(std::max(soonest, round_up(end) - current_cycle())));
}

void Interconnect::settle() {
  const Cycle now = current_cycle();
  served_.clear();
  dram_.advance((now + lookahead_) * ticks_per_cycle, served_);
  for (const Dram::Served& burst : served_) {
    Flight& flight = flights_[burst.tag];
    if (--flight.parts > 0) continue;
    BurstRun& run = *flight.run;
    Link& link = links_[run.core / cores_per_link_];
    Tick back = burst.end;
    if (flight.payload->is_read()) back = cross_back(back, link, run);
    run.items[flight.item].back = back + link.latency;
    if (run.settled.empty()) touched_.push_back(flight);
    run.settled.push_back(flight.item);
    --run.open;
    arbiter.leaves(round_up(burst.end));
    free_flights_.push_back(burst.tag);
  }
  for (const Flight& flight : touched_) {
    const bool last = flight.run->open == 0;
    tlm::tlm_phase phase = last ? tlm::tlm_phase(tlm::BEGIN_RESP) : tlm::tlm_phase(bursts_settled);
    if (last) flight.payload->set_response_status(tlm::TLM_OK_RESPONSE);
    sc_core::sc_time delay;
    socket[flight.initiator]->nb_transport_bw(*flight.payload, phase, delay);
    if (last) flight.payload->release();
  }
  touched_.clear();
  for (Link& link : links_) {
    link.writes.forget_before(now * ticks_per_cycle);
  }
  all_links_.forget_before(now * ticks_per_cycle);
  if (const auto end = dram_.next_end()) settle_by(*end);
}

}  // namespace septran::simulator
