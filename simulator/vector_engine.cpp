#include "simulator/vector_engine.h"

#include <algorithm>
#include <cmath>

namespace septran::simulator {

VectorEngine::VectorEngine(const sc_core::sc_module_name& name, Shared& shared, CoreState& core,
                           int queue_depth)
    : Engine(name, shared, core, dsa::EngineId::vector, queue_depth) {}

Cycle VectorEngine::operands_ready(const VecWork& work) const {
  Cycle ready = 0;
  for (std::size_t i = work.reads_output ? 0 : 1; i < work.operands.size(); ++i) {
    const auto* tile = std::get_if<ResolvedTile>(&work.operands[i]);
    if (tile == nullptr) continue;
    for (const Write& write : in_flight_) {
      const bool overlaps =
          write.memory == tile->memory && write.low < tile->high && tile->low < write.high;
      if (overlaps) ready = std::max(ready, write.done);
    }
  }
  return ready;
}

Engine::Next VectorEngine::start(Command& head, Cycle eligible, Cycle now) {
  auto& work = std::get<VecWork>(head.work);
  const Cycle ready = std::max(issue_free_, operands_ready(work));
  if (ready > now) return sleep_until(ready);
  const VectorTiming& timing = shared_.machine.dsa.vector;
  auto rate = timing.rates.find(work.primitive->name);
  if (rate == timing.rates.end()) rate = timing.rates.find("default");
  const VectorTiming::Rate speed = rate == timing.rates.end() ? VectorTiming::Rate{} : rate->second;
  const auto groups = static_cast<double>(ceil_div(work.elements, timing.lanes));
  const Cycle busy =
      timing.startup_cycles + static_cast<Cycle>(std::ceil(groups * speed.cycles_per_group));

  stall(head.instruction, eligible, now, "dependence");
  timeline_.settle(now);
  observe(head, work);
  PortPlan ports(core_, shared_.counters, now);
  const auto& output = std::get<ResolvedTile>(work.operands[0]);
  for (std::size_t i = work.reads_output ? 0 : 1; i < work.operands.size(); ++i) {
    const auto* tile = std::get_if<ResolvedTile>(&work.operands[i]);
    if (tile == nullptr) continue;
    ports.access(*tile, 1, now, now + busy);
    shared_.count_edge(memory_name(tile->memory), "vector", tile->bytes(), tile->bytes());
  }
  ports.access(output, 1, now + timing.startup_cycles, now + busy + speed.latency_cycles);
  shared_.count_edge("vector", memory_name(output.memory), output.bytes(), output.bytes());
  const Cycle begin = now + ports.delay();
  stall(head.instruction, now, begin, ports.cause());
  issue_free_ = begin + busy;
  record_slice(head.instruction, begin, issue_free_, work.elements);
  for (std::size_t i = 1; i < work.operands.size(); ++i) {
    const auto* tile = std::get_if<ResolvedTile>(&work.operands[i]);
    if (tile != nullptr) record_use(Use::read, *tile, begin, issue_free_);
  }
  record_use(work.reads_output ? Use::update : Use::write, output, begin,
             issue_free_ + speed.latency_cycles);
  timeline_.busy(begin, issue_free_);
  complete(issue_free_ + speed.latency_cycles);
  timeline_.drain(last_completion_);

  std::erase_if(in_flight_, [&](const Write& write) { return write.done <= now; });
  in_flight_.push_back({output.memory, output.low, output.high, last_completion_});
  InstructionCost& spent = cost(head.instruction);
  spent.busy += busy;
  ++spent.executed;
  ++operations_;
  shared_.counters.vector_elements += work.elements;
  shared_.counters.vector_cycles += groups * speed.cycles_per_group;
  if (shared_.with_values) run(work);
  front_ = now;
  pop();
  return again();
}

void VectorEngine::run(VecWork& work) {
  std::vector<kernels::Argument> arguments;
  for (const auto& operand : work.operands) {
    if (const auto* tile = std::get_if<ResolvedTile>(&operand)) {
      arguments.emplace_back(shared_.bind(*tile, core_));
    } else if (const auto* number = std::get_if<double>(&operand)) {
      arguments.emplace_back(*number);
    } else {
      arguments.emplace_back(std::monostate());
    }
  }
  kernels::run_primitive(*work.primitive, arguments, work.attributes);
}

}  // namespace septran::simulator
