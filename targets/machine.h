// Machine descriptions: what a target is, from its YAML file. The compiler's checks, its cost
// estimates and the simulator all read these numbers; there is no second copy of any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/base/dtype.h"

namespace septran {

enum class MachineFamily { dsa, cpu, cuda };

struct MemorySpec {
  std::string name;                  // abstract name: GLOBAL, SHARED, REGISTER, or one of its own
  std::string describes;             // what it is on this machine
  std::int64_t size_bytes = 0;       // a processor's own share, for memories private to one
  bool is_private = false;           // one per BLOCK processor
  std::int64_t alignment_bytes = 1;  // of buffers
  /// Element types that are held in a wider one here, e.g. f16 in f32 accumulators.
  std::map<DType, DType> held_as;
  int banks = 1;
  int ports = 1;                     // accesses a cycle and bank
  std::int64_t bytes_per_cycle = 0;  // of one port
  std::int64_t latency_cycles = 0;

  /// Where buffers start: multiples of the alignment and of every element's size.
  [[nodiscard]] std::int64_t start_bytes() const {
    constexpr std::int64_t largest_element_bytes = 8;
    return std::lcm(std::max<std::int64_t>(alignment_bytes, 1), largest_element_bytes);
  }
};

struct PathSpec {
  std::string from;
  std::string to;
  std::string engine;  // that performs dma_copy on it
  std::string via;     // a memory that it has to pass through, or empty
  bool convert = false;
  bool transpose = false;
  bool fill = false;                 // zeros for what lies outside the source
  std::int64_t alignment_bytes = 1;  // of runs of elements: of where they begin and what they take
};

/// `core`: a processor that executes every operation itself, one after the other.
enum class EngineKind { dma, mma, vector, core };
struct EngineSpec {
  std::string name;  // load, store, mma, vector; core
  EngineKind kind = EngineKind::dma;
  int queue_depth = 8;
};

struct ProcessorSpec {
  std::string name;  // HOST, BLOCK, ...
  std::string describes;
  int count = 1;
  std::vector<std::string> launches;  // processors that it may launch
};

/// Element types of a matrix implementation: c += a * b.
struct MatrixTypes {
  DType a = DType::f32;
  DType b = DType::f32;
  DType accumulator = DType::f32;
  double macs_per_pe = 1;  // multiply-accumulates a cycle and processing element
  /// The native tile that these types take where no binding names one; empty: the first.
  std::vector<std::int64_t> tile = {};
  /// Neighbours along k that one instruction adds up; more than 1 lie side by side in panels.
  std::int64_t group = 1;
  /// That they need; on a machine without it they are not there. Empty: none.
  std::string instruction_set = {};
};
struct ImplementationSpec {
  std::string name;
  std::vector<std::string> aliases;     // names it also answers to, e.g. gemm_leaf_tensorcore
  std::vector<std::string> primitives;  // that it executes; "*" for all but those named elsewhere
  std::string engine;
  std::vector<MatrixTypes> matrix_types;         // of matrix implementations
  std::vector<DType> element_types;              // of the others
  std::vector<std::vector<std::int64_t>> tiles;  // native tile sizes to choose from
  /// Tiles are [m, n], and A and B lie in panels of m rows and n columns, where they have buffers
  /// that nothing else uses.
  bool panels = false;
  std::int64_t part_depth = 0;  // of k, where neither mapping nor logic cuts it; 0: from the tiles
  std::vector<std::vector<std::string>> operand_memories;  // per operand; the last for the rest
  bool transpose_a = false;                                // it can transpose an operand by itself
  bool transpose_b = false;
  /// Bits of the mantissa that it rounds f32 factors to, and that its sums keep behind every 16
  /// products; 0: all of them. An implementation with either is taken only where a binding names
  /// it.
  int factor_bits = 0;
  int sum_bits = 0;
  [[nodiscard]] bool only_by_name() const { return factor_bits > 0 || sum_bits > 0; }
};

/// The matrix array; docs/timing.md derives the rule from these.
struct MmaTiming {
  int rows = 16;  // R
  int cols = 16;  // C
  bool output_stationary = false;
  bool preload_hidden = true;  // next weights are loaded behind the running tile
  bool drain_overlap = true;   // the next tile enters while the last one drains
  int hop_cycles = 1;          // L: a partial sum's cycles from one row to the next
  int element_cycles = 1;      // p: a processing element's pipeline
  int minimum_interval = 1;
};
struct VectorTiming {
  int lanes = 16;
  std::int64_t startup_cycles = 4;
  /// Cycles per group of `lanes` elements and latency, by primitive name; "default" for the rest.
  struct Rate {
    double cycles_per_group = 1;
    std::int64_t latency_cycles = 4;
  };
  std::map<std::string, Rate> rates;
};
struct DmaTiming {
  std::int64_t setup_cycles = 8;  // descriptor decode
  std::int64_t burst_bytes = 64;
  int outstanding_bursts = 16;
  std::int64_t bytes_per_cycle = 64;  // of the engine's on-chip side
};
/// Which engine's bursts go to memory next, where several have some.
enum class Arbitration {
  first_come,   // whose run of bursts was there first
  round_robin,  // the engines in turn
  priority      // the engine that stands first in `priority`; among equals in turn
};
struct InterconnectTiming {
  std::int64_t latency_cycles = 10;
  double bytes_per_cycle_per_link = 64;
  double bytes_per_cycle_total = 0;  // all links together; 0: unlimited
  /// What single links have instead of the two above, by their numbers.
  struct Link {
    std::int64_t latency_cycles = 10;
    double bytes_per_cycle = 64;
  };
  std::vector<Link> links;
  Arbitration arbitration = Arbitration::first_come;
  std::vector<std::string> priority;  // engines, the most urgent first
  int grant_bursts = 64;              // that an engine may send before the next one is chosen
  int queue_bursts = 1024;            // that have been let through and wait for DRAM
};
/// How many cores have one thing together; 1: each has its own.
struct Sharing {
  int cores_per_link = 1;        // a link to memory
  int cores_per_scratchpad = 1;  // the banks and ports in which their scratchpads lie
};
/// Which of the bursts that wait for a channel of DRAM goes next.
enum class DramScheduler {
  fcfs,    // first come, first served
  fr_fcfs  // first ready: whose data can come soonest, so those to open rows; of equals the oldest
};
struct DramTiming {
  DramScheduler scheduler = DramScheduler::fr_fcfs;
  // Of each channel; the controller looks at no more bursts than these.
  int read_queue_bursts = 64;
  int write_queue_bursts = 64;
  // Writes wait while there are reads until there are so many, then go until so few are left.
  int write_high_watermark = 48;
  int write_low_watermark = 16;
  int age_limit_bursts = 256;  // the oldest goes first once so many have gone before it
  int channels = 1;
  int banks = 16;
  int bank_groups = 1;
  std::int64_t row_bytes = 2048;
  std::int64_t burst_bytes = 64;
  std::int64_t interleave_bytes = 256;       // consecutive bytes of one channel
  std::int64_t group_interleave_bytes = 64;  // consecutive bytes of one bank group
  bool interleave_hash = false;  // rounds over channels, groups and banks start at hashed places
  /// A write is acknowledged when it enters the write queue, and not when its data cross the bus.
  bool posted_writes = false;
  int refresh_postponed = 0;                 // refreshes that may be put off while bursts wait
  double bytes_per_cycle_per_channel = 16;   // peak, in core cycles
  std::int64_t activate_cycles = 18;         // row closed: tRCD
  std::int64_t precharge_cycles = 18;        // tRP
  std::int64_t column_cycles = 18;           // CL
  std::int64_t row_cycle_cycles = 48;        // tRC: between two activations of a bank
  std::int64_t activate_spacing_cycles = 0;  // tRRD_S: between two of any banks
  std::int64_t activate_spacing_group_cycles = 0;  // tRRD_L: of banks of one group
  std::int64_t activate_window_cycles = 0;         // tFAW: that sees four of them at most
  /// tCCD_L: between the data of two bursts of one group; parts of a cycle count.
  double column_spacing_group_cycles = 0;
  std::int64_t read_to_precharge_cycles = 0;  // tRTP: from a column command
  std::int64_t write_recovery_cycles = 0;     // tWR: from the end of data to a precharge
  std::int64_t write_to_read_cycles = 8;
  std::int64_t read_to_write_cycles = 4;
  std::int64_t refresh_interval_cycles = 3900;  // tREFI
  std::int64_t refresh_cycles = 280;            // tRFC
};
struct SequencerSpec {
  int registers = 256;
  int loop_depth = 16;
  int operands = 1024;      // entries of the operand table
  int instructions = 4096;  // instruction memory
  int events = 64;          // event counters a core
  int event_maximum = 63;
  std::int64_t issue_cycles = 1;  // an instruction's time at the sequencer
  std::int64_t scalar_cycles = 1;
  std::int64_t sync_cycles = 1;  // a sync's time at its engine
  std::int64_t barrier_cycles = 32;
  std::int64_t launch_cycles = 100;  // host command to the first instruction
};
/// Energy in picojoule per event, by event name (`mac.f16`, `dram.byte`, `shared.byte`, ...).
using EnergyTable = std::map<std::string, double>;

struct DsaSpec {
  SequencerSpec sequencer;
  MmaTiming mma;
  VectorTiming vector;
  DmaTiming load;
  DmaTiming store;
  InterconnectTiming interconnect;
  Sharing sharing;
  DramTiming dram;
  EnergyTable energy;
};

/// What the C compiler may assume of a processor.
struct CpuSpec {
  int vector_bytes = 16;  // of a vector register
  /// Instruction sets by the names that the kernel gives them in /proc/cpuinfo; generated code uses
  /// them freely.
  std::vector<std::string> instruction_sets;
  /// Those that kernels for this very machine use too, if it has them.
  std::vector<std::string> native_instruction_sets;

  [[nodiscard]] bool has(std::string_view instruction_set) const;
};

/// What the CUDA backend may assume of a GPU.
struct CudaSpec {
  std::string architecture;         // that code is compiled for: "sm_90a"
  bool warpgroup_products = false;  // products of warpgroups, from shared memory
  bool bulk_copies = false;         // a copy engine for boxes of tensors
  int registers_per_block = 65536;  // of 32 bits
  int threads_per_block = 1024;
  std::int64_t shared_bytes_per_block = 49152;
  std::int64_t l2_bytes = 0;
  double bytes_per_second = 0;               // of GLOBAL
  std::map<DType, double> flops_per_second;  // peak of products, by their inputs' type

  /// Warpgroups of a block that may work on tiles, beside one that copies if there is a copy
  /// engine.
  [[nodiscard]] int most_consumers() const;
};

struct Machine {
  std::string name;
  std::string describes;
  MachineFamily family = MachineFamily::dsa;
  double clock_hz = 1e9;
  std::uint64_t hash = 0;  // of the description's content, kept in program files
  std::vector<ProcessorSpec> processors;
  std::vector<MemorySpec> memories;
  std::vector<PathSpec> paths;
  std::vector<EngineSpec> engines;
  std::vector<ImplementationSpec> implementations;
  DsaSpec dsa;    // family dsa
  CpuSpec cpu;    // family cpu
  CudaSpec cuda;  // family cuda
  /// Not a description itself: the first of these that this machine's processor can run stands for
  /// it, with the machine's own sizes. load_machine() gives that one.
  std::vector<std::string> native_of;

  [[nodiscard]] const MemorySpec* find_memory(std::string_view name) const;
  [[nodiscard]] const ProcessorSpec* find_processor(std::string_view name) const;
  [[nodiscard]] const PathSpec* find_path(std::string_view from, std::string_view to) const;
  [[nodiscard]] const EngineSpec* find_engine(std::string_view name) const;
  /// By name or alias.
  [[nodiscard]] const ImplementationSpec* find_implementation(std::string_view name) const;
  [[nodiscard]] int block_count() const;  // number of BLOCK processors
  /// Whether a processor does anything beside anything else; if not, there is nothing that
  /// buffers of several slots could overlap.
  [[nodiscard]] bool overlaps() const { return engines.size() > 1; }
  /// Whether the hardware deals iterations to processors as these become free; if not, a processor
  /// has a fixed share.
  [[nodiscard]] bool schedules_iterations() const { return family == MachineFamily::cuda; }
};

/// Reads a description; every unknown key, wrong type or senseless value is reported. The files of
/// presets that it uses are added to the sources.
Result<Machine> read_machine(FileId file, SourceManager& sources, Diagnostics& diagnostics);

/// Finds a description by name in the folder of shipped ones, or by path. `place` is where it was
/// asked for (a mapping's `target:`), for the diagnostic.
Result<Machine> load_machine(const std::string& name_or_path, Span place, SourceManager& sources,
                             Diagnostics& diagnostics);
/// Names of the shipped descriptions, sorted.
std::vector<std::string> shipped_machines();
/// Folder of the shipped descriptions: next to the executable's tree, or the source tree; the
/// environment variable SEPTRAN_TARGETS overrides it.
std::string machines_folder();

}  // namespace septran
