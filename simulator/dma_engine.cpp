#include "simulator/dma_engine.h"

#include <algorithm>

namespace septran::simulator {
namespace {

bool global(const ResolvedTile& tile) { return tile.memory == dsa::MemoryId::global; }

}  // namespace

RunPool::~RunPool() {
  for (const auto& one : all_) one->clear_extension(&one->run);  // or it would be deleted
}

RunPool::Transaction& RunPool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Transaction>());
    all_.back()->set_mm(this);
    all_.back()->set_extension(&all_.back()->run);
    free_.push_back(all_.back().get());
  }
  Transaction& transaction = *free_.back();
  free_.pop_back();
  transaction.run.items.clear();
  transaction.acquire();
  return transaction;
}

DmaEngine::DmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
                     dsa::EngineId id, int queue_depth, const DmaTiming& timing, Arbiter& arbiter)
    : Engine(name, shared, core, id, queue_depth),
      socket("socket"),
      timing_(timing),
      arbiter_(arbiter),
      run_limit_(static_cast<std::size_t>(
          std::min(timing.outstanding_bursts, shared.machine.dsa.interconnect.grant_bursts))),
      pace_(transfer_ticks(timing.burst_bytes, static_cast<double>(timing.bytes_per_cycle))),
      last_issue_(-pace_),
      slots_(static_cast<std::size_t>(timing.outstanding_bursts)) {
  socket.register_nb_transport_bw(this, &DmaEngine::answer);
}

/// Bursts of one descriptor may overtake those of another, so descriptors that touch the same
/// bytes, one of them writing, follow each other.
std::optional<Cycle> DmaEngine::conflict_free(const DmaWork& work) const {
  const auto meet = [&](const ResolvedTile& dst, const ResolvedTile& src) {
    return work.src.overlaps(dst) || work.dst.overlaps(dst) || work.dst.overlaps(src);
  };
  for (const Operation& operation : under_way_) {
    if (meet(operation.work.dst, operation.work.src)) return std::nullopt;
  }
  Cycle ready = 0;
  for (const Access& access : in_flight_) {
    if (meet(access.dst, access.src)) ready = std::max(ready, access.done);
  }
  return ready;
}

Engine::Next DmaEngine::until_settled() {
  waits_for_news_ = true;
  return until_woken();
}

Engine::Next DmaEngine::start(Command& head, Cycle eligible, Cycle now) {
  auto& work = std::get<DmaWork>(head.work);
  const std::optional<Cycle> ready = conflict_free(work);
  if (!ready) return until_settled();
  if (*ready > now) return sleep_until(*ready);
  stall(head.instruction, eligible, now, "dependence");
  settle(now);
  stall(head.instruction, now, now + timing_.setup_cycles, "setup");
  observe(head, work);
  if (shared_.with_values) {
    kernels::run_copy(shared_.bind(work.dst, core_), shared_.bind(work.src, core_));
  }
  active_ = true;
  ++started_;
  Operation& operation = under_way_.emplace_back();
  operation.started = now;
  operation.instruction = head.instruction;
  operation.work = std::move(work);
  front_ = now + timing_.setup_cycles;
  walking_ = global(operation.work.src) || global(operation.work.dst);
  if (walking_) {
    begin_bursts(global(operation.work.src) ? operation.work.src : operation.work.dst);
  }
  pop();
  return sleep_until(front_);
}

void DmaEngine::begin_bursts(const ResolvedTile& tile) {
  current().reading = &tile == &current().work.src;
  source_.start(tile.tile, tile.address, timing_.burst_bytes);
  Burst first;
  lookahead_.reset();
  if (source_.next(first)) lookahead_ = first;
}

Engine::Next DmaEngine::proceed(Cycle now) {
  if (now < front_) return sleep_until(front_);
  Operation& operation = current();
  if (walking_ && (lookahead_ || !run_.empty())) {
    if (run_.empty()) {
      if (slots_.empty()) return until_settled();
      const Cycle slot_free = round_up(slots_.front());
      if (slot_free > now) return sleep_until(slot_free);
      collect_run(now);
    }
    const auto bursts = static_cast<std::int64_t>(run_.size());
    if (!arbiter_.admits(Arbiter::number(core_.index, id()), *this, bursts)) {
      if (asked_ < 0) asked_ = now;
      return until_woken();
    }
    arbiter_.sent(bursts);
    send_run(now);
    front_ = std::max(now, round_up(last_issue_ + pace_));
    return again();
  }
  if (walking_ && operation.reading && global(operation.work.dst)) {
    // Between two places in DRAM: then the writing.
    if (operation.open > 0) return until_settled();
    begin_bursts(operation.work.dst);
    front_ = std::max(now, round_up(operation.data_end));
    return again();
  }
  walking_ = false;
  const bool on_chip = !global(operation.work.src) && !global(operation.work.dst);
  if (on_chip) {
    settle(now);
    copy_on_chip(now);
  } else if (!global(operation.work.dst) &&
             operation.work.src.bytes() > operation.read.useful_bytes) {
    if (operation.open > 0) return until_settled();
    settle(now);
    zero_fill(now);
  }
  active_ = false;
  operation.sent = true;
  operation.front = std::max(front_, now);
  retire_settled();
  return again();
}

void DmaEngine::collect_run(Cycle now) {
  while (lookahead_ && run_.size() < run_limit_ && !slots_.empty()) {
    run_.push_back({*lookahead_, std::max(slots_.front(), now * ticks_per_cycle)});
    slots_.pop_front();
    if (!source_.next(*lookahead_)) lookahead_.reset();
  }
}

void DmaEngine::send_run(Cycle now) {
  Operation& operation = current();
  if (asked_ >= 0) {  // nothing of it could begin before
    stall(operation.instruction, asked_, now, "interconnect");
    for (Planned& one : run_) one.ready = std::max(one.ready, now * ticks_per_cycle);
    asked_ = -1;
  }
  settle(now);
  std::int64_t useful = 0;
  for (const Planned& one : run_) useful += one.burst.useful_bytes;
  const auto count = static_cast<std::int64_t>(run_.size());
  Moved& moved = operation.reading ? operation.read : operation.written;
  const std::int64_t first = moved.bus_bytes / timing_.burst_bytes;
  moved.useful_bytes += useful;
  moved.bus_bytes += count * timing_.burst_bytes;
  moved.elements = source_.count();
  Tick delay = 0;
  if (!operation.reading) {  // the data of stores is read before it can leave
    const Tick begin = std::max(run_.front().ready, last_end_);
    delay = occupy_ports(operation, useful, begin, begin + count * pace_);
  }
  RunPool::Transaction& transaction = runs_.take();
  BurstRun& run = transaction.run;
  run.core = static_cast<std::size_t>(core_.index);
  run.first = first;
  run.burst_bytes = timing_.burst_bytes;
  for (const Planned& one : run_) {
    last_issue_ = std::max(one.ready + delay, last_issue_ + pace_);
    if (!operation.reading) {
      last_issue_ = std::max(last_issue_, last_end_);
      last_end_ = last_issue_ + pace_;
      move(operation, last_issue_, last_end_);
    }
    run.items.push_back({one.burst, operation.reading ? last_issue_ : last_end_, 0});
  }
  run_.clear();
  operation.open += count;
  open_ += count;
  send(transaction);
}

void DmaEngine::send(RunPool::Transaction& payload) {
  BurstRun& run = payload.run;
  run.operation = started_;
  payload.set_command(current().reading ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
  payload.set_address(
      static_cast<std::uint64_t>(run.items.front().burst.index * timing_.burst_bytes));
  payload.set_data_length(
      static_cast<unsigned>(static_cast<std::int64_t>(run.items.size()) * timing_.burst_bytes));
  payload.set_streaming_width(payload.get_data_length());
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_core::sc_time delay;
  socket->nb_transport_fw(payload, phase, delay);
}

tlm::tlm_sync_enum DmaEngine::answer(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time&) {
  bursts_back(*payload.get_extension<BurstRun>());
  retire_settled();
  if (waits_for_news_) wake();
  waits_for_news_ = false;
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_ACCEPTED;
  payload.release();
  return tlm::TLM_COMPLETED;
}

void DmaEngine::bursts_back(BurstRun& run) {
  Operation& operation = under_way_[static_cast<std::size_t>(run.operation - retired_ - 1)];
  if (operation.reading) {  // the data pass the engine as they come
    std::int64_t useful = 0;
    const Tick begin = std::max(run.items[run.settled.front()].back, last_end_);
    for (const std::uint32_t i : run.settled) {
      last_end_ = std::max(run.items[i].back, last_end_) + pace_;
      run.items[i].back = last_end_;
      useful += run.items[i].burst.useful_bytes;
    }
    const Tick delay = occupy_ports(operation, useful, begin, last_end_);
    last_end_ += delay;
    for (const std::uint32_t i : run.settled) {
      run.items[i].back += delay;
      move(operation, run.items[i].back - pace_, run.items[i].back);
    }
  }
  for (const std::uint32_t i : run.settled) slots_.push_back(run.items[i].back);
  const Tick last = run.items[run.settled.back()].back;
  operation.data_end = std::max(operation.data_end, last);
  timeline_.flight(round_up(last));
  const auto count = static_cast<std::int64_t>(run.settled.size());
  operation.open -= count;
  open_ -= count;
  run.settled.clear();
}

void DmaEngine::settle(Cycle now) {
  if (open_ > 0) timeline_.flight(now);
  Engine::settle(now);
}

void DmaEngine::move(Operation& operation, Tick begin, Tick end) {
  busy(operation, begin / ticks_per_cycle, round_up(end));
  if (shared_.recording != nullptr) {
    shared_.recording->traffic(operation.reading, round_up(end), timing_.burst_bytes);
  }
}

void DmaEngine::busy(Operation& operation, Cycle begin, Cycle end) {
  timeline_.busy(begin, end);
  if (operation.moves_from < 0) operation.moves_from = begin;
  operation.moves_to = end;
}

Tick DmaEngine::occupy_ports(Operation& operation, std::int64_t useful_bytes, Tick begin,
                             Tick end) {
  const ResolvedTile& tile = operation.reading ? operation.work.dst : operation.work.src;
  if (global(tile)) return 0;
  LocalMemory& memory = core_.memory(tile.memory);
  const ResolvedTile& far = operation.reading ? operation.work.src : operation.work.dst;
  // The share so far of the time that the whole tile takes.
  if (operation.port_cycles < 0) operation.port_cycles = port_cycles(memory.ports, tile);
  operation.port_bytes += useful_bytes;
  const Cycle reserved = std::min(
      operation.port_cycles, ceil_div(operation.port_cycles * operation.port_bytes, far.bytes()));
  const Cycle length = reserved - operation.port_reserved;
  operation.port_reserved = reserved;
  const Cycle start = memory.ports.reserve(begin / ticks_per_cycle, length, current_cycle());
  return std::max<Tick>(0, (start + length - round_up(end)) * ticks_per_cycle);
}

void DmaEngine::copy_on_chip(Cycle now) {
  Operation& operation = current();
  const DmaWork& work = operation.work;
  const std::int64_t bytes = std::max(work.src.bytes(), work.dst.bytes());
  const Cycle length = ceil_div(bytes, timing_.bytes_per_cycle);
  PortPlan ports(core_, shared_.counters, now);
  ports.access(work.src, 1, now, now + length);
  ports.access(work.dst, 1, now, now + length);
  stall(operation.instruction, now, now + ports.delay(), ports.cause());
  front_ = now + ports.delay() + length;
  operation.data_end = front_ * ticks_per_cycle;
  busy(operation, front_ - length, front_);
}

/// What a load did not find in DRAM is written as zeros, and what one burst brought for several
/// elements once more.
void DmaEngine::zero_fill(Cycle now) {
  Operation& operation = current();
  const std::int64_t missing = operation.work.src.bytes() - operation.read.useful_bytes;
  const Cycle begin = std::max(now, round_up(operation.data_end));
  front_ = begin + ceil_div(missing, timing_.bytes_per_cycle);
  busy(operation, begin, front_);
  operation.data_end = front_ * ticks_per_cycle;
}

void DmaEngine::fire(const dsa::Sync& sync, std::size_t generation, Cycle pass) {
  if (under_way_.empty()) return Engine::fire(sync, generation, pass);
  deferred_.push_back({sync, generation, pass, started_});
}

void DmaEngine::retire_settled() {
  while (!under_way_.empty() && under_way_.front().sent && under_way_.front().open == 0) {
    retire(under_way_.front());
    under_way_.pop_front();
    ++retired_;
    while (!deferred_.empty() && deferred_.front().after <= retired_) {
      const Deferred next = deferred_.front();
      deferred_.pop_front();
      Engine::fire(next.sync, next.generation, next.pass);
    }
  }
}

ElementCount DmaEngine::count_side(const Operation& operation, const ResolvedTile& tile) {
  if (!global(tile)) {
    return tile.tile.axes.empty() ? ElementCount{tile.elements, 0} : count_elements(tile.tile);
  }
  const Moved& moved = &tile == &operation.work.src ? operation.read : operation.written;
  // Without a burst there was nothing inside.
  return moved.bus_bytes > 0 ? moved.elements : ElementCount{0, tile.elements};
}

void DmaEngine::count_traffic(const Operation& operation) {
  const DmaWork& work = operation.work;
  Counters& counters = shared_.counters;
  const bool walked = global(work.src) || global(work.dst);
  const std::int64_t useful =
      walked ? operation.read.useful_bytes + operation.written.useful_bytes : work.src.bytes();
  Counters::Edge& edge =
      shared_.count_edge(memory_name(work.src.memory), memory_name(work.dst.memory), useful,
                         walked ? operation.read.bus_bytes + operation.written.bus_bytes : useful);
  const ElementCount source = count_side(operation, work.src);
  const ElementCount destination = count_side(operation, work.dst);
  edge.copied.read += source.inside;
  edge.copied.filled += source.outside;
  edge.copied.written += destination.inside;
  edge.copied.dropped += destination.outside;
  for (const ResolvedTile* tile : {&work.src, &work.dst}) {
    if (!walked || global(*tile)) continue;
    counters.memory_bytes[memory_name(tile->memory)] += tile->bytes();
  }
  auto& tensors = counters.tensor_bytes;
  if (global(work.src)) {
    tensors[{work.src.buffer, true, work.dst.memory}] += operation.read.useful_bytes;
  }
  if (global(work.dst)) {
    tensors[{work.dst.buffer, false, work.src.memory}] += operation.written.useful_bytes;
  }
}

void DmaEngine::record(const Operation& operation, Cycle done) {
  const DmaWork& work = operation.work;
  const bool walked = global(work.src) || global(work.dst);
  const Cycle begin = std::max(slice_end_, operation.moves_from);
  slice_end_ = std::max(begin, operation.moves_to);
  record_slice(
      operation.instruction, begin, slice_end_,
      walked ? operation.read.useful_bytes + operation.written.useful_bytes : work.src.bytes());
  record_use(Use::read, work.src, operation.started, done);
  record_use(Use::write, work.dst, operation.started, done);
}

void DmaEngine::retire(Operation& operation) {
  const DmaWork& work = operation.work;
  const Cycle now = current_cycle();
  Cycle done = std::max(operation.front, round_up(operation.data_end));
  if (!global(work.dst)) done += core_.memory(work.dst.memory).spec.latency_cycles;
  if (!global(work.src)) done += core_.memory(work.src.memory).spec.latency_cycles;
  complete(done);
  timeline_.drain(last_completion_);
  count_traffic(operation);
  record(operation, done);
  InstructionCost& spent = cost(operation.instruction);
  spent.busy += operation.front - operation.started - timing_.setup_cycles;
  ++spent.executed;
  ++operations_;
  std::erase_if(in_flight_, [&](const Access& access) { return access.done <= now; });
  in_flight_.push_back(
      {std::move(operation.work.dst), std::move(operation.work.src), last_completion_});
}

}  // namespace septran::simulator
