#include "simulator/dma_engine.h"

#include <algorithm>

namespace septran::simulator {
namespace {

bool global(const ResolvedTile& tile) { return tile.memory == dsa::MemoryId::global; }

}  // namespace

DmaEngine::DmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
                     dsa::EngineId id, int queue_depth, const DmaTiming& timing, Arbiter& arbiter)
    : Engine(name, shared, core, id, queue_depth),
      socket("socket"),
      timing_(timing),
      arbiter_(arbiter),
      run_limit_(static_cast<std::size_t>(
          std::min(timing.outstanding_bursts, shared.machine.dsa.interconnect.grant_bursts))),
      pace_(transfer_ticks(timing.burst_bytes, static_cast<double>(timing.bytes_per_cycle))),
      slots_(static_cast<std::size_t>(timing.outstanding_bursts)) {
  run_.core = static_cast<std::size_t>(core.index);
  run_.burst_bytes = timing.burst_bytes;
  run_.pace = pace_;
  run_.last_issue = -pace_;
  payload_.set_extension(&run_);
}

DmaEngine::~DmaEngine() { payload_.clear_extension(&run_); }  // or it would be deleted

/// Bursts of one descriptor may overtake those of another, so descriptors that touch the same
/// bytes, one of them writing, follow each other.
Cycle DmaEngine::conflict_free(const DmaWork& work) const {
  Cycle ready = 0;
  for (const Access& access : in_flight_) {
    if (work.src.overlaps(access.dst) || work.dst.overlaps(access.dst) ||
        work.dst.overlaps(access.src)) {
      ready = std::max(ready, access.done);
    }
  }
  return ready;
}

Engine::Next DmaEngine::start(Command& head, Cycle eligible, Cycle now) {
  auto& work = std::get<DmaWork>(head.work);
  const Cycle ready = conflict_free(work);
  if (ready > now) return sleep_until(ready);
  stall(head.instruction, eligible, now, "dependence");
  timeline_.settle(now);
  stall(head.instruction, now, now + timing_.setup_cycles, "setup");
  observe(head, work);
  if (shared_.with_values) {
    kernels::run_copy(shared_.bind(work.dst, core_), shared_.bind(work.src, core_));
  }
  active_ = true;
  started_ = now;
  instruction_ = head.instruction;
  work_ = std::move(work);
  front_ = now + timing_.setup_cycles;
  data_end_ = 0;
  moves_from_ = moves_to_ = -1;
  read_ = written_ = {};
  walking_ = global(work_.src) || global(work_.dst);
  if (walking_) begin_bursts(global(work_.src) ? work_.src : work_.dst);
  pop();
  return sleep_until(front_);
}

void DmaEngine::begin_bursts(const ResolvedTile& tile) {
  reading_ = &tile == &work_.src;
  source_.start(tile.tile, tile.address, timing_.burst_bytes);
  Burst first;
  lookahead_.reset();
  if (source_.next(first)) lookahead_ = first;
}

Engine::Next DmaEngine::proceed(Cycle now) {
  if (now < front_) return sleep_until(front_);
  if (!walking_) {
    timeline_.settle(now);
    if (!global(work_.src) && !global(work_.dst)) {
      copy_on_chip(now);
    } else {
      zero_fill(now);
    }
    retire(now);
    return again();
  }
  if (lookahead_ || !run_.items.empty()) {
    const Cycle slot_free = round_up(slots_[slot_]);
    if (slot_free > now) return sleep_until(slot_free);
    if (run_.items.empty()) collect_run(now);
    const auto bursts = static_cast<std::int64_t>(run_.items.size());
    if (!arbiter_.admits(Arbiter::number(core_.index, id()), *this, bursts)) {
      if (asked_ < 0) asked_ = now;
      return until_woken();
    }
    next_run(now);
    arbiter_.sent(bursts, round_up(run_.queued_until));
    run_.items.clear();
    front_ = std::max(now, round_up(run_.last_issue + pace_));
    return again();
  }
  if (reading_ && global(work_.dst)) {  // between two places in DRAM: then the writing
    begin_bursts(work_.dst);
    front_ = std::max(now, round_up(data_end_));
    return again();
  }
  walking_ = false;
  return again();
}

void DmaEngine::collect_run(Cycle now) {
  std::size_t slot = slot_;
  while (lookahead_ && run_.items.size() < run_limit_) {
    run_.items.push_back({*lookahead_, std::max(slots_[slot], now * ticks_per_cycle), 0, 0, 0});
    slot = slot + 1 == slots_.size() ? 0 : slot + 1;
    if (!source_.next(*lookahead_)) lookahead_.reset();
  }
}

void DmaEngine::next_run(Cycle now) {
  if (asked_ >= 0) {  // nothing of it could begin before
    stall(instruction_, asked_, now, "interconnect");
    for (BurstRun::Item& item : run_.items) {
      item.ready = std::max(item.ready, now * ticks_per_cycle);
    }
    asked_ = -1;
  }
  std::int64_t useful = 0;
  for (const BurstRun::Item& item : run_.items) useful += item.burst.useful_bytes;
  timeline_.settle(now);
  run_.queued_until = 0;
  Moved& moved = reading_ ? read_ : written_;
  moved.useful_bytes += useful;
  moved.bus_bytes += static_cast<std::int64_t>(run_.items.size()) * timing_.burst_bytes;
  moved.elements = source_.count();
  Tick delay = 0;
  if (!reading_) {  // the data of stores is read before it can leave
    const Tick begin = std::max(run_.items.front().ready, run_.last_end);
    delay = occupy_ports(now, begin, begin + static_cast<Tick>(run_.items.size()) * pace_);
    for (BurstRun::Item& item : run_.items) item.ready += delay;
  }
  transfer(!reading_);
  if (reading_) {
    delay = occupy_ports(now, run_.items.front().begin, run_.items.back().end);
    run_.last_end += delay;
  }
  Tick done = 0;
  for (BurstRun::Item& item : run_.items) {
    if (reading_) {
      item.begin += delay;
      item.end += delay;
      item.done += delay;
    }
    move(item.begin, item.end);
    slots_[slot_] = item.done;
    slot_ = slot_ + 1 == slots_.size() ? 0 : slot_ + 1;
    done = std::max(done, item.done);
  }
  data_end_ = std::max(data_end_, done);
  timeline_.flight(round_up(done));
}

void DmaEngine::transfer(bool write) {
  payload_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload_.set_address(
      static_cast<std::uint64_t>(run_.items.front().burst.index * timing_.burst_bytes));
  payload_.set_data_length(
      static_cast<unsigned>(static_cast<std::int64_t>(run_.items.size()) * timing_.burst_bytes));
  payload_.set_streaming_width(payload_.get_data_length());
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay;
  socket->b_transport(payload_, delay);
}

void DmaEngine::move(Tick begin, Tick end) {
  busy(begin / ticks_per_cycle, round_up(end));
  if (shared_.recording != nullptr) {
    shared_.recording->traffic(reading_, round_up(end), timing_.burst_bytes);
  }
}

void DmaEngine::busy(Cycle begin, Cycle end) {
  timeline_.busy(begin, end);
  if (moves_from_ < 0) moves_from_ = begin;
  moves_to_ = end;
}

Tick DmaEngine::occupy_ports(Cycle now, Tick begin, Tick end) {
  const ResolvedTile& tile = reading_ ? work_.dst : work_.src;
  if (global(tile)) return 0;
  LocalMemory& memory = core_.memory(tile.memory);
  const ResolvedTile& far = reading_ ? work_.src : work_.dst;
  // The run's share of the time that the whole tile takes.
  std::int64_t useful = 0;
  for (const BurstRun::Item& item : run_.items) useful += item.burst.useful_bytes;
  const Cycle whole = port_cycles(memory.ports, tile);
  const Cycle length = std::min(whole, ceil_div(whole * useful, far.bytes()));
  const Cycle start = memory.ports.reserve(begin / ticks_per_cycle, length, now);
  return std::max<Tick>(0, (start + length - round_up(end)) * ticks_per_cycle);
}

void DmaEngine::copy_on_chip(Cycle now) {
  const std::int64_t bytes = std::max(work_.src.bytes(), work_.dst.bytes());
  const Cycle length = ceil_div(bytes, timing_.bytes_per_cycle);
  PortPlan ports(core_, shared_.counters, now);
  ports.access(work_.src, 1, now, now + length);
  ports.access(work_.dst, 1, now, now + length);
  stall(instruction_, now, now + ports.delay(), ports.cause());
  front_ = now + ports.delay() + length;
  data_end_ = front_ * ticks_per_cycle;
  busy(front_ - length, front_);
}

/// What a load did not find in DRAM is written as zeros, and what one burst brought for several
/// elements once more.
void DmaEngine::zero_fill(Cycle now) {
  if (global(work_.dst)) return;
  const std::int64_t missing = work_.src.bytes() - read_.useful_bytes;
  if (missing <= 0) return;
  const Cycle begin = std::max(now, round_up(data_end_));
  const Cycle end = begin + ceil_div(missing, timing_.bytes_per_cycle);
  busy(begin, end);
  data_end_ = end * ticks_per_cycle;
  front_ = end;
}

ElementCount DmaEngine::count_side(const ResolvedTile& tile) const {
  if (!global(tile)) {
    return tile.tile.axes.empty() ? ElementCount{tile.elements, 0} : count_elements(tile.tile);
  }
  const Moved& moved = &tile == &work_.src ? read_ : written_;
  // Without a burst there was nothing inside.
  return moved.bus_bytes > 0 ? moved.elements : ElementCount{0, tile.elements};
}

void DmaEngine::count_traffic() {
  Counters& counters = shared_.counters;
  const bool walked = global(work_.src) || global(work_.dst);
  const std::int64_t useful =
      walked ? read_.useful_bytes + written_.useful_bytes : work_.src.bytes();
  Counters::Edge& edge =
      shared_.count_edge(memory_name(work_.src.memory), memory_name(work_.dst.memory), useful,
                         walked ? read_.bus_bytes + written_.bus_bytes : useful);
  const ElementCount source = count_side(work_.src);
  const ElementCount destination = count_side(work_.dst);
  edge.copied.read += source.inside;
  edge.copied.filled += source.outside;
  edge.copied.written += destination.inside;
  edge.copied.dropped += destination.outside;
  for (const ResolvedTile* tile : {&work_.src, &work_.dst}) {
    if (!walked || global(*tile)) continue;
    counters.memory_bytes[memory_name(tile->memory)] += tile->bytes();
  }
  auto& tensors = counters.tensor_bytes;
  if (global(work_.src)) {
    tensors[{work_.src.buffer, true, work_.dst.memory}] += read_.useful_bytes;
  }
  if (global(work_.dst)) {
    tensors[{work_.dst.buffer, false, work_.src.memory}] += written_.useful_bytes;
  }
}

void DmaEngine::record(Cycle done) {
  const bool walked = global(work_.src) || global(work_.dst);
  record_slice(instruction_, std::max<Cycle>(0, moves_from_), std::max<Cycle>(0, moves_to_),
               walked ? read_.useful_bytes + written_.useful_bytes : work_.src.bytes());
  record_use(Use::read, work_.src, started_, done);
  record_use(Use::write, work_.dst, started_, done);
}

void DmaEngine::retire(Cycle now) {
  Cycle done = std::max(now, round_up(data_end_));
  if (!global(work_.dst)) done += core_.memory(work_.dst.memory).spec.latency_cycles;
  if (!global(work_.src)) done += core_.memory(work_.src.memory).spec.latency_cycles;
  complete(done);
  timeline_.drain(last_completion_);
  count_traffic();
  record(done);
  InstructionCost& spent = cost(instruction_);
  spent.busy += std::max(front_, now) - started_ - timing_.setup_cycles;
  ++spent.executed;
  ++operations_;
  std::erase_if(in_flight_, [&](const Access& access) { return access.done <= now; });
  in_flight_.push_back({std::move(work_.dst), std::move(work_.src), last_completion_});
  active_ = false;
}

}  // namespace septran::simulator
