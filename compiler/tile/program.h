// The tile program: buffers in named memories, structured loops and a handful of operations on
// tiles. Every backend consumes it. It prints, parses back (text.h), is verified after every pass
// (verify.h) and can be executed (interpret.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/base/dtype.h"
#include "compiler/base/expr.h"
#include "compiler/base/gpu_options.h"
#include "compiler/base/source.h"
#include "compiler/base/view.h"
#include "compiler/primitives/primitives.h"

namespace septran::tile {

struct TensorId {
  std::uint32_t value = UINT32_MAX;
  auto operator<=>(const TensorId&) const = default;
};
struct EventId {
  std::uint32_t value = UINT32_MAX;
  auto operator<=>(const EventId&) const = default;
};

/// Where an operation or buffer came from, as `septran explain` prints it.
struct Origin {
  std::string logic;    // "gemm.py:24"
  std::string mapping;  // "dsa_edge.yaml:18"
  std::string rule;     // "stream A", "copy out C", ...
  Span logic_span;      // where diagnostics point; not part of the text form
  Span mapping_span;
  /// Where diagnostics point: into the mapping, where it has a say.
  [[nodiscard]] Span span() const { return mapping_span.valid() ? mapping_span : logic_span; }
  bool operator==(const Origin& other) const {
    return logic == other.logic && mapping == other.mapping && rule == other.rule;
  }
};

/// How the argument of a launch is brought to the memory that the callee's instance asks for.
enum class Placement {
  reference,  // stays where it is
  never,      // NONE: must not be materialised at this level
  whole,      // one buffer for the whole argument, for as long as the launch runs
  parts       // by the parts that primitives use, in the innermost loops these depend on
};

enum class TensorKind {
  argument,   // of the entry task, in GLOBAL
  temporary,  // made by a task; `memory` says where it is to live
  parameter,  // of a launch (Scope): a view of another tensor, not yet placed
  buffer      // placed: allocated in an on-chip memory by Alloc
};

/// Anything that a tile can be cut from.
struct Tensor {
  std::string name;
  TensorKind kind = TensorKind::buffer;
  DType dtype = DType::f32;    // element type of its values
  DType storage = DType::f32;  // element type that it occupies (wider in accumulators)
  std::vector<Expr> shape;     // constant, but for temporaries and parameters in loops
  std::string memory;          // "GLOBAL", "SHARED", "REGISTER", ...
  int depth = 1;               // ring slots
  bool is_input = false;       // arguments: read by the kernel
  bool is_output = false;      // arguments: written by the kernel
  /// Bytes between neighbours along each axis; empty until layouts are assigned.
  std::vector<std::int64_t> strides_bytes;
  /// First byte of slot 0 in its memory, once placed (temporaries in GLOBAL: in the kernel's
  /// workspace); slot s is at offset_bytes + s * slot_bytes.
  std::optional<std::int64_t> offset_bytes;
  std::int64_t slot_bytes = 0;
  Origin origin;
};

/// A tile: a view of a tensor. For a ring, of its current slot, or of the one that was current
/// `age` generations ago (less than the ring's depth).
struct TileRef {
  TensorId tensor;
  View view;
  int age = 0;
  bool operator==(const TileRef&) const = default;
};
using Operand = std::variant<std::monostate, TileRef, double>;  // absent, tile, scalar

struct Statement;
using Block = std::vector<Statement>;

/// A fresh generation of a buffer begins (its ring's position moves on), with undefined elements.
/// It lives until the end of the block that this statement stands in.
struct Alloc {
  TensorId tensor;
};

/// A place in the order of one trip of a loop: the launch (as Statement::launch has it) of the trip
/// that many earlier.
struct ScheduleStep {
  std::string launch;
  int trips_earlier = 0;
  Span span;  // in the mapping file; not part of the text form
  bool operator==(const ScheduleStep& other) const {
    return launch == other.launch && trips_earlier == other.trips_earlier;
  }
};

/// for var in begin .. end-1 (the bounds stand in the VarTable).
struct Loop {
  VarId var;
  Block body;
  /// Iterations are independent (made from a parallel loop).
  bool independent = false;
  /// A worker's share of a parallel loop: var = worker, worker + workers, ... below its end.
  int workers = 0;  // 0: an ordinary loop
  /// The order that the mapping asks for, until the loop is rotated by it.
  std::vector<ScheduleStep> schedule{};
  /// Processors that the mapping deals its trips to, until that is done; 0: it stays with one.
  int spread = 0;
  /// How blocks of a GPU run a worker's share. Those of a cluster have `cluster_blocks()` trips in
  /// a row, equally many each.
  std::optional<GpuOptions> gpu{};
};

/// Order of traversal of a parallel loop, by index into Parallel::vars.
struct TraversalOrder {
  std::vector<std::size_t> nest;    // outermost first; empty: as written
  std::vector<std::int64_t> group;  // per variable, 0: none
  std::vector<bool> reverse;        // per variable
  bool operator==(const TraversalOrder&) const = default;
};

struct Parallel {
  std::vector<VarId> vars;
  Block body;
  /// Processors that it is spread over; empty: runs in order on the processor that reaches it.
  std::string processor;
  int workers = 0;  // 0: one an iteration ("grid"); -1: as many as the machine has; else a number
  TraversalOrder order;
  std::optional<GpuOptions> gpu{};  // once it is spread
};

struct If {
  Cond condition;
  Block then;
  Block otherwise;
};

/// A request for the placement of one argument of a launch.
struct ScopeArgument {
  TensorId parameter;  // kind parameter: what the body calls it
  TileRef source;      // what was passed
  Placement placement = Placement::reference;
  std::string memory;  // for whole and parts
  int depth = 1;       // ring depth of what is streamed, or of the buffer (rotate)
  Origin origin;
};
/// A launch: its body refers to the arguments by the parameters' tensors.
struct Scope {
  std::string task;
  std::string instance;
  std::string processor;
  std::vector<ScopeArgument> arguments;
  Block body;
  std::optional<GpuOptions> gpu{};
};

/// What a binding of the mapping file says about one primitive call.
struct Binding {
  std::string implementation;  // empty: the compiler chooses
  std::vector<std::int64_t> tile;
  struct Split {
    std::string dim;
    std::int64_t size = 0;
    bool operator==(const Split&) const = default;
  };
  std::vector<Split> split;
  bool swap = false;
  std::vector<Split> spread;   // reduction dimensions and the processors that they are dealt to
  std::string mapping_origin;  // "dsa_edge.yaml:18"
  Span span;                   // of the binding in the mapping file; not part of the text form
  Span spread_span;            // likewise
  bool operator==(const Binding& other) const {
    return implementation == other.implementation && tile == other.tile && split == other.split &&
           swap == other.swap && spread == other.spread && mapping_origin == other.mapping_origin;
  }
};

/// A primitive call that no engine has been chosen for yet.
struct Prim {
  const Primitive* primitive = nullptr;
  std::vector<Operand> operands;
  Attributes attributes;
  Binding binding;
};

struct DmaCopy {
  TileRef dst;
  TileRef src;
};

/// acc = (accumulate ? acc : 0) + alpha * op(a) * op(b).
struct Mma {
  TileRef acc;
  TileRef a;
  TileRef b;
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1.0;
  Cond accumulate = Cond(true);
  /// The native tile [m, n] of an implementation that takes A and B in panels; otherwise empty.
  /// [m, n, g] of one whose instructions add up g neighbours along k, which panels keep together.
  std::vector<std::int64_t> tile = {};
  /// Bits of the mantissa that f32 factors are rounded to, to nearest, before they are multiplied;
  /// 0: all of them.
  int factor_bits = 0;
  /// Bits of the mantissa that sums keep, cut off behind every 16 products at the most; 0: all.
  int sum_bits = 0;
};

/// A primitive on the vector engine; operands lie in memories that it reaches.
struct Vec {
  const Primitive* primitive = nullptr;
  std::vector<Operand> operands;
  Attributes attributes;
  std::optional<Cond> guard;  // runs only where it holds
};

enum class SyncKind { wait, signal };
struct Sync {
  SyncKind kind = SyncKind::wait;
  std::vector<EventId> events;
};

/// Every processor's engines named in `arrive` have finished all earlier operations before any
/// engine in `wait` of any processor starts a later one.
struct Barrier {
  std::vector<std::string> arrive;
  std::vector<std::string> wait;
};

/// A statement of a loop that a schedule has rotated, or of a trip peeled off it: which of the
/// statements of one trip it is, and how many trips late that runs. What stands in the loop and
/// what is peeled off it together run every statement once a trip of the loop as it was written,
/// in order, so that they may share event counters.
struct TripPart {
  int family = 0;  // one for each rotated loop
  int index = 0;
  int lag = 0;
  bool peeled = false;
  bool operator==(const TripPart&) const = default;
};

struct Statement {
  std::variant<Alloc, Loop, Parallel, If, Scope, Prim, DmaCopy, Mma, Vec, Sync, Barrier> node;
  std::string engine;  // of DmaCopy, Mma, Vec and Sync, once assigned
  Origin origin;
  /// In a loop with a schedule: the launch that this is a part of ("scores", "scores#2").
  std::string launch{};
  std::optional<TripPart> part{};  // until syncs are inserted
};

/// A dependence that an event orders: `target` must not start before `source` has finished.
struct Ordered {
  TensorId source_tensor;
  TensorId target_tensor;  // another one where buffers share addresses
  bool source_writes = false;
  Origin source;
  Origin target;
  std::string loop;    // variable of the loop that carries it; empty within one trip
  int distance = 0;    // trips of that loop
  bool along = false;  // the event was made for another dependence and orders this one as well
};

/// A counter between one signalling and one waiting engine.
struct Event {
  std::string name;
  std::string signaller;  // engine
  std::string waiter;     // engine
  int credits = 0;        // its value at the start
  /// What it is for, and how many pairs of places signal and wait (more than one where pairs share
  /// the counter). For `septran explain`; not part of the text form.
  std::vector<Ordered> orders = {};
  int pairs = 0;
  bool merged = false;  // a pair serves what would have been several, for want of counters
};

struct Program {
  std::string name;    // entry task
  std::string target;  // machine description
  std::vector<Tensor> tensors;
  std::vector<Event> events;
  VarTable vars;
  Block body;

  TensorId add_tensor(Tensor tensor) {
    tensors.push_back(std::move(tensor));
    return TensorId{static_cast<std::uint32_t>(tensors.size() - 1)};
  }
  [[nodiscard]] Tensor& operator[](TensorId id) { return tensors.at(id.value); }
  [[nodiscard]] const Tensor& operator[](TensorId id) const { return tensors.at(id.value); }
};

}  // namespace septran::tile
