#include "simulator/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace septran::simulator {
namespace {

/// How a wait counts: rings name their events by what they wait for.
const char* wait_cause(const std::string& event) {
  if (event.ends_with("full")) return "wait_data";
  if (event.ends_with("free")) return "wait_space";
  return "wait_event";
}

/// Behind the sequencer, in the order of the engines' numbers.
std::size_t recorded_index(dsa::EngineId id) { return static_cast<std::size_t>(id) + 1; }

}  // namespace

Engine::Engine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
               dsa::EngineId id, int queue_depth)
    : sc_module(name),
      shared_(shared),
      core_(core),
      id_(id),
      queue_depth_(static_cast<std::size_t>(std::max(1, queue_depth))) {
  if (shared.recording != nullptr) {
    record_ = &shared.recording->engine(core.index, recorded_index(id));
    record_->name = basename();
    timeline_.record(*shared.recording, *record_);
  }
  SC_HAS_PROCESS(Engine);
  SC_METHOD(step);
}

void Engine::push(Command command) {
  if (record_ != nullptr) shared_.recording->queue(*record_, command.ready, 1);
  queue_.push_back(std::move(command));
  wake();
}

void Engine::pop() {
  queue_.pop_front();
  if (record_ != nullptr) shared_.recording->queue(*record_, current_cycle(), -1);
  feeder_->wake();
}

void Engine::complete(Cycle at) {
  last_completion_ = std::max(last_completion_, at);
  shared_.complete(last_completion_);
}

void Engine::stall(std::uint32_t instruction, Cycle begin, Cycle end, const char* cause) {
  timeline_.stall(begin, end, cause);
  if (begin < end) cost(instruction).stalled += end - begin;
}

void Engine::record_slice(std::uint32_t instruction, Cycle begin, Cycle end, std::int64_t amount) {
  if (record_ != nullptr) shared_.recording->slice(*record_, {instruction, begin, end, amount});
}

void Engine::record_use(Use use, const ResolvedTile& tile, Cycle begin, Cycle end) {
  if (record_ == nullptr || tile.memory == dsa::MemoryId::global) return;
  LiveBytes& live = shared_.recording->live(core_.index, tile.memory);
  switch (use) {
    case Use::read:
      return live.read(tile.low, tile.high, end);
    case Use::write:
      return live.write(tile.low, tile.high, begin, end);
    case Use::update:
      return live.update(tile.low, tile.high, begin, end);
  }
}

void Engine::record_event(std::uint32_t event, bool is_wait, Cycle at) {
  if (record_ == nullptr) return;
  std::size_t slice = static_cast<std::size_t>(record_->operations);
  if (is_wait) slice += under_way();  // the next operation is recorded behind these
  shared_.recording->event({core_.index, event, is_wait, recorded_index(id_), slice, at});
}

void Engine::step() {
  const Cycle now = current_cycle();
  Next next;
  do {
    if (shared_.trap) return next_trigger(wake_);
    next = advance(now);
  } while (next.kind == Next::Kind::again);
  if (next.kind == Next::Kind::woken) return next_trigger(wake_);
  next_trigger(cycles(next.time - now), wake_);
}

Engine::Next Engine::advance(Cycle now) {
  if (is_active()) return proceed(now);
  if (queue_.empty()) return until_woken();
  Command& head = queue_.front();
  const Cycle eligible = std::max(front_, head.ready);
  if (eligible > now) return sleep_until(eligible);
  if (std::holds_alternative<dsa::Sync>(head.work)) return sync(head, eligible, now);
  return start(head, eligible, now);
}

Engine::Next Engine::sync(const Command& head, Cycle eligible, Cycle now) {
  const auto sync = std::get<dsa::Sync>(head.work);
  const Cycle pass = now + shared_.machine.dsa.sequencer.sync_cycles;
  switch (sync.op) {
    case dsa::SyncOp::wait:
      return wait_event(sync, head, eligible, now);
    case dsa::SyncOp::signal:
      if (shared_.hazards) shared_.hazards->signal(hazard_step(head), sync.event);
      fire(sync, 0, pass);
      break;
    case dsa::SyncOp::arrive: {
      const std::size_t generation = arrivals_[sync.event]++;
      if (shared_.hazards) shared_.hazards->arrive(hazard_step(head), sync.event, generation);
      fire(sync, generation, pass);
      break;
    }
    case dsa::SyncOp::await:
      return await_barrier(sync, head, eligible, now);
  }
  pass_sync(head, eligible, now, "sync");
  return again();
}

void Engine::fire(const dsa::Sync& sync, std::size_t generation, Cycle pass) {
  const Cycle fires = std::max(pass, last_completion_);
  if (sync.op == dsa::SyncOp::signal) {
    core_.events[sync.event].signal(fires);
    record_event(sync.event, false, fires);
  } else {
    shared_.arrive(sync.event, generation, fires);
  }
  shared_.complete(fires);
}

void Engine::pass_sync(const Command& head, Cycle eligible, Cycle now, const char* cause) {
  stall(head.instruction, eligible, now, cause);
  settle(now);
  front_ = now + shared_.machine.dsa.sequencer.sync_cycles;
  stall(head.instruction, now, front_, "sync");
  ++cost(head.instruction).executed;
  ++operations_;
  shared_.complete(front_);
  pop();
}

Engine::Next Engine::wait_event(const dsa::Sync& sync, const Command& head, Cycle eligible,
                                Cycle now) {
  EventCounter& event = core_.events[sync.event];
  const dsa::EventInfo& info = shared_.program.events[sync.event];
  if (event.fires.empty() || event.fires.front() > now) {
    event.waiters.push_back(this);
    return event.fires.empty() ? until_woken() : sleep_until(event.fires.front());
  }
  const int maximum = shared_.machine.dsa.sequencer.event_maximum;
  if (event.value(now) > maximum) {
    shared_.stop(fmt::format("event {} was signalled beyond {}, the most a counter holds",
                             info.name, maximum),
                 core_.index, head.instruction, now);
    return until_woken();
  }
  event.fires.pop_front();
  ++event.waits;
  record_event(sync.event, true, now);
  if (shared_.hazards) shared_.hazards->wait(hazard_step(head), sync.event);
  pass_sync(head, eligible, now, wait_cause(info.name));
  return again();
}

Engine::Next Engine::await_barrier(const dsa::Sync& sync, const Command& head, Cycle eligible,
                                   Cycle now) {
  const std::size_t generation = awaits_[sync.event];
  const std::optional<Cycle> release = shared_.release(sync.event, generation);
  if (!release) {
    shared_.barriers[sync.event].waiters.push_back(this);
    return until_woken();
  }
  if (*release > now) return sleep_until(*release);
  ++awaits_[sync.event];
  if (shared_.hazards) shared_.hazards->await(hazard_step(head), sync.event, generation);
  pass_sync(head, eligible, now, "barrier");
  return again();
}

const dsa::Sync* Engine::blocking_sync() const {
  return queue_.empty() ? nullptr : std::get_if<dsa::Sync>(&queue_.front().work);
}

std::size_t Engine::arrivals(std::uint32_t barrier) const {
  const auto found = arrivals_.find(barrier);
  return found == arrivals_.end() ? 0 : found->second;
}

std::size_t Engine::awaits(std::uint32_t barrier) const {
  const auto found = awaits_.find(barrier);
  return found == awaits_.end() ? 0 : found->second;
}

Cycle port_cycles(const Ports& ports, const ResolvedTile& tile) {
  if (ports.word_bytes() <= 0 || tile.elements == 0) return 0;
  struct Walk {
    std::int64_t stride;
    std::int64_t count;
  };
  std::vector<Walk> walks;  // one a digit that moves
  for (const kernels::TileDim& dim : tile.tile.dims) {
    std::int64_t rest = dim.extent;
    for (std::size_t i = dim.digits.size(); i-- > 0;) {
      const std::int64_t count = i == 0 ? rest : std::min(rest, dim.digits[i].extent);
      rest = ceil_div(rest, std::max<std::int64_t>(1, count));
      const std::int64_t stride = std::abs(dim.digits[i].stride_bytes);
      if (stride != 0 && count > 1) walks.push_back({stride, count});
    }
  }
  std::sort(walks.begin(), walks.end(),
            [](const Walk& x, const Walk& y) { return x.stride < y.stride; });
  auto run = static_cast<std::int64_t>(size_bytes(tile.tile.storage));  // contiguous bytes
  std::size_t next = 0;
  while (next < walks.size() && walks[next].stride == run) run *= walks[next++].count;
  const std::int64_t run_words = ceil_div(run, ports.word_bytes());
  std::int64_t runs = 1;
  std::int64_t common = ports.banks();  // words between runs, as far as banks can tell
  for (; next < walks.size(); ++next) {
    runs *= walks[next].count;
    common = walks[next].stride % ports.word_bytes() == 0
                 ? std::gcd(common, walks[next].stride / ports.word_bytes())
                 : 1;
  }
  const std::int64_t words =
      std::min(runs * run_words, ceil_div(tile.high - tile.low, ports.word_bytes()) + 1);
  const std::int64_t banks = std::min(words, ports.banks() / common * std::min(run_words, common));
  return ceil_div(words, std::max<std::int64_t>(1, banks));
}

void PortPlan::access(const ResolvedTile& tile, std::int64_t times, Cycle earliest,
                      Cycle deadline) {
  if (tile.memory == dsa::MemoryId::global || times <= 0) return;
  LocalMemory& memory = core_.memory(tile.memory);
  const Cycle length = port_cycles(memory.ports, tile) * times;
  const Cycle begin = memory.ports.reserve(earliest, length, now_);
  if (begin + length - deadline > delay_) {
    delay_ = begin + length - deadline;
    cause_ = tile.memory == dsa::MemoryId::shared ? "port_shared" : "port_register";
  }
  counters_.memory_bytes[memory.spec.name] += tile.bytes() * times;
}

}  // namespace septran::simulator
