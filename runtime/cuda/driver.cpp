#include "runtime/cuda/driver.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

namespace septran::runtime {
namespace {

struct Loaded {
  Driver driver;
  std::string why;  // empty: all is there
};

Loaded load() {
  Loaded loaded;
  const char* chosen = std::getenv("SEPTRAN_CUDA_DRIVER");
  const char* name = chosen != nullptr && *chosen != '\0' ? chosen : "libcuda.so.1";
  void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.why = fmt::format("the driver's library {} is not installed", name);
    return loaded;
  }
  const auto take = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr && loaded.why.empty()) {
      loaded.why = fmt::format("the driver is too old: it lacks {}", name);
    }
  };
  Driver& d = loaded.driver;
  take(d.cuInit, "cuInit");
  take(d.cuGetErrorString, "cuGetErrorString");
  take(d.cuDeviceGetCount, "cuDeviceGetCount");
  take(d.cuDeviceGet, "cuDeviceGet");
  take(d.cuDeviceGetName, "cuDeviceGetName");
  take(d.cuDeviceGetAttribute, "cuDeviceGetAttribute");
  take(d.cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
  take(d.cuCtxSetCurrent, "cuCtxSetCurrent");
  take(d.cuModuleLoadData, "cuModuleLoadData");
  take(d.cuModuleUnload, "cuModuleUnload");
  take(d.cuModuleGetFunction, "cuModuleGetFunction");
  take(d.cuFuncSetAttribute, "cuFuncSetAttribute");
  take(d.cuOccupancyMaxActiveBlocksPerMultiprocessor,
       "cuOccupancyMaxActiveBlocksPerMultiprocessor");
  take(d.cuMemAlloc, "cuMemAlloc_v2");
  take(d.cuMemFree, "cuMemFree_v2");
  take(d.cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2");
  take(d.cuMemcpyDtoH, "cuMemcpyDtoH_v2");
  take(d.cuMemsetD8Async, "cuMemsetD8Async");
  take(d.cuStreamCreate, "cuStreamCreate");
  take(d.cuStreamSynchronize, "cuStreamSynchronize");
  take(d.cuStreamDestroy, "cuStreamDestroy_v2");
  take(d.cuEventCreate, "cuEventCreate");
  take(d.cuEventRecord, "cuEventRecord");
  take(d.cuEventSynchronize, "cuEventSynchronize");
  take(d.cuEventElapsedTime, "cuEventElapsedTime");
  take(d.cuEventDestroy, "cuEventDestroy_v2");
  take(d.cuLaunchKernelEx, "cuLaunchKernelEx");
  take(d.cuLaunchCooperativeKernel, "cuLaunchCooperativeKernel");
  take(d.cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled");
  if (!loaded.why.empty()) return loaded;
  int count = 0;
  if (const auto fault = d.cuInit(0); fault != 0) {
    loaded.why = fmt::format("the driver does not start: {}", d.text_of(fault));
  } else if (d.cuDeviceGetCount(&count) != 0 || count == 0) {
    loaded.why = "the driver knows no GPU";
  }
  return loaded;
}

}  // namespace

std::string Driver::text_of(Result result) const {
  const char* text = nullptr;
  if (cuGetErrorString == nullptr || cuGetErrorString(result, &text) != 0 || text == nullptr) {
    return fmt::format("error {}", result);
  }
  return text;
}

const Driver* find_driver(std::string& why) {
  static const Loaded loaded = load();  // as long as the process: the driver cannot be unloaded
  why = loaded.why;
  return loaded.why.empty() ? &loaded.driver : nullptr;
}

}  // namespace septran::runtime
