#include "runtime/cuda/gpu.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "compiler/base/messages.h"
#include "runtime/cuda/compiler.h"
#include "runtime/cuda/launches.h"
#include "targets/cuda/lower.h"

namespace septran::runtime {
namespace {

constexpr int warm_up_runs = 3;
constexpr int most_buffer_sets = 16;
constexpr std::size_t most_buffer_bytes = std::size_t{8} << 30;

/// Runs that take less are timed several at a time, one after the other.
constexpr double shortest_timed_seconds = 200e-6;
constexpr int most_runs_timed_together = 64;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The buffers of one run: a tensor's each, and the workspace; and the launches on them.
struct BufferSet {
  std::vector<DeviceBuffer> buffers;
  std::optional<Launches> launches;
};

class GpuKernel : public Kernel {
 public:
  /// `costs`: those of loading.
  GpuKernel(const Device& device, Module module, cuda::Source source, const DeviceCosts& costs)
      : device_(device), module_(std::move(module)), source_(std::move(source)), costs_(costs) {
    for (const cuda::Parameter& p : source_.parameters) {
      tensors_.push_back({p.name, p.dtype, p.shape, p.is_input, p.is_output});
    }
  }

  [[nodiscard]] std::span<const KernelTensor> tensors() const override { return tensors_; }

  Result<RunResult> run(std::span<HostTensor> host, const RunOptions& options,
                        Diagnostics& diagnostics) override {
    if (options.timing_only) {
      diagnostics.report({}, messages::no_simulated_time, "the GPU");
      return std::nullopt;
    }
    GpuFault fault;
    Measurement measured;
    measured.device_costs = costs_;
    const bool fine = options.repetitions > 1 ? time(host, options.repetitions, measured, fault)
                                              : once(host, measured, fault);
    if (!fine) {
      diagnostics.report({}, messages::gpu_failed, fault.text);
      return std::nullopt;
    }
    return measured;
  }

 private:
  [[nodiscard]] std::size_t bytes_of(std::span<HostTensor> host) const {
    std::size_t bytes = static_cast<std::size_t>(source_.workspace_bytes);
    for (const HostTensor& tensor : host) bytes += tensor.bytes.size();
    return bytes;
  }

  std::optional<BufferSet> make_set(std::span<HostTensor> host, GpuFault& fault) {
    BufferSet set;
    for (const HostTensor& tensor : host) {
      // Kernels read whole pieces of 16 bytes.
      const std::size_t pieces = tensor.bytes.size() / 16 + 1;
      auto buffer = device_.allocate(pieces * 16, fault);
      if (!buffer || !buffer->upload(tensor.bytes, fault)) return std::nullopt;
      set.buffers.push_back(std::move(*buffer));
    }
    auto workspace = device_.allocate(static_cast<std::size_t>(source_.workspace_bytes), fault);
    if (!workspace) return std::nullopt;
    set.buffers.push_back(std::move(*workspace));
    std::vector<Driver::DevicePointer> pointers;
    for (const DeviceBuffer& buffer : set.buffers) pointers.push_back(buffer.address());
    set.launches = Launches::prepare(device_, module_, source_, std::move(pointers), fault);
    if (!set.launches) return std::nullopt;
    return set;
  }

  /// One run with its results.
  bool once(std::span<HostTensor> host, Measurement& measured, GpuFault& fault) {
    const auto set = make_set(host, fault);
    if (!set) return false;
    Stopwatch watch(device_);
    if (!watch.start(fault) || !set->launches->queue(fault)) return false;
    measured.seconds = watch.stop(fault);
    if (!measured.seconds) return false;
    for (std::size_t i = 0; i < host.size(); ++i) {
      if (tensors_[i].is_output && !set->buffers[i].download(host[i].bytes, fault)) return false;
    }
    return true;
  }

  /// Buffers to be used in turn, more of them than the L2 cache holds.
  std::optional<std::vector<BufferSet>> make_sets(std::span<HostTensor> host, GpuFault& fault) {
    const std::size_t bytes = std::max<std::size_t>(bytes_of(host), 1);
    const std::size_t wanted = 1 + 2 * device_.l2_bytes() / bytes;
    const std::size_t room = std::max<std::size_t>(1, most_buffer_bytes / bytes);
    const std::size_t count = std::min({wanted, room, std::size_t{most_buffer_sets}});
    std::vector<BufferSet> sets;
    for (std::size_t i = 0; i < count; ++i) {
      auto set = make_set(host, fault);
      if (!set) return std::nullopt;
      sets.push_back(std::move(*set));
    }
    return sets;
  }

  /// The medians of repetitions, after some to warm up.
  bool time(std::span<HostTensor> host, int repetitions, Measurement& measured, GpuFault& fault) {
    const auto sets = make_sets(host, fault);
    if (!sets) return false;
    std::size_t next = 0;
    const auto queue = [&] { return (*sets)[next++ % sets->size()].launches->queue(fault); };
    double one = 0;
    for (int i = 0; i < warm_up_runs; ++i) {
      Stopwatch watch(device_);
      if (!watch.start(fault) || !queue()) return false;
      const auto seconds = watch.stop(fault);
      if (!seconds) return false;
      one = *seconds;
    }
    const int together = static_cast<int>(
        std::clamp<double>(std::ceil(shortest_timed_seconds / one), 1, most_runs_timed_together));
    std::vector<Stopwatch> watches;
    std::vector<double> launches;
    for (int i = 0; i < repetitions; ++i) {
      Stopwatch& watch = watches.emplace_back(device_);
      if (!watch.start(fault)) return false;
      for (int r = 0; r < together; ++r) {
        const Clock::time_point start = Clock::now();
        if (!queue()) return false;
        launches.push_back(seconds_since(start));
      }
      if (!watch.mark(fault)) return false;
    }
    std::vector<double> seconds;
    for (Stopwatch& watch : watches) {
      const auto several = watch.read(fault);
      if (!several) return false;
      seconds.push_back(*several / together);
    }
    measured.seconds = median(seconds);
    measured.device_costs->launch = median(launches);
    return true;
  }

  const Device& device_;
  Module module_;
  cuda::Source source_;
  DeviceCosts costs_;
  std::vector<KernelTensor> tensors_;
};

/// How code for an "sm_90a" gets onto a device: as it is on GPUs of the same generation; through
/// PTX, which the driver compiles, on later ones. With a letter it is for that one GPU alone.
std::optional<GpuCode> code_for(const std::string& architecture, int capability) {
  const int wanted = cuda::capability_of(architecture);
  if (wanted == capability) return GpuCode::cubin;
  const char last = architecture.back();
  if (last < '0' || last > '9' || wanted > capability) return std::nullopt;
  return wanted / 10 == capability / 10 ? GpuCode::cubin : GpuCode::ptx;
}

}  // namespace

Result<std::unique_ptr<Kernel>> load_gpu(const tile::Program& program, const Machine& machine,
                                         Diagnostics& diagnostics) {
  std::string why;
  DeviceCosts costs;
  auto start = Clock::now();
  const Device* device = find_device(why);
  costs.start = seconds_since(start);
  if (device == nullptr) {
    diagnostics.report({}, messages::no_gpu, machine.name, why);
    return std::nullopt;
  }
  const auto kind = code_for(machine.cuda.architecture, device->capability());
  if (!kind) {
    diagnostics.report({}, messages::gpu_other_architecture, machine.name,
                       machine.cuda.architecture, device->name(), device->capability() / 10,
                       device->capability() % 10);
    return std::nullopt;
  }
  auto lowered = cuda::lower_to_cuda(program, machine, diagnostics);
  if (!lowered) return std::nullopt;
  cuda::Source source = std::move(*lowered);
  start = Clock::now();
  const auto code = compile_gpu_code(source.text, source.architecture, *kind, diagnostics);
  if (!code) return std::nullopt;
  costs.code = seconds_since(start);
  start = Clock::now();
  GpuFault fault;
  auto module = Module::load(*device, *code, source.kernels, fault);
  if (!module) {
    diagnostics.report({}, messages::gpu_failed, fault.text);
    return std::nullopt;
  }
  costs.load = seconds_since(start);
  return std::make_unique<GpuKernel>(*device, std::move(*module), std::move(source), costs);
}

}  // namespace septran::runtime
