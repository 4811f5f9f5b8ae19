// What the modules of one simulated machine have in common: program, counters, memories, the trap.
#pragma once

#include <array>
#include <deque>
#include <systemc>
#include <vector>

#include "simulator/calendar.h"
#include "simulator/hazards.h"
#include "simulator/recording.h"
#include "simulator/resolve.h"

namespace septran::simulator {

/// A process that can be told to look again.
class Wakeable {
 public:
  void wake() { wake_.notify(sc_core::SC_ZERO_TIME); }

 protected:
  ~Wakeable() = default;
  sc_core::sc_event wake_;
};

/// An event counter of one core. A signal is known some time before it fires: `fires` holds the
/// times at which the counter rises, those of the past being its value.
struct EventCounter {
  std::deque<Cycle> fires;  // sorted
  std::int64_t signals = 0;
  std::int64_t waits = 0;  // that have passed
  std::vector<Wakeable*> waiters;

  void signal(Cycle at);
  /// Number of signals that have fired by `now`.
  [[nodiscard]] std::int64_t value(Cycle now) const;
};

/// A barrier across cores: its generations in order.
struct Barrier {
  struct Generation {
    std::int64_t arrived = 0;
    Cycle last = 0;
  };
  std::vector<Generation> generations;
  std::vector<Wakeable*> waiters;
};

/// On-chip memory of a core: its ports, and its bytes if values are computed.
struct LocalMemory {
  LocalMemory(const MemorySpec& spec, Ports& ports, bool with_values);
  const MemorySpec& spec;
  Ports& ports;  // maybe of several cores
  std::vector<std::byte> bytes;
  std::int64_t high_water = 0;
};

class Shared;

struct CoreState {
  CoreState(int index, Shared& shared);
  int index;
  std::vector<EventCounter> events;
  LocalMemory shared;
  LocalMemory accumulators;
  LocalMemory& memory(dsa::MemoryId id) {
    return id == dsa::MemoryId::shared ? shared : accumulators;
  }
};

struct InstructionCost {
  std::int64_t executed = 0;
  Cycle busy = 0;
  Cycle stalled = 0;
};

/// The sums that the report is made from.
struct Counters {
  struct Edge {
    std::int64_t useful_bytes = 0;
    std::int64_t bus_bytes = 0;
    CopiedElements copied;
  };
  std::map<std::pair<std::string, std::string>, Edge> edges;
  std::map<DType, std::int64_t> macs;  // by the type of the left matrix
  double mac_array_cycles = 0;         // sum of macs / (rows * cols * macs_per_pe)
  std::int64_t vector_elements = 0;
  double vector_cycles = 0;
  /// Useful bytes from (is_read) or to each buffer of GLOBAL, by its number and the other memory.
  struct TensorEdge {
    std::uint32_t buffer = 0;
    bool is_read = false;
    dsa::MemoryId other = dsa::MemoryId::shared;
    auto operator<=>(const TensorEdge&) const = default;
  };
  std::map<TensorEdge, std::int64_t> tensor_bytes;
  /// Sizes m, n, k of tiles: how often the array took one, and for how long.
  std::map<std::array<std::int64_t, 3>, InstructionCost> mma_tiles;
  std::map<std::string, std::int64_t> memory_bytes;  // through the ports of on-chip memories
  std::vector<InstructionCost> instructions;
};

class Shared {
 public:
  Shared(const dsa::Program& program, const Machine& machine, std::span<HostBuffer> buffers,
         const GlobalLayout& layout, const SimulationOptions& options);

  const dsa::Program& program;
  const Machine& machine;
  const GlobalLayout& layout;
  const bool with_values;
  const MmaModel mma;
  const int core_count;
  Resolver resolver;
  std::vector<Barrier> barriers;
  Counters counters;
  Cycle last_completion = 0;
  std::optional<Trap> trap;
  std::optional<HazardDetector> hazards;
  Recording* recording = nullptr;

  /// Ends the run; the first trap counts.
  void stop(std::string text, int core, std::uint32_t instruction, Cycle cycle);
  [[nodiscard]] const dsa::SourceOrigin& origin(std::uint32_t instruction) const;
  void complete(Cycle at) { last_completion = std::max(last_completion, at); }
  /// An engine of a core has come to a barrier for the `generation`th time.
  void arrive(std::uint32_t barrier, std::size_t generation, Cycle at);
  /// When that generation lets go, if all have come.
  [[nodiscard]] std::optional<Cycle> release(std::uint32_t barrier, std::size_t generation) const;
  /// The tile with its data, for the kernels.
  kernels::Tile bind(const ResolvedTile& tile, CoreState& core);
  Counters::Edge& count_edge(const std::string& from, const std::string& to, std::int64_t useful,
                             std::int64_t bus);

  [[nodiscard]] const MemorySpec& memory(dsa::MemoryId id) const;
  /// Ports of a core's on-chip memory: those of the cores with which it shares the scratchpad, or
  /// new ones.
  Ports& ports_of(int core, dsa::MemoryId memory);

 private:
  std::map<std::pair<dsa::MemoryId, int>, Ports> ports_;  // by the first core that has them
  std::vector<std::byte*> global_data_;
  std::vector<std::vector<std::byte>> workspaces_;
};

[[nodiscard]] inline Cycle current_cycle() {
  return static_cast<Cycle>(sc_core::sc_time_stamp().value());
}
[[nodiscard]] inline sc_core::sc_time cycles(Cycle count) {
  return sc_core::sc_time::from_value(static_cast<std::uint64_t>(count));
}

}  // namespace septran::simulator
