#include "simulator/shared.h"

#include <algorithm>

namespace septran::simulator {
namespace {

/// Fresh memory is all ones: not-a-number in every floating-point type.
constexpr std::byte poison{0xff};

}  // namespace

void EventCounter::signal(Cycle at) {
  ++signals;
  fires.insert(std::upper_bound(fires.begin(), fires.end(), at), at);
  for (Wakeable* waiter : waiters) waiter->wake();
  waiters.clear();
}

std::int64_t EventCounter::value(Cycle now) const {
  return std::upper_bound(fires.begin(), fires.end(), now) - fires.begin();
}

LocalMemory::LocalMemory(const MemorySpec& memory, Ports& its_ports, bool with_values)
    : spec(memory), ports(its_ports) {
  if (with_values) bytes.assign(static_cast<std::size_t>(memory.size_bytes), poison);
}

CoreState::CoreState(int core, Shared& all)
    : index(core),
      events(all.program.events.size()),
      shared(all.memory(dsa::MemoryId::shared), all.ports_of(core, dsa::MemoryId::shared),
             all.with_values),
      accumulators(all.memory(dsa::MemoryId::accumulators),
                   all.ports_of(core, dsa::MemoryId::accumulators), all.with_values) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].fires.assign(static_cast<std::size_t>(all.program.events[i].credits), 0);
  }
}

Shared::Shared(const dsa::Program& p, const Machine& m, std::span<HostBuffer> buffers,
               const GlobalLayout& l, const SimulationOptions& options)
    : program(p),
      machine(m),
      layout(l),
      with_values(!options.timing_only),
      mma(options.mma),
      core_count(m.block_count()),
      resolver(p, m, l),
      barriers(p.barriers.size()) {
  counters.instructions.resize(p.code.size());
  if (!with_values) return;
  for (std::size_t i = 0; i < p.globals.size(); ++i) {
    const dsa::GlobalBuffer& buffer = p.globals[i];
    if (buffer.is_input || buffer.is_output) {
      global_data_.push_back(buffers[i].bytes.data());
    } else {
      workspaces_.emplace_back(static_cast<std::size_t>(l.size_bytes[i]), poison);
      global_data_.push_back(workspaces_.back().data());
    }
  }
}

const MemorySpec& Shared::memory(dsa::MemoryId id) const {
  return *machine.find_memory(memory_name(id));
}

Ports& Shared::ports_of(int core, dsa::MemoryId id) {
  const int sharers = id == dsa::MemoryId::shared ? machine.dsa.sharing.cores_per_scratchpad : 1;
  const MemorySpec& spec = memory(id);
  const auto [at, is_new] = ports_.try_emplace({id, core / sharers * sharers}, spec.banks,
                                               spec.ports, spec.bytes_per_cycle);
  return at->second;
}

void Shared::stop(std::string text, int core, std::uint32_t instruction, Cycle cycle) {
  if (!trap) trap = Trap{std::move(text), core, instruction, origin(instruction), cycle};
}

const dsa::SourceOrigin& Shared::origin(std::uint32_t instruction) const {
  static const dsa::SourceOrigin unknown;
  const std::uint32_t index = program.code[instruction].origin;
  return index < program.origins.size() ? program.origins[index] : unknown;
}

void Shared::arrive(std::uint32_t id, std::size_t generation, Cycle at) {
  Barrier& barrier = barriers[id];
  if (barrier.generations.size() <= generation) barrier.generations.resize(generation + 1);
  Barrier::Generation& entry = barrier.generations[generation];
  ++entry.arrived;
  entry.last = std::max(entry.last, at);
  if (!release(id, generation)) return;
  for (Wakeable* waiter : barrier.waiters) waiter->wake();
  barrier.waiters.clear();
}

std::optional<Cycle> Shared::release(std::uint32_t id, std::size_t generation) const {
  const Barrier& barrier = barriers[id];
  if (generation >= barrier.generations.size()) return std::nullopt;
  const Barrier::Generation& entry = barrier.generations[generation];
  const std::int64_t expected =
      static_cast<std::int64_t>(program.barriers[id].arrivals) * core_count;
  if (entry.arrived < expected) return std::nullopt;
  return entry.last + machine.dsa.sequencer.barrier_cycles;
}

kernels::Tile Shared::bind(const ResolvedTile& tile, CoreState& core) {
  kernels::Tile bound = tile.tile;
  const bool global = tile.memory == dsa::MemoryId::global;
  bound.data = global ? global_data_[tile.buffer] + (tile.address - layout.address[tile.buffer])
                      : core.memory(tile.memory).bytes.data() + tile.address;
  return bound;
}

Counters::Edge& Shared::count_edge(const std::string& from, const std::string& to,
                                   std::int64_t useful, std::int64_t bus) {
  Counters::Edge& edge = counters.edges[{from, to}];
  edge.useful_bytes += useful;
  edge.bus_bytes += bus;
  return edge;
}

}  // namespace septran::simulator
