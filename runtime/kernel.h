// A compiled kernel that some backend can run: the one interface that all backends offer to
// `septran run`, `septran check` and tests.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "runtime/tensor.h"

namespace septran::runtime {

/// A tensor that the host gives a kernel or gets from it.
struct KernelTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  bool is_input = false;   // its values are read
  bool is_output = false;  // its values are written
  /// Whether the host has bytes for it; a parameter that the kernel never touches has none.
  [[nodiscard]] bool is_used() const { return is_input || is_output; }
};

struct RunOptions {
  bool timing_only = false;    // a simulation's time without values; refused by other backends
  bool check_hazards = false;  // of a simulation: the run stops as a "hazard" if there is one
  /// Timed runs on real hardware, each on the tensors as the one before left them; a simulation
  /// runs once.
  int repetitions = 1;
  bool report = false;  // of a simulation: all that it has to say, as JSON
};

/// What a device takes of the host's time, in seconds.
struct DeviceCosts {
  double start = 0;   // of the driver and the device, once a process
  double code = 0;    // to compile the kernel, or to find it in the cache
  double load = 0;    // of the code, on the device
  double launch = 0;  // to queue one run: the median of timed runs
};

/// What a finished run took.
struct Measurement {
  std::optional<std::int64_t> cycles;     // of a simulation
  std::optional<double> seconds;          // at the clock; on real hardware the median
  std::optional<double> mma_utilization;  // 0 .. 1
  std::optional<DeviceCosts> device_costs{};
  std::string report{};  // JSON (docs/report.schema.json), where asked for and known
};

/// A run that the machine ended.
struct Stopped {
  std::string kind;      // "trap", "deadlock", "hazard"
  std::string text;      // what happened, in full
  std::string report{};  // as Measurement's
};

using RunResult = std::variant<Measurement, Stopped>;

/// A kernel that is loaded and can be run any number of times.
class Kernel {
 public:
  virtual ~Kernel() = default;
  /// One for each tensor parameter of the entry task, in order.
  [[nodiscard]] virtual std::span<const KernelTensor> tensors() const = 0;
  /// Runs on host tensors, one for each of tensors(), of that type and shape; outputs are written
  /// in place. What is not used may be empty; with timing_only all of `host` is. Nothing where a
  /// fault of the input was reported.
  virtual Result<RunResult> run(std::span<HostTensor> host, const RunOptions& options,
                                Diagnostics& diagnostics) = 0;
  /// Runs once on the caller's memory, without copies: a pointer to the dense, row-major elements
  /// of each of tensors(). Several threads may call at once. False, with nothing done, where a
  /// backend has no access to it.
  virtual bool call(std::span<void* const> /*pointers*/) { return false; }
};

}  // namespace septran::runtime
