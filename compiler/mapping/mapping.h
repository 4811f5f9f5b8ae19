// The mapping file: how one logic file runs on one target.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/base/gpu_options.h"
#include "compiler/frontend/task_tree.h"
#include "targets/machine.h"

namespace septran::mapping {

/// A value with the place where it is written.
template <typename T>
struct Spanned {
  T value{};
  Span span;
};

/// A tunable: integer, float, boolean, a list of integers, or a string that is not an expression.
using TunableValue =
    std::variant<std::int64_t, double, bool, std::vector<std::int64_t>, std::string>;

struct Binding {
  std::string implementation;  // empty: the compiler chooses
  std::vector<Spanned<std::int64_t>> tile;
  struct Split {
    std::string dim;
    std::int64_t size = 0;
    Span span;
  };
  std::vector<Split> split;  // outermost first
  bool swap = false;
  Span span;
};

/// `schedule`'s entries: callee[#occurrence][@-trips].
struct ScheduleEntry {
  std::string callee;
  int occurrence = 1;
  int trips_earlier = 0;
  Span span;
};

struct Order {
  std::vector<Spanned<std::string>> loops;
  std::map<std::string, Spanned<std::int64_t>> group;
  std::vector<Spanned<std::string>> reverse;
  Span span;
};

/// `workers`: grid, all, or a number.
struct Workers {
  enum class Kind { unset, grid, all, number } kind = Kind::unset;
  int number = 0;
  Span span;
};

struct Instance {
  std::string name;
  Span name_span;
  Span span;
  Spanned<std::string> task_name;
  Spanned<std::string> processor;
  std::map<std::string, Spanned<std::string>> mems;  // "NONE" included
  std::map<std::string, Spanned<TunableValue>> tunables;
  std::map<std::string, Spanned<std::string>> calls;  // task -> instance
  std::optional<Spanned<int>> pipeline;
  std::map<std::string, Spanned<int>> rotate;
  std::vector<Spanned<std::string>> resident;
  std::map<std::string, Binding> leaf_task_bindings;  // by leaf task
  std::vector<ScheduleEntry> schedule;
  Workers workers;
  Order order;
  std::map<std::string, Spanned<int>> spread;  // dimension or loop variable -> processors
  std::optional<GpuOptions> gpu;               // under `cuda:`
};

struct Mapping {
  FileId file;
  Spanned<std::string> target;  // may be empty: given on the command line
  Spanned<std::string> entrypoint;
  std::map<std::string, Instance> instances;
  std::map<std::string, Binding> leaf_task_bindings;  // defaults for all instances
  bool has_tune = false;                              // some `!tune` took its first value

  [[nodiscard]] const Instance* find(const std::string& name) const;
};

/// Values that expressions and `when:` conditions of the file may use: the entry's dimensions and
/// scalars, and the element types of its tensors (`dtype`, `A.dtype`).
struct Environment {
  std::map<std::string, std::variant<std::int64_t, double, bool>> values;
  std::map<std::string, DType> dtypes;  // by parameter name
};

/// The target that the file names (through `extends` too), without reading the rest.
Result<Spanned<std::string>> read_target_name(FileId file, SourceManager& sources,
                                              Diagnostics& diagnostics);
/// The task that the file's entry point runs, so that its dimensions can be bound before reading.
Result<Spanned<std::string>> read_entry_task(FileId file, SourceManager& sources,
                                             Diagnostics& diagnostics);

/// Reads a mapping file: templates merged (`extends`, `with`), the first case whose `when` holds
/// laid over, expressions evaluated, `!tune` replaced by its first value; then checked against the
/// logic file and the machine. Every fault found is reported.
Result<Mapping> read_mapping(FileId file, const Environment& environment,
                             const lang::Module& module, const Machine& machine,
                             SourceManager& sources, Diagnostics& diagnostics);

}  // namespace septran::mapping
