#include "simulator/interconnect.h"

#include <algorithm>

namespace septran::simulator {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const DsaSpec& spec, int cores)
    : sc_module(name),
      socket("socket"),
      timing_(spec.interconnect),
      dram_(spec.dram),
      latency_(spec.interconnect.latency_cycles * ticks_per_cycle),
      read_free_(static_cast<std::size_t>(cores)),
      write_free_(static_cast<std::size_t>(cores)) {
  socket.register_b_transport(this, &Interconnect::transport);
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

Tick Interconnect::cross(Tick at, Tick& link_free, std::int64_t bytes) {
  const Tick link = transfer_ticks(bytes, static_cast<double>(timing_.bytes_per_cycle_per_link));
  Tick begin = std::max(at, link_free);
  if (timing_.bytes_per_cycle_total > 0) {
    begin = std::max(begin, total_free_);
    total_free_ = begin + transfer_ticks(bytes, static_cast<double>(timing_.bytes_per_cycle_total));
  }
  link_free = begin + link;
  return link_free;
}

void Interconnect::read(BurstRun& run) {
  for (BurstRun::Item& item : run.items) {
    const Tick issue = std::max(item.ready, run.last_issue + run.pace);
    run.last_issue = issue;
    const Tick data =
        dram_.access(issue + latency_, item.burst.index * run.burst_bytes, run.burst_bytes, false);
    const Tick arrival = cross(data, read_free_[run.core], run.burst_bytes) + latency_;
    item.begin = std::max(arrival, run.last_end);
    item.end = item.begin + run.pace;
    item.done = item.end;
    run.last_end = item.end;
  }
}

void Interconnect::write(BurstRun& run) {
  for (BurstRun::Item& item : run.items) {
    item.begin = std::max({item.ready, run.last_issue + run.pace, run.last_end});
    item.end = item.begin + run.pace;
    run.last_issue = item.begin;
    run.last_end = item.end;
    const Tick sent = cross(item.end, write_free_[run.core], run.burst_bytes);
    item.done =
        dram_.access(sent + latency_, item.burst.index * run.burst_bytes, run.burst_bytes, true) +
        latency_;
  }
}

}  // namespace septran::simulator
