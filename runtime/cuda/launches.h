// The launches of one run, ready to be queued: what a launch needs is laid out once, so that it
// costs the host little more than the driver's own calls.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "runtime/cuda/device.h"

namespace septran::runtime {

class Launches {
 public:
  /// `pointers` are those of the source's parameters and, last, the workspace. The module must
  /// outlive the launches.
  static std::optional<Launches> prepare(const Device& device, const Module& module,
                                         const cuda::Source& source,
                                         std::vector<Driver::DevicePointer> pointers,
                                         GpuFault& fault);
  Launches(Launches&&) noexcept;
  Launches& operator=(Launches&&) noexcept;
  ~Launches();

  /// Queues them in their order.
  bool queue(GpuFault& fault) const;

 private:
  struct Launch;
  explicit Launches(const Device& device);
  bool add(const Module& module, const cuda::KernelSource& kernel, GpuFault& fault);
  bool queue(const Launch& launch, GpuFault& fault) const;

  const Device* device_;
  std::vector<Driver::DevicePointer> pointers_;
  std::vector<std::unique_ptr<Launch>> launches_;
  bool counts_ = false;  // arrivals at barriers of all blocks
};

}  // namespace septran::runtime
