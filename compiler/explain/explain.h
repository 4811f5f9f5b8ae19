// Why a compiled program is as it is: where arguments and buffers lie, what is copied when, which
// event orders what, how full the memories are; and which edits of the mapping would help.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/passes/pass.h"

namespace septran::explain {

/// What is explained: everything that the program was made from, and the program before and after
/// the passes.
struct Subject {
  const lang::Module& module;
  const lang::EntryBinding& entry;
  const mapping::Mapping& mapping;
  const Machine& machine;
  const SourceManager& sources;
  const tile::Program& launch_tree;
  const tile::Program& program;
};

/// Lines of the files that something comes from, "file:line", each maybe empty.
struct Place {
  std::string logic;
  std::string mapping;
};

struct ArgumentNote {
  std::string name;
  std::string type;       // "f32[128, 64]"
  std::string memory;     // where the launch has it
  std::string placement;  // "reference", "parts", "whole" or "never"
  int depth = 1;
  std::string why;
  Place place;
};
struct LaunchNote {
  int level = 0;  // launches around it
  std::string task;
  std::string instance;
  std::string processor;
  std::string around;                   // the loops that it stands in, within the launch around it
  std::vector<ArgumentNote> arguments;  // temporaries of the task included
  Place place;
};

/// A parallel loop that is dealt out.
struct SpreadNote {
  std::string loop;
  std::int64_t iterations = 0;  // at most
  int processors = 1;           // iteration t runs on processor t mod this
  Place place;
  /// Iterations of the processor that has most.
  [[nodiscard]] std::int64_t most() const { return (iterations + processors - 1) / processors; }
};

struct BufferNote {
  std::string name;
  std::string memory;
  std::string type;  // of a slot, as held: "f32[128, 64]"
  std::string held;  // the element type of its values, where it is held in another
  int slots = 1;
  std::int64_t bytes = 0;  // all slots
  std::int64_t address = 0;
  std::string made_for;   // the rule that made it
  std::string depth_key;  // the key of the mapping that says how deep it is, and where it stands
  std::string lives;
  std::vector<std::string> overlaps;  // buffers at the same addresses at other times
  Place place;
};
struct MemoryNote {
  std::string name;
  std::int64_t size_bytes = 0;
  std::int64_t peak_bytes = 0;  // highest address in use
  bool is_private = false;      // one a processor
  [[nodiscard]] std::int64_t free_bytes() const { return size_bytes - peak_bytes; }
};

/// A number of bytes or runs; an upper bound where counting would take too long.
struct Count {
  std::int64_t value = 0;
  bool exact = true;
};
struct CopyNote {
  std::string rule;  // "stream A", "copy out C", ...
  std::string from;  // tensor
  std::string to;
  std::string from_memory;
  std::string to_memory;
  std::string engine;
  std::string path;            // what the path is, and does on the way
  std::int64_t run_bytes = 0;  // of one run, at most
  Count runs;                  // on all processors together
  Count bytes;                 // of all runs
  std::string where;           // the loop that it stands in
  std::string why;             // why there
  Place place;
};
/// Bytes of a tensor in GLOBAL that cross to or from it.
struct TrafficNote {
  std::string tensor;
  bool is_read = false;
  Count moved;
  std::int64_t minimum = 0;  // each element once
};

struct CallNote {
  std::string text;            // "gemm acc, A, B"
  std::string implementation;  // or the path of a copy
  std::string engine;
  std::string why;
  std::vector<std::pair<std::string, std::string>> rejected;  // implementation and why
  std::string cut;  // how the call is split, and who said so
  Place place;
};

struct EventNote {
  std::string name;
  std::string signaller;
  std::string waiter;
  int credits = 0;
  int pairs = 1;
  bool merged = false;
  std::vector<std::string> orders;
  std::vector<std::string> along;  // dependences that it orders as well
};
struct BarrierNote {
  std::string arrive;
  std::string wait;
  std::string why;
  Place place;
};
/// How far the sequencer lets an engine run ahead of another that uses what it makes.
struct AheadNote {
  std::string buffer;
  int slots = 1;
  int useful = 1;      // slots that the queue lets be in use
  std::string engine;  // whose queue it is
  int queue_depth = 0;
  int commands = 0;  // of that engine in a trip
  std::string loop;
  [[nodiscard]] bool queue_limits() const { return slots > useful; }
};

/// Cycles that the operations of an engine take at least, from the target's description.
struct WorkNote {
  std::string engine;
  Count operations;
  double cycles = 0;  // on the busiest processor
};

struct Remark {
  std::string text;
  Place place;
};

/// A change of one key of the mapping.
struct Edit {
  std::string instance;
  std::string key;    // "pipeline", "rotate", "tunables", "resident", "mems", "order", "schedule"
  std::string value;  // as it is written: "2", "{acc: 2}"
  std::string place;  // where the key, or the instance, stands now
};
struct Proposal {
  std::vector<Edit> edits;
  std::string reason;
  std::string effect;                  // what the program is like with it
  std::optional<std::int64_t> cycles;  // with it, if it was measured
};

struct Explanation {
  std::string program;
  std::string target;
  int processors = 1;
  std::vector<LaunchNote> launches;
  std::vector<SpreadNote> spread;
  std::vector<BufferNote> buffers;  // by memory, then address
  std::vector<MemoryNote> memories;
  std::vector<CopyNote> copies;
  std::vector<TrafficNote> traffic;
  std::vector<CallNote> calls;
  std::vector<EventNote> events;
  std::vector<BarrierNote> barriers;
  std::vector<AheadNote> ahead;
  std::vector<WorkNote> work;
  std::vector<Remark> remarks;
  std::vector<Proposal> proposals;
  std::vector<Remark> rejected;        // proposals that do not fit
  std::optional<std::int64_t> cycles;  // of the program as it is, if measured
};

/// Cycles of a program after all passes on its target, or nothing if it cannot be run.
using Measure = std::function<std::optional<std::int64_t>(const tile::Program&)>;

struct Options {
  Measure measure;  // empty: proposals carry no cycles, and are judged by what they move and hold
};

/// Explains a program. Proposals were compiled before they are made; those that the compiler
/// refuses are named in `rejected`. With `measure`, only proposals that take fewer cycles are made,
/// the best first.
Explanation explain(const Subject& subject, const Options& options = {});

/// For a terminal. Deterministic.
std::string to_text(const Explanation& explanation);
/// As JSON text; docs/explain.md describes the keys.
std::string to_json(const Explanation& explanation);

}  // namespace septran::explain
