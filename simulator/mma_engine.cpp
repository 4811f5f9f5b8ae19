#include "simulator/mma_engine.h"

#include <algorithm>
#include <cmath>

#include "simulator/rtl_engine.h"

namespace septran::simulator {
namespace {

/// Rows of operands that one stationary tile takes in, along k and along n (weight-stationary) or
/// along m and n (output-stationary), and the rows that stream past it.
struct Tiling {
  std::int64_t passes_rows = 1;
  std::int64_t passes_cols = 1;
  std::int64_t streamed = 0;
};

Tiling tiling(const MmaTiming& timing, std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t down = timing.output_stationary ? m : k;
  return {ceil_div(down, timing.rows), ceil_div(n, timing.cols), timing.output_stationary ? k : m};
}

}  // namespace

ArraySchedule array_schedule(const MmaTiming& timing, std::int64_t m, std::int64_t n,
                             std::int64_t k, double macs_per_pe) {
  if (m <= 0 || n <= 0 || k <= 0) return {};
  const Tiling tiles = tiling(timing, m, n, k);
  const auto rows =
      static_cast<Cycle>(std::ceil(static_cast<double>(tiles.streamed) / macs_per_pe));
  ArraySchedule schedule;
  schedule.passes = tiles.passes_rows * tiles.passes_cols;
  schedule.stream_cycles = std::max<Cycle>(rows, timing.minimum_interval);
  schedule.latency_cycles = static_cast<Cycle>(timing.hop_cycles) * (timing.rows - 1) +
                            (timing.cols - 1) + rows + timing.element_cycles;
  schedule.preload_cycles = timing.output_stationary ? 0 : timing.rows;
  const Cycle occupied = timing.drain_overlap
                             ? schedule.stream_cycles
                             : std::max(schedule.stream_cycles, schedule.latency_cycles);
  schedule.interval_cycles = timing.preload_hidden || timing.output_stationary
                                 ? std::max<Cycle>(occupied, timing.rows)
                                 : occupied + timing.rows;
  return schedule;
}

MmaEngine::MmaEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
                     int queue_depth)
    : Engine(name, shared, core, dsa::EngineId::mma, queue_depth) {}

ArraySchedule MmaEngine::schedule_of(const MmaWork& work) const {
  return array_schedule(shared_.machine.dsa.mma, work.m, work.n, work.k, work.macs_per_pe);
}

Engine::Next MmaEngine::start(Command& head, Cycle eligible, Cycle now) {
  if (preload_free_ > now) return sleep_until(preload_free_);
  const auto& work = std::get<MmaWork>(head.work);
  stall(head.instruction, eligible, now, "array");
  timeline_.settle(now);
  observe(head, work);
  const ArraySchedule schedule = schedule_of(work);
  if (schedule.passes > 0) run_passes(work, schedule, head.instruction, now);
  ++cost(head.instruction).executed;
  ++operations_;
  if (shared_.with_values) {
    kernels::run_mma(shared_.bind(work.acc, core_), shared_.bind(work.a, core_),
                     shared_.bind(work.b, core_), work.transpose_a, work.transpose_b,
                     work.accumulate, work.factor);
  }
  front_ = now;
  pop();
  return again();
}

MmaEngine::Plan MmaEngine::reserve_ports(const MmaWork& work, const ArraySchedule& schedule,
                                         Cycle now) {
  const MmaTiming& timing = shared_.machine.dsa.mma;
  const Tiling tiles = tiling(timing, work.m, work.n, work.k);
  Plan plan;
  plan.stream = std::max(now + schedule.preload_cycles, stream_free_);
  plan.last = plan.stream + (schedule.passes - 1) * schedule.interval_cycles;
  const Cycle stream_end = plan.last + schedule.stream_cycles;
  const Cycle results = plan.last + schedule.latency_cycles;
  PortPlan ports(core_, shared_.counters, now);
  ports.access(work.b, timing.output_stationary ? tiles.passes_rows : 1, now, stream_end);
  ports.access(work.a, tiles.passes_cols, now, stream_end);
  const std::int64_t sums = timing.output_stationary ? 1 : tiles.passes_rows;
  ports.access(work.acc, work.accumulate ? sums : sums - 1, plan.stream, results);
  ports.access(work.acc, sums, plan.stream, results);
  plan.delay = ports.delay();
  plan.cause = ports.cause();
  return plan;
}

void MmaEngine::foresee(const Plan& plan, const ArraySchedule& schedule) {
  const MmaTiming& timing = shared_.machine.dsa.mma;
  const Cycle last = plan.last + plan.delay;
  if (timing.output_stationary) {  // the columns' ways out are taken for the rest of the interval
    stream_free_ = preload_free_ = last + schedule.interval_cycles;
    return;
  }
  const Cycle end = last + schedule.stream_cycles;
  stream_free_ = timing.drain_overlap ? end : std::max(end, last + schedule.latency_cycles);
  preload_free_ = timing.preload_hidden ? last : stream_free_;
}

void MmaEngine::run_passes(const MmaWork& work, const ArraySchedule& schedule,
                           std::uint32_t instruction, Cycle now) {
  const Plan plan = reserve_ports(work, schedule, now);
  const Cycle begin = now + plan.delay;
  stall(instruction, now, begin, plan.cause);
  timeline_.busy(begin, begin + schedule.preload_cycles);
  const Cycle last = plan.last + plan.delay;
  const Cycle end = last + schedule.stream_cycles;
  timeline_.busy(plan.stream + plan.delay, end);
  note_use(work, instruction, begin, std::max(begin, stream_free_), end,
           last + schedule.latency_cycles);
  cost(instruction).busy += end - std::max(begin, stream_free_);
  foresee(plan, schedule);
  complete(last + schedule.latency_cycles);
  timeline_.drain(last_completion_);
  count(work);
}

void MmaEngine::note_use(const MmaWork& work, std::uint32_t instruction, Cycle begin, Cycle taken,
                         Cycle end, Cycle results) {
  record_slice(instruction, taken, end, work.m * work.n * work.k);
  record_use(Use::read, work.a, begin, end);
  record_use(Use::read, work.b, begin, end);
  record_use(work.accumulate ? Use::update : Use::write, work.acc, begin, results);
  InstructionCost& tile = shared_.counters.mma_tiles[{work.m, work.n, work.k}];
  ++tile.executed;
  tile.busy += end - taken;
}

void MmaEngine::count(const MmaWork& work) {
  Counters& counters = shared_.counters;
  const MmaTiming& timing = shared_.machine.dsa.mma;
  const Tiling tiles = tiling(timing, work.m, work.n, work.k);
  const std::int64_t macs = work.m * work.n * work.k;
  counters.macs[work.a.tile.storage] += macs;
  counters.mac_array_cycles += static_cast<double>(macs) /
                               (static_cast<double>(timing.rows) * timing.cols * work.macs_per_pe);
  const bool outputs_stay = timing.output_stationary;
  const std::int64_t reads =
      work.a.bytes() * tiles.passes_cols + work.b.bytes() * (outputs_stay ? tiles.passes_rows : 1);
  shared_.count_edge(memory_name(work.a.memory), "mma", reads, reads);
  const std::int64_t written = work.acc.bytes() * (outputs_stay ? 1 : tiles.passes_rows);
  shared_.count_edge("mma", memory_name(work.acc.memory), written, written);
}

std::unique_ptr<MmaEngine> make_mma_engine(const sc_core::sc_module_name& name, Shared& shared,
                                           CoreState& core, int queue_depth) {
  if (shared.mma == MmaModel::rtl) {
    return std::make_unique<RtlMmaEngine>(name, shared, core, queue_depth);
  }
  return std::make_unique<MmaEngine>(name, shared, core, queue_depth);
}

}  // namespace septran::simulator
