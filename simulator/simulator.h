// The simulated accelerator: executes a decoded program on the machine of a target description and
// reports what it took. Nothing of SystemC shows here. docs/timing.md derives every timing rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "targets/dsa/program.h"
#include "targets/machine.h"

namespace septran::simulator {

/// Cycles of the core clock since the host's first command.
using Cycle = std::int64_t;

class Recording;
/// What stands for the matrix array: the model that docs/timing.md derives, or the RTL of
/// simulator/rtl, which is for i8 and has to be in this build.
enum class MmaModel { behavioural, rtl };
/// Arrays (rows = columns) of which this build has the RTL; none without Verilator.
std::vector<int> rtl_sizes();

/// Far beyond any run that somebody waits for: 10 s at 1 GHz.
inline constexpr Cycle default_cycle_limit = 10'000'000'000;

struct SimulationOptions {
  /// Computes no values and touches no tensor; the cycle count is the same to the cycle.
  bool timing_only = false;
  /// The run traps when it is not finished after so many cycles; 0: never.
  Cycle cycle_limit = default_cycle_limit;
  MmaModel mma = MmaModel::behavioural;
};

/// What keeps a program from running with the RTL, in words ("it multiplies i8 only, ..."); empty:
/// nothing. The array's size is not looked at, see rtl_sizes().
std::string rtl_fault(const dsa::Program& program, const Machine& machine);

/// The host's memory for one entry of Program::globals, row-major; of at least the buffer's size
/// and aligned to its element type. Empty for a workspace buffer (neither input nor output), which
/// the simulator allocates, and for all of them with timing_only.
struct HostBuffer {
  std::span<std::byte> bytes;
};

/// Cycles that an engine, or the sequencer, spent in each state; they add up to the run's total.
struct EngineReport {
  std::string name;
  Cycle busy = 0;
  std::map<std::string, Cycle> stalled;  // by cause
  Cycle draining = 0;
  Cycle idle = 0;
  std::int64_t operations = 0;  // executed; of the sequencer: instructions
  Cycle waited_at_start = 0;    // of the stalls, those before its first busy cycle

  [[nodiscard]] Cycle stalled_total() const;
  [[nodiscard]] Cycle total() const { return busy + stalled_total() + draining + idle; }
};
struct CoreReport {
  std::vector<EngineReport> engines;  // sequencer, load, store, mma, vector
};
/// Elements of copies, counted at both ends: read + filled = written + dropped.
struct CopiedElements {
  std::int64_t read = 0;     // found inside the source
  std::int64_t filled = 0;   // outside it: zeros
  std::int64_t written = 0;  // inside the destination
  std::int64_t dropped = 0;  // outside it
};
/// Traffic from one memory or engine to another, all cores together.
struct EdgeReport {
  std::string from;
  std::string to;
  std::int64_t useful_bytes = 0;  // of elements
  std::int64_t bus_bytes = 0;     // of whole bursts or words that moved for them
  /// At the edge of GLOBAL: of the useful bytes, those that cannot be avoided (TensorReport).
  std::optional<std::int64_t> minimum_bytes;
  CopiedElements copied;  // by dma engines
};
struct MemoryReport {
  std::string name;
  std::int64_t high_water_bytes = 0;  // highest address used on any core
  std::int64_t size_bytes = 0;
};
struct DramReport {
  std::int64_t row_hits = 0;       // bursts to the open row
  std::int64_t row_misses = 0;     // bursts that had to activate theirs
  std::int64_t row_conflicts = 0;  // of row_misses: another row had to be closed first
  std::int64_t turnarounds = 0;    // changes between reading and writing
  std::int64_t refreshes = 0;      // that held up or closed a row of a burst
  /// Hits over all bursts; 0 without any.
  [[nodiscard]] double row_hit_rate() const;
};
/// What the instructions of one place took, all cores together.
struct OriginReport {
  dsa::SourceOrigin origin;
  std::uint32_t instruction = 0;  // the first of them
  std::int64_t executed = 0;
  Cycle busy = 0;     // issue stages occupied, or the DMA engine's time for it
  Cycle stalled = 0;  // at the head of a queue, waiting
};
/// The same for all instructions of one line of the logic.
struct LineReport {
  std::string logic;
  std::int64_t executed = 0;
  Cycle busy = 0;
  Cycle stalled = 0;
  std::map<std::string, Cycle> engines;  // busy, by engine
};
/// Useful bytes between a buffer of GLOBAL and the chip.
struct TensorReport {
  std::string tensor;
  bool is_read = false;
  std::int64_t bytes = 0;
  /// What cannot be avoided: an input read once, an output written once, at most what moved.
  std::int64_t minimum_bytes = 0;
};
/// Tiles of one size that the matrix array took.
struct MmaTileReport {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::int64_t executed = 0;
  Cycle busy = 0;
};
/// Of the machine, what reports compare the run with.
struct MachineReport {
  int cores = 0;
  double clock_hz = 0;
  int array_rows = 0;
  int array_cols = 0;
  int lanes = 0;
  double global_bytes_per_cycle = 0;  // peak
  /// Of all links one way, and of all load engines; what these can have in flight at the latency of
  /// a single burst.
  double link_bytes_per_cycle = 0;
  double load_bytes_per_cycle = 0;
  double in_flight_bytes_per_cycle = 0;
  /// Of all cores, in the types and primitives of this run; 0 where it has none.
  double macs_per_cycle = 0;
  double vector_elements_per_cycle = 0;
};
/// What would make the run faster, by the report's own numbers.
struct Advice {
  std::string problem;  // sentences
  std::string change;
  dsa::SourceOrigin origin;  // of the instructions that it is about, if it is about some
  double share = 0;          // of the run's cycles that it is about, 0 .. 1
};
/// Lower bounds of the run's cycles from its work alone.
struct Roofline {
  double mma_cycles = 0;
  double vector_cycles = 0;
  double memory_cycles = 0;
  [[nodiscard]] double bound() const;
  [[nodiscard]] std::string binding() const;  // "mma", "vector", "memory", or "" without work
};

struct SimulationReport {
  std::string program;
  std::string target;
  Cycle cycles = 0;
  double seconds_at_clock = 0;
  bool timing_only = false;
  std::vector<CoreReport> cores;
  std::vector<EdgeReport> edges;
  std::vector<MemoryReport> memories;
  DramReport dram;
  std::int64_t instructions = 0;
  std::int64_t macs = 0;  // useful multiply-accumulates
  std::int64_t vector_elements = 0;
  double mma_utilization = 0;       // macs over cycles x what all arrays can do in that type
  double arithmetic_intensity = 0;  // operations (two a mac) per useful byte of GLOBAL traffic
  Roofline roofline;
  std::map<std::string, double> energy_pj;  // by component
  std::vector<OriginReport> origins;        // most busy first
  std::vector<LineReport> lines;            // most busy first
  std::vector<TensorReport> tensors;        // most bytes first
  std::vector<MmaTileReport> mma_tiles;     // most busy first
  MachineReport machine;
  std::string verdict;         // one sentence: what bounds the run
  std::vector<Advice> advice;  // what to change, the largest share first
};

/// The program did what the machine does not allow.
struct Trap {
  std::string text;
  int core = 0;
  std::optional<std::uint32_t> instruction;
  dsa::SourceOrigin origin;
  Cycle cycle = 0;
};
/// Nothing can move any more, yet the program has not ended.
struct Deadlock {
  /// Who could end a wait, and why that does not happen.
  struct Helper {
    int core = 0;
    std::string engine;
    std::vector<std::uint32_t> instructions;  // that would end it: signals, arrivals
    std::string stands;                       // "waits for event %a.free at instruction 3", ...
  };
  struct Waiter {
    int core = 0;
    std::string engine;
    std::string waits_for;  // "event %a.full", "room in the queue of mma", ...
    std::uint32_t instruction = 0;
    std::string text;  // of the instruction
    dsa::SourceOrigin origin;
    std::string count;  // how far the counter or barrier is; empty for others
    std::vector<Helper> helpers;
  };
  Cycle cycle = 0;
  std::vector<Waiter> waiters;
};
using SimulationResult = std::variant<SimulationReport, Trap, Deadlock>;

/// What the order of a program's engines leaves to chance; docs/hazards.md says what is checked.
struct Hazard {
  enum class Kind {
    // Two operations, in the order in which their core fetched them, or, on different cores, in
    // that of their instructions.
    read_after_write,
    write_after_read,
    write_after_write,
    unwritten,    // a read of bytes that nobody has written
    shared_event  // an event that two engines signal, or for which two wait
  };
  /// An instruction as some core executed it.
  struct Side {
    int core = 0;
    std::string engine;
    std::uint32_t instruction = 0;
    std::string text;
    dsa::SourceOrigin origin;
  };
  Kind kind = Kind::read_after_write;
  Side first;
  std::optional<Side> second;  // none for `unwritten`
  std::string memory;          // empty for shared_event; buffers: those of the program, if known
  std::string buffers;
  std::int64_t first_byte = 0;  // in the memory; in GLOBAL in the buffer
  std::int64_t last_byte = 0;
  std::string event;
  std::int64_t count = 1;  // of pairs of operations, of operations for `unwritten`
  std::string hint;
};
struct HazardReport {
  std::int64_t operations = 0;  // that were checked
  std::vector<Hazard> hazards;  // each pair of instructions once, in the order of their numbers
};

/// Runs the program on every core of the machine. `buffers` has one entry for each of
/// Program::globals (none are needed with timing_only). The program is not trusted: whatever it
/// does wrong is a Trap. With `hazards`, the run is checked, as far as it came, and what was found
/// is put there; results and cycles are the same. Calls may follow one another in a process; they
/// exclude each other. A `recording` that is given is told what happens over time; it is complete
/// if the result is a report.
SimulationResult simulate(const dsa::Program& program, const Machine& machine,
                          std::span<HostBuffer> buffers, const SimulationOptions& options = {},
                          HazardReport* hazards = nullptr, Recording* recording = nullptr);

}  // namespace septran::simulator
