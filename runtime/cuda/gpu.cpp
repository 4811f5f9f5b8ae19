#include "runtime/cuda/gpu.h"

#include <algorithm>
#include <cstring>

#include "compiler/base/messages.h"
#include "runtime/cuda/compiler.h"
#include "runtime/cuda/device.h"
#include "targets/cuda/lower.h"

namespace septran::runtime {
namespace {

constexpr int warm_up_runs = 3;
constexpr int most_buffer_sets = 16;
constexpr std::size_t most_buffer_bytes = std::size_t{8} << 30;

/// The buffers of one run: a pointer a tensor, and the workspace's.
struct BufferSet {
  std::vector<DeviceBuffer> buffers;
};

class GpuKernel : public Kernel {
 public:
  GpuKernel(const Device& device, Module module, cuda::Source source)
      : device_(device), module_(std::move(module)), source_(std::move(source)) {
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
    const auto seconds =
        options.repetitions > 1 ? time(host, options.repetitions, fault) : once(host, fault);
    if (!seconds) {
      diagnostics.report({}, messages::gpu_failed, fault.text);
      return std::nullopt;
    }
    Measurement measured;
    measured.seconds = *seconds;
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
      auto buffer = device_.allocate(std::max<std::size_t>(tensor.bytes.size(), 1), fault);
      if (!buffer || !buffer->upload(tensor.bytes, fault)) return std::nullopt;
      set.buffers.push_back(std::move(*buffer));
    }
    auto workspace = device_.allocate(static_cast<std::size_t>(source_.workspace_bytes), fault);
    if (!workspace) return std::nullopt;
    set.buffers.push_back(std::move(*workspace));
    return set;
  }

  /// Queues all launches of one run.
  bool launch(const BufferSet& set, GpuFault& fault) {
    const DeviceBuffer& workspace = set.buffers.back();
    const bool counts = std::any_of(source_.kernels.begin(), source_.kernels.end(),
                                    [](const auto& kernel) { return kernel.waits_for_grid; });
    if (counts && !workspace.clear(256, fault)) return false;
    std::vector<Driver::DevicePointer> pointers;
    for (const DeviceBuffer& buffer : set.buffers) pointers.push_back(buffer.address());
    for (const cuda::KernelSource& kernel : source_.kernels) {
      if (!module_.launch(kernel, pointers, fault)) return false;
    }
    return true;
  }

  /// One run with its results; seconds of the launches.
  std::optional<double> once(std::span<HostTensor> host, GpuFault& fault) {
    const auto set = make_set(host, fault);
    if (!set) return std::nullopt;
    Stopwatch watch(device_);
    if (!watch.start(fault) || !launch(*set, fault)) return std::nullopt;
    const auto seconds = watch.stop(fault);
    if (!seconds) return std::nullopt;
    for (std::size_t i = 0; i < host.size(); ++i) {
      if (tensors_[i].is_output && !set->buffers[i].download(host[i].bytes, fault)) {
        return std::nullopt;
      }
    }
    return seconds;
  }

  /// The median of runs on buffers in turn, more of them than the L2 cache holds.
  std::optional<double> time(std::span<HostTensor> host, int repetitions, GpuFault& fault) {
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
    for (int i = 0; i < warm_up_runs; ++i) {
      if (!launch(sets[static_cast<std::size_t>(i) % count], fault)) return std::nullopt;
    }
    std::vector<Stopwatch> watches;
    for (int i = 0; i < repetitions; ++i) {
      Stopwatch& watch = watches.emplace_back(device_);
      const bool queued = watch.start(fault) &&
                          launch(sets[static_cast<std::size_t>(i) % count], fault) &&
                          watch.mark(fault);
      if (!queued) return std::nullopt;
    }
    std::vector<double> seconds;
    for (Stopwatch& watch : watches) {
      const auto one = watch.read(fault);
      if (!one) return std::nullopt;
      seconds.push_back(*one);
    }
    std::nth_element(seconds.begin(), seconds.begin() + repetitions / 2, seconds.end());
    return seconds[static_cast<std::size_t>(repetitions / 2)];
  }

  const Device& device_;
  Module module_;
  cuda::Source source_;
  std::vector<KernelTensor> tensors_;
};

/// The architecture that an "sm_90a" asks of a device; code with a letter runs on that one alone.
bool runs_on(const std::string& architecture, int capability) {
  int wanted = 0;
  bool exact = false;
  for (const char c : architecture.substr(3)) {
    if (c >= '0' && c <= '9') {
      wanted = wanted * 10 + (c - '0');
    } else {
      exact = true;
    }
  }
  return exact ? wanted == capability : wanted <= capability && wanted / 10 == capability / 10;
}

}  // namespace

Result<std::unique_ptr<Kernel>> load_gpu(const tile::Program& program, const Machine& machine,
                                         Diagnostics& diagnostics) {
  std::string why;
  const Device* device = find_device(why);
  if (device == nullptr) {
    diagnostics.report({}, messages::no_gpu, machine.name, why);
    return std::nullopt;
  }
  if (!runs_on(machine.cuda.architecture, device->capability())) {
    diagnostics.report({}, messages::gpu_other_architecture, machine.name,
                       machine.cuda.architecture, device->name(), device->capability() / 10,
                       device->capability() % 10);
    return std::nullopt;
  }
  cuda::Source source = cuda::lower_to_cuda(program, machine);
  const auto cubin =
      compile_gpu_code(source.text, source.architecture, GpuCode::cubin, diagnostics);
  if (!cubin) return std::nullopt;
  GpuFault fault;
  auto module = Module::load(*device, *cubin, source.kernels, fault);
  if (!module) {
    diagnostics.report({}, messages::gpu_failed, fault.text);
    return std::nullopt;
  }
  return std::make_unique<GpuKernel>(*device, std::move(*module), std::move(source));
}

}  // namespace septran::runtime
