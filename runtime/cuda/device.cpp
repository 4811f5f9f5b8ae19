#include "runtime/cuda/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace septran::runtime {
namespace {

/// What kernels take as a tensor map.
struct alignas(64) EncodedMap {
  std::array<std::uint64_t, 16> words{};
};

// The driver's own numbers.
constexpr int map_type_u8 = 0;
constexpr int map_type_i32 = 3;
constexpr int map_type_f16 = 6;
constexpr int map_type_f32 = 7;
constexpr int map_type_f64 = 8;
constexpr int map_type_bf16 = 9;
constexpr int map_swizzle_128 = 3;
constexpr int map_promote_256 = 3;

int map_type(DType type) {
  switch (type) {
    case DType::f16:
      return map_type_f16;
    case DType::bf16:
      return map_type_bf16;
    case DType::f32:
      return map_type_f32;
    case DType::f64:
      return map_type_f64;
    case DType::i32:
      return map_type_i32;
    case DType::i8:
    case DType::f8e4m3:
    case DType::f8e5m2:
      break;
  }
  return map_type_u8;
}

bool encode(const Device& device, const cuda::TensorMap& map, Driver::DevicePointer address,
            EncodedMap& out, GpuFault& fault) {
  std::array<std::uint64_t, 5> extents{};
  std::array<std::uint64_t, 5> strides{};
  std::array<std::uint32_t, 5> box{};
  std::array<std::uint32_t, 5> steps{};
  for (std::size_t d = 0; d < map.extents.size(); ++d) {
    extents.at(d) = static_cast<std::uint64_t>(map.extents[d]);
    box.at(d) = static_cast<std::uint32_t>(map.box[d]);
    steps.at(d) = 1;
    if (d > 0) strides.at(d - 1) = static_cast<std::uint64_t>(map.strides_bytes[d - 1]);
  }
  const auto result = device.driver().cuTensorMapEncodeTiled(
      out.words.data(), map_type(map.dtype), static_cast<std::uint32_t>(map.extents.size()),
      reinterpret_cast<void*>(address), extents.data(), strides.data(), box.data(), steps.data(), 0,
      map.swizzled ? map_swizzle_128 : 0, map_promote_256, 0);
  return device.check(result, "encoding a tensor map", fault);
}

}  // namespace

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
  return device_->check(device_->driver().cuMemcpyHtoD(address_, bytes.data(), bytes.size()),
                        "copying to the GPU", fault);
}

bool DeviceBuffer::download(std::span<std::byte> bytes, GpuFault& fault) const {
  if (bytes.empty()) return true;
  return device_->check(device_->driver().cuMemcpyDtoH(bytes.data(), address_, bytes.size()),
                        "copying from the GPU", fault);
}

bool DeviceBuffer::clear(std::size_t bytes, GpuFault& fault) const {
  return device_->check(device_->driver().cuMemsetD8Async(address_, 0, bytes, device_->stream()),
                        "clearing memory", fault);
}

std::optional<Module> Module::load(const Device& device, const std::string& cubin,
                                   const std::vector<cuda::KernelSource>& kernels,
                                   GpuFault& fault) {
  device.use();
  const Driver& driver = device.driver();
  Module module(device);
  if (!device.check(driver.cuModuleLoadData(&module.handle_, cubin.data()), "loading the kernel",
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

bool Module::launch(const cuda::KernelSource& kernel,
                    std::span<const Driver::DevicePointer> pointers, GpuFault& fault) const {
  const auto function = std::find_if(functions_.begin(), functions_.end(),
                                     [&](const Function& f) { return f.name == kernel.name; });
  std::vector<Driver::DevicePointer> values(pointers.begin(), pointers.end());
  std::vector<EncodedMap> maps(kernel.maps.size());
  std::vector<void*> parameters;
  for (Driver::DevicePointer& value : values) parameters.push_back(&value);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const cuda::TensorMap& map = kernel.maps[i];
    const Driver::DevicePointer address =
        map.parameter >= 0 ? values[static_cast<std::size_t>(map.parameter)]
                           : values.back() + static_cast<Driver::DevicePointer>(map.workspace_at);
    if (!encode(*device_, map, address, maps[i], fault)) return false;
    parameters.push_back(maps[i].words.data());
  }
  const Driver& driver = device_->driver();
  auto blocks = static_cast<unsigned>(kernel.blocks);
  const auto threads = static_cast<unsigned>(kernel.threads);
  const auto shared = static_cast<unsigned>(kernel.shared_bytes);
  if (!kernel.waits_for_grid) {
    return device_->check(
        driver.cuLaunchKernel(function->handle, blocks, 1, 1, threads, 1, 1, shared,
                              device_->stream(), parameters.data(), nullptr),
        "launching the kernel", fault);
  }
  blocks = std::min(blocks, function->most_blocks);  // each takes the share of several
  return device_->check(
      driver.cuLaunchCooperativeKernel(function->handle, blocks, 1, 1, threads, 1, 1, shared,
                                       device_->stream(), parameters.data()),
      "launching the kernel", fault);
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
