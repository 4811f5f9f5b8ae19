// The CUDA driver, loaded when it is first needed: this build needs no CUDA to be made, and a
// machine without a GPU runs everything else. Only what kernels need is declared, with the driver's
// own calling conventions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace septran::runtime {

/// The driver's functions by their own names; all return 0 for success.
struct Driver {
  using Result = int;
  using Device = int;
  using DevicePointer = unsigned long long;
  using Handle = void*;  // context, module, function, stream, event

  struct LaunchAttribute {
    int id = 0;
    int unused = 0;
    std::uint32_t value[16]{};
  };
  struct LaunchConfig {
    unsigned blocks[3]{1, 1, 1};
    unsigned threads[3]{1, 1, 1};
    unsigned shared_bytes = 0;
    Handle stream = nullptr;
    LaunchAttribute* attributes = nullptr;
    unsigned attribute_count = 0;
  };

  // The driver's own names. NOLINTBEGIN(readability-identifier-naming)
  Result (*cuInit)(unsigned flags) = nullptr;
  Result (*cuGetErrorString)(Result, const char** text) = nullptr;
  Result (*cuDeviceGetCount)(int*) = nullptr;
  Result (*cuDeviceGet)(Device*, int ordinal) = nullptr;
  Result (*cuDeviceGetName)(char* name, int length, Device) = nullptr;
  Result (*cuDeviceGetAttribute)(int*, int attribute, Device) = nullptr;
  Result (*cuDevicePrimaryCtxRetain)(Handle*, Device) = nullptr;
  Result (*cuCtxSetCurrent)(Handle) = nullptr;
  Result (*cuModuleLoadData)(Handle*, const void* image) = nullptr;
  Result (*cuModuleUnload)(Handle) = nullptr;
  Result (*cuModuleGetFunction)(Handle*, Handle module, const char* name) = nullptr;
  Result (*cuFuncSetAttribute)(Handle function, int attribute, int value) = nullptr;
  Result (*cuOccupancyMaxActiveBlocksPerMultiprocessor)(int*, Handle function, int threads,
                                                        std::size_t shared) = nullptr;
  Result (*cuMemAlloc)(DevicePointer*, std::size_t) = nullptr;
  Result (*cuMemFree)(DevicePointer) = nullptr;
  Result (*cuMemcpyHtoDAsync)(DevicePointer, const void*, std::size_t, Handle stream) = nullptr;
  Result (*cuMemcpyDtoH)(void*, DevicePointer, std::size_t) = nullptr;
  Result (*cuMemsetD8Async)(DevicePointer, unsigned char, std::size_t, Handle stream) = nullptr;
  Result (*cuStreamCreate)(Handle*, unsigned flags) = nullptr;
  Result (*cuStreamSynchronize)(Handle) = nullptr;
  Result (*cuStreamDestroy)(Handle) = nullptr;
  Result (*cuEventCreate)(Handle*, unsigned flags) = nullptr;
  Result (*cuEventRecord)(Handle event, Handle stream) = nullptr;
  Result (*cuEventSynchronize)(Handle) = nullptr;
  Result (*cuEventElapsedTime)(float* milliseconds, Handle start, Handle end) = nullptr;
  Result (*cuEventDestroy)(Handle) = nullptr;
  Result (*cuLaunchKernelEx)(const LaunchConfig*, Handle function, void** parameters,
                             void** extra) = nullptr;
  Result (*cuLaunchCooperativeKernel)(Handle function, unsigned, unsigned, unsigned, unsigned,
                                      unsigned, unsigned, unsigned shared, Handle stream,
                                      void** parameters) = nullptr;
  Result (*cuTensorMapEncodeTiled)(void* map, int type, std::uint32_t rank, void* address,
                                   const std::uint64_t* extents, const std::uint64_t* strides,
                                   const std::uint32_t* box, const std::uint32_t* steps,
                                   int interleave, int swizzle, int promotion, int fill) = nullptr;
  // NOLINTEND(readability-identifier-naming)

  [[nodiscard]] std::string text_of(Result result) const;
};

/// Attributes of devices and functions that are asked for.
inline constexpr int attribute_multiprocessors = 16;
inline constexpr int attribute_l2_bytes = 38;
inline constexpr int attribute_capability_major = 75;
inline constexpr int attribute_capability_minor = 76;
inline constexpr int attribute_dynamic_shared_bytes = 8;
inline constexpr int launch_attribute_early_start = 6;  // before the launch before has ended

/// The driver, with a GPU that it knows; else why there is none, in `why`.
const Driver* find_driver(std::string& why);

}  // namespace septran::runtime
