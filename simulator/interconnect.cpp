#include "simulator/interconnect.h"

#include <algorithm>

namespace septran::simulator {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const DsaSpec& spec, int cores)
    : sc_module(name),
      socket("socket"),
      arbiter("arbiter", spec.interconnect, cores),
      timing_(spec.interconnect),
      dram_(spec.dram),
      cores_per_link_(static_cast<std::size_t>(spec.sharing.cores_per_link)) {
  socket.register_b_transport(this, &Interconnect::transport);
  const auto count = static_cast<std::size_t>(ceil_div(cores, spec.sharing.cores_per_link));
  for (std::size_t i = 0; i < count; ++i) {
    InterconnectTiming::Link link{timing_.latency_cycles, timing_.bytes_per_cycle_per_link};
    if (i < timing_.links.size()) link = timing_.links[i];
    links_.push_back(
        {link.latency_cycles * ticks_per_cycle, static_cast<double>(link.bytes_per_cycle), 0, 0});
  }
}

void Interconnect::transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  auto& run = *payload.get_extension<BurstRun>();
  if (payload.is_read()) {
    read(run);
  } else {
    write(run);
  }
  Tick end = 0;
  for (const BurstRun::Item& item : run.items) end = std::max(end, item.done);
  const auto now = static_cast<Cycle>(sc_core::sc_time_stamp().value());
  delay += sc_core::sc_time::from_value(
      static_cast<std::uint64_t>(std::max<Cycle>(0, round_up(end) - now)));
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

Interconnect::Transfer Interconnect::transfer(const Link& link, std::int64_t bytes) const {
  Transfer transfer{transfer_ticks(bytes, link.bytes_per_cycle), 0};
  if (timing_.bytes_per_cycle_total > 0) {
    transfer.total = transfer_ticks(bytes, static_cast<double>(timing_.bytes_per_cycle_total));
  }
  return transfer;
}

Tick Interconnect::cross(Tick at, Tick& free, const Transfer& transfer) {
  Tick begin = std::max(at, free);
  if (transfer.total > 0) {
    begin = std::max(begin, total_free_);
    total_free_ = begin + transfer.total;
  }
  free = begin + transfer.link;
  return free;
}

void Interconnect::read(BurstRun& run) {
  Link& link = links_[run.core / cores_per_link_];
  const Transfer burst = transfer(link, run.burst_bytes);
  for (BurstRun::Item& item : run.items) {
    const Tick issue = std::max(item.ready, run.last_issue + run.pace);
    run.last_issue = issue;
    const Tick data = dram_.access(issue + link.latency, item.burst.index * run.burst_bytes,
                                   run.burst_bytes, false);
    run.queued_until = std::max(run.queued_until, data);
    const Tick arrival = cross(data, link.read_free, burst) + link.latency;
    item.begin = std::max(arrival, run.last_end);
    item.end = item.begin + run.pace;
    item.done = item.end;
    run.last_end = item.end;
  }
}

void Interconnect::write(BurstRun& run) {
  Link& link = links_[run.core / cores_per_link_];
  const Transfer burst = transfer(link, run.burst_bytes);
  for (BurstRun::Item& item : run.items) {
    item.begin = std::max({item.ready, run.last_issue + run.pace, run.last_end});
    item.end = item.begin + run.pace;
    run.last_issue = item.begin;
    run.last_end = item.end;
    const Tick sent = cross(item.end, link.write_free, burst);
    const Tick data = dram_.access(sent + link.latency, item.burst.index * run.burst_bytes,
                                   run.burst_bytes, true);
    run.queued_until = std::max(run.queued_until, data);
    item.done = data + link.latency;
  }
}

}  // namespace septran::simulator
