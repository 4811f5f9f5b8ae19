// A GPU: its memory, modules, launches and time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/cuda/driver.h"
#include "targets/cuda/source.h"

namespace septran::runtime {

/// What the driver said of a call that failed.
struct GpuFault {
  std::string text;
};

class Device;

/// Memory of a device, freed at the end.
class DeviceBuffer {
 public:
  DeviceBuffer(const Device& device, Driver::DevicePointer address)
      : device_(&device), address_(address) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept : device_(other.device_), address_(other.address_) {
    other.address_ = 0;
  }
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  DeviceBuffer(const DeviceBuffer&) = delete;
  ~DeviceBuffer();

  [[nodiscard]] Driver::DevicePointer address() const { return address_; }
  bool upload(std::span<const std::byte> bytes, GpuFault& fault) const;
  bool download(std::span<std::byte> bytes, GpuFault& fault) const;

 private:
  const Device* device_;
  Driver::DevicePointer address_;
};

/// The first GPU, ready for use by the calling thread.
class Device {
 public:
  explicit Device(const Driver& driver) : driver_(driver) {}
  [[nodiscard]] const Driver& driver() const { return driver_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int capability() const { return capability_; }  // 90 for 9.0
  [[nodiscard]] int multiprocessors() const { return multiprocessors_; }
  [[nodiscard]] std::size_t l2_bytes() const { return l2_bytes_; }
  [[nodiscard]] Driver::Handle stream() const { return stream_; }
  std::optional<DeviceBuffer> allocate(std::size_t bytes, GpuFault& fault) const;
  /// Whether a call succeeded; if not, `fault` says what failed.
  bool check(Driver::Result result, const char* what, GpuFault& fault) const;
  /// Takes the first GPU; false where that fails.
  bool open(GpuFault& fault);
  void use() const { driver_.cuCtxSetCurrent(context_); }

 private:
  const Driver& driver_;
  Driver::Handle context_ = nullptr;
  Driver::Handle stream_ = nullptr;
  std::string name_;
  int capability_ = 0;
  int multiprocessors_ = 0;
  std::size_t l2_bytes_ = 0;
};

/// This machine's GPU; null, and why, where there is none.
const Device* find_device(std::string& why);

/// Loaded machine code. `code` is that, or PTX.
class Module {
 public:
  static std::optional<Module> load(const Device& device, const std::string& code,
                                    const std::vector<cuda::KernelSource>& kernels,
                                    GpuFault& fault);
  Module(Module&& other) noexcept;
  Module& operator=(const Module&) = delete;
  Module(const Module&) = delete;
  ~Module();

  struct Function {
    std::string name;
    Driver::Handle handle = nullptr;
    unsigned most_blocks = 0;  // at once
  };
  /// By the kernel's name; null if there is none.
  [[nodiscard]] const Function* find(const std::string& name) const;

 private:
  explicit Module(const Device& device) : device_(&device) {}

  const Device* device_;
  Driver::Handle handle_ = nullptr;
  std::vector<Function> functions_;
};

/// Time between two places in the order of launches.
class Stopwatch {
 public:
  explicit Stopwatch(const Device& device);
  Stopwatch(Stopwatch&& other) noexcept;
  Stopwatch& operator=(const Stopwatch&) = delete;
  Stopwatch(const Stopwatch&) = delete;
  ~Stopwatch();
  bool start(GpuFault& fault);
  bool mark(GpuFault& fault);                    // the end
  std::optional<double> read(GpuFault& fault);   // seconds; waits for the end
  std::optional<double> stop(GpuFault& fault) {  // both
    if (!mark(fault)) return std::nullopt;
    return read(fault);
  }

 private:
  const Device* device_;
  Driver::Handle begin_ = nullptr;
  Driver::Handle end_ = nullptr;
};

}  // namespace septran::runtime
