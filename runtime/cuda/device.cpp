#include "runtime/cuda/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace septran::runtime {
bool Device::check(Driver::Result result, const char* what, GpuFault& fault) const {
  if (result == 0) return true;
  fault.text = fmt::format("{}: {}", what, driver_.text_of(result));
  return false;
}

bool Device::open(GpuFault& fault) {
  Driver::Device device = 0;
  if (!check(driver_.cuDeviceGet(&device, 0), "finding the first GPU", fault)) return false;
  std::array<char, 256> text{};
  driver_.cuDeviceGetName(text.data(), static_cast<int>(text.size()) - 1, device);
  name_ = text.data();
  int major = 0;
  int minor = 0;
  int l2 = 0;
  driver_.cuDeviceGetAttribute(&major, attribute_capability_major, device);
  driver_.cuDeviceGetAttribute(&minor, attribute_capability_minor, device);
  driver_.cuDeviceGetAttribute(&multiprocessors_, attribute_multiprocessors, device);
  driver_.cuDeviceGetAttribute(&l2, attribute_l2_bytes, device);
  capability_ = major * 10 + minor;
  l2_bytes_ = static_cast<std::size_t>(std::max(l2, 0));
  if (!check(driver_.cuDevicePrimaryCtxRetain(&context_, device), "taking the GPU", fault)) {
    return false;
  }
  use();
  constexpr unsigned not_waiting_for_others = 1;
  return check(driver_.cuStreamCreate(&stream_, not_waiting_for_others), "making a stream", fault);
}

std::optional<DeviceBuffer> Device::allocate(std::size_t bytes, GpuFault& fault) const {
  use();
  Driver::DevicePointer address = 0;
  if (!check(driver_.cuMemAlloc(&address, bytes), "allocating memory", fault)) return std::nullopt;
  return DeviceBuffer(*this, address);
}

const Device* find_device(std::string& why) {
  struct Opened {
    std::unique_ptr<Device> device;
    std::string why;
  };
  static const Opened opened = [] {  // as long as the process: contexts are the process's own
    Opened result;
    const Driver* driver = find_driver(result.why);
    if (driver == nullptr) return result;
    auto device = std::make_unique<Device>(*driver);
    GpuFault fault;
    if (device->open(fault)) {
      result.device = std::move(device);
    } else {
      result.why = fault.text;
    }
    return result;
  }();
  why = opened.why;
  return opened.device.get();
}

DeviceBuffer::~DeviceBuffer() {
  if (address_ != 0) device_->driver().cuMemFree(address_);
}

bool DeviceBuffer::upload(std::span<const std::byte> bytes, GpuFault& fault) const {
  if (bytes.empty()) return true;
  // On the stream of the kernels, which does not wait for others: they start when it is there.
  return device_->check(
      device_->driver().cuMemcpyHtoDAsync(address_, bytes.data(), bytes.size(), device_->stream()),
      "copying to the GPU", fault);
}

bool DeviceBuffer::download(std::span<std::byte> bytes, GpuFault& fault) const {
  if (bytes.empty()) return true;
  return device_->check(device_->driver().cuMemcpyDtoH(bytes.data(), address_, bytes.size()),
                        "copying from the GPU", fault);
}

std::optional<Module> Module::load(const Device& device, const std::string& code,
                                   const std::vector<cuda::KernelSource>& kernels,
                                   GpuFault& fault) {
  device.use();
  const Driver& driver = device.driver();
  Module module(device);
  if (!device.check(driver.cuModuleLoadData(&module.handle_, code.c_str()), "loading the kernel",
                    fault)) {
    return std::nullopt;
  }
  for (const cuda::KernelSource& kernel : kernels) {
    Function& function = module.functions_.emplace_back();
    function.name = kernel.name;
    const auto shared = static_cast<int>(kernel.shared_bytes);
    int blocks = 0;
    const bool fine =
        device.check(
            driver.cuModuleGetFunction(&function.handle, module.handle_, kernel.name.c_str()),
            "finding the kernel", fault) &&
        device.check(
            driver.cuFuncSetAttribute(function.handle, attribute_dynamic_shared_bytes, shared),
            "taking shared memory", fault) &&
        device.check(
            driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                &blocks, function.handle, kernel.threads, static_cast<std::size_t>(shared)),
            "asking for the occupancy", fault);
    if (!fine) return std::nullopt;
    function.most_blocks = static_cast<unsigned>(blocks * device.multiprocessors());
  }
  return module;
}

Module::Module(Module&& other) noexcept
    : device_(other.device_), handle_(other.handle_), functions_(std::move(other.functions_)) {
  other.handle_ = nullptr;
}

Module::~Module() {
  if (handle_ != nullptr) device_->driver().cuModuleUnload(handle_);
}

const Module::Function* Module::find(const std::string& name) const {
  const auto at = std::find_if(functions_.begin(), functions_.end(),
                               [&](const Function& f) { return f.name == name; });
  return at == functions_.end() ? nullptr : &*at;
}

Stopwatch::Stopwatch(const Device& device) : device_(&device) {
  device_->driver().cuEventCreate(&begin_, 0);
  device_->driver().cuEventCreate(&end_, 0);
}

Stopwatch::Stopwatch(Stopwatch&& other) noexcept
    : device_(other.device_), begin_(other.begin_), end_(other.end_) {
  other.begin_ = nullptr;
  other.end_ = nullptr;
}

Stopwatch::~Stopwatch() {
  if (begin_ != nullptr) device_->driver().cuEventDestroy(begin_);
  if (end_ != nullptr) device_->driver().cuEventDestroy(end_);
}

bool Stopwatch::start(GpuFault& fault) {
  return device_->check(device_->driver().cuEventRecord(begin_, device_->stream()),
                        "recording an event", fault);
}

bool Stopwatch::mark(GpuFault& fault) {
  return device_->check(device_->driver().cuEventRecord(end_, device_->stream()),
                        "recording an event", fault);
}

std::optional<double> Stopwatch::read(GpuFault& fault) {
  float milliseconds = 0;
  const Driver& driver = device_->driver();
  if (!device_->check(driver.cuEventSynchronize(end_), "running the kernel", fault) ||
      !device_->check(driver.cuEventElapsedTime(&milliseconds, begin_, end_), "reading the time",
                      fault)) {
    return std::nullopt;
  }
  return static_cast<double>(milliseconds) * 1e-3;
}

}  // namespace septran::runtime
