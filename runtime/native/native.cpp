#include "runtime/native/native.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>

#include "compiler/base/messages.h"
#include "runtime/native/shared_object.h"
#include "targets/cpu/flags.h"
#include "targets/cpu/lower.h"
#include "targets/host_cpu.h"

namespace septran::runtime {
namespace {

constexpr std::align_val_t workspace_alignment{4096};

struct FreeWorkspace {
  void operator()(std::byte* bytes) const { ::operator delete(bytes, workspace_alignment); }
};
using Workspace = std::unique_ptr<std::byte, FreeWorkspace>;

/// Workspaces that calls take and give back; as many as there were calls at once.
class WorkspacePool {
 public:
  explicit WorkspacePool(std::int64_t bytes)
      : bytes_(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1))) {}

  Workspace take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        Workspace one = std::move(free_.back());
        free_.pop_back();
        return one;
      }
    }
    return Workspace(static_cast<std::byte*>(::operator new(bytes_, workspace_alignment)));
  }
  void give_back(Workspace one) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(one));
  }

 private:
  std::size_t bytes_;
  std::mutex mutex_;
  std::vector<Workspace> free_;
};

class NativeKernel : public Kernel {
 public:
  using Entry = void (*)(void* const* arguments, void* workspace);

  NativeKernel(SharedObject object, Entry entry, const cpu::Source& source)
      : object_(std::move(object)), entry_(entry), workspaces_(source.workspace_bytes) {
    for (const cpu::Parameter& p : source.parameters) {
      tensors_.push_back({p.name, p.dtype, p.shape, p.is_input, p.is_output});
    }
  }

  [[nodiscard]] std::span<const KernelTensor> tensors() const override { return tensors_; }

  Result<RunResult> run(std::span<HostTensor> host, const RunOptions& options,
                        Diagnostics& diagnostics) override {
    if (options.timing_only) {
      diagnostics.report({}, messages::no_simulated_time, "the processor");
      return std::nullopt;
    }
    std::vector<void*> pointers;
    for (HostTensor& tensor : host) pointers.push_back(tensor.bytes.data());
    std::vector<double> seconds;
    for (int i = 0; i < std::max(options.repetitions, 1); ++i) {
      seconds.push_back(timed_call(pointers));
    }
    std::sort(seconds.begin(), seconds.end());
    Measurement measured;
    measured.seconds = seconds[seconds.size() / 2];
    return measured;
  }

  bool call(std::span<void* const> pointers) override {
    Workspace workspace = workspaces_.take();
    entry_(pointers.data(), workspace.get());
    workspaces_.give_back(std::move(workspace));
    return true;
  }

 private:
  /// Seconds of one call.
  double timed_call(std::span<void* const> pointers) {
    Workspace workspace = workspaces_.take();
    const auto start = std::chrono::steady_clock::now();
    entry_(pointers.data(), workspace.get());
    const auto end = std::chrono::steady_clock::now();
    workspaces_.give_back(std::move(workspace));
    return std::chrono::duration<double>(end - start).count();
  }

  SharedObject object_;
  Entry entry_;
  WorkspacePool workspaces_;
  std::vector<KernelTensor> tensors_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> load_native(const tile::Program& program, const Machine& machine,
                                            Diagnostics& diagnostics) {
  const std::vector<std::string> missing = missing_instruction_sets(machine);
  if (!missing.empty()) {
    diagnostics.report({}, messages::cpu_lacks, machine.name,
                       fmt::format("{}", fmt::join(missing, ", ")));
    return std::nullopt;
  }
  const cpu::Source source = cpu::lower_to_c(program, machine);
  auto object = build_shared_object(source.text, cpu::compiler_flags(source, machine), diagnostics);
  if (!object) return std::nullopt;
  const auto entry = reinterpret_cast<NativeKernel::Entry>(object->find(cpu::entry_symbol));
  SEPTRAN_CHECK(entry != nullptr);
  return std::make_unique<NativeKernel>(std::move(*object), entry, source);
}

void limit_spinning() {
  constexpr const char* spins = "10000";  // of GNU's runtime; about 30 us
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", spins, 0);
}

}  // namespace septran::runtime
