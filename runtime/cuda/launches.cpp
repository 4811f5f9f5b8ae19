#include "runtime/cuda/launches.h"

#include <algorithm>
#include <array>

#include "compiler/base/diagnostic.h"

namespace septran::runtime {
namespace {

constexpr std::size_t counter_bytes = 256;

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
constexpr int map_type_tf32 = 11;
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
  // The driver's addresses are integers. NOLINTBEGIN(performance-no-int-to-ptr)
  const auto result = device.driver().cuTensorMapEncodeTiled(
      out.words.data(), map.to_tf32 ? map_type_tf32 : map_type(map.dtype),
      static_cast<std::uint32_t>(map.extents.size()), reinterpret_cast<void*>(address),
      extents.data(), strides.data(), box.data(), steps.data(), 0,
      map.swizzled ? map_swizzle_128 : 0, map_promote_256, 0);
  // NOLINTEND(performance-no-int-to-ptr)
  return device.check(result, "encoding a tensor map", fault);
}

}  // namespace

/// Its addresses stay: the driver takes pointers to parameters.
struct Launches::Launch {
  const Module::Function* function = nullptr;
  std::vector<EncodedMap> maps;
  std::vector<void*> parameters;
  Driver::LaunchConfig config{};
  Driver::LaunchAttribute attribute{};
  bool waits_for_grid = false;
};

Launches::Launches(Launches&&) noexcept = default;
Launches& Launches::operator=(Launches&&) noexcept = default;
Launches::Launches(const Device& device) : device_(&device) {}
Launches::~Launches() = default;

std::optional<Launches> Launches::prepare(const Device& device, const Module& module,
                                          const cuda::Source& source,
                                          std::vector<Driver::DevicePointer> pointers,
                                          GpuFault& fault) {
  Launches launches(device);
  launches.pointers_ = std::move(pointers);
  for (const cuda::KernelSource& kernel : source.kernels) {
    launches.counts_ |= kernel.waits_for_grid;
    if (!launches.add(module, kernel, fault)) return std::nullopt;
  }
  return launches;
}

bool Launches::add(const Module& module, const cuda::KernelSource& kernel, GpuFault& fault) {
  Launch& launch = *launches_.emplace_back(std::make_unique<Launch>());
  launch.function = module.find(kernel.name);
  SEPTRAN_CHECK(launch.function != nullptr);
  launch.maps.resize(kernel.maps.size());
  for (Driver::DevicePointer& pointer : pointers_) launch.parameters.push_back(&pointer);
  for (std::size_t i = 0; i < launch.maps.size(); ++i) {
    const cuda::TensorMap& map = kernel.maps[i];
    const Driver::DevicePointer address =
        map.parameter >= 0
            ? pointers_[static_cast<std::size_t>(map.parameter)]
            : pointers_.back() + static_cast<Driver::DevicePointer>(map.workspace_at);
    if (!encode(*device_, map, address, launch.maps[i], fault)) return false;
    launch.parameters.push_back(launch.maps[i].words.data());
  }
  Driver::LaunchConfig& config = launch.config;
  config.blocks[0] = static_cast<unsigned>(kernel.blocks);
  config.threads[0] = static_cast<unsigned>(kernel.threads);
  config.shared_bytes = static_cast<unsigned>(kernel.shared_bytes);
  config.stream = device_->stream();
  launch.waits_for_grid = kernel.waits_for_grid;
  if (kernel.waits_for_grid) {  // each block takes the share of several
    config.blocks[0] = std::min(config.blocks[0], launch.function->most_blocks);
  } else if (kernel.starts_early) {
    launch.attribute.id = launch_attribute_early_start;
    launch.attribute.value[0] = 1;
    config.attributes = &launch.attribute;
    config.attribute_count = 1;
  }
  return true;
}

bool Launches::queue(const Launch& launch, GpuFault& fault) const {
  const Driver& driver = device_->driver();
  const Driver::LaunchConfig& c = launch.config;
  auto* parameters = const_cast<void**>(launch.parameters.data());  // the driver only reads
  Driver::Result result = 0;
  if (launch.waits_for_grid) {
    result =
        driver.cuLaunchCooperativeKernel(launch.function->handle, c.blocks[0], 1, 1, c.threads[0],
                                         1, 1, c.shared_bytes, c.stream, parameters);
  } else {
    result = driver.cuLaunchKernelEx(&c, launch.function->handle, parameters, nullptr);
  }
  return device_->check(result, "launching the kernel", fault);
}

bool Launches::queue(GpuFault& fault) const {
  const Driver& driver = device_->driver();
  const bool cleared =
      !counts_ ||
      device_->check(driver.cuMemsetD8Async(pointers_.back(), 0, counter_bytes, device_->stream()),
                     "clearing memory", fault);
  return cleared && std::all_of(launches_.begin(), launches_.end(),
                                [&](const auto& launch) { return queue(*launch, fault); });
}

}  // namespace septran::runtime
