// A driver that knows one GPU and can load nothing on it.
#include <cstddef>
#include <cstring>

namespace {

constexpr int failed = 999;
constexpr int capability = 90;

}  // namespace

extern "C" {

int cuInit(unsigned /*flags*/) { return 0; }
int cuGetErrorString(int result, const char** text) {
  *text = result == failed ? "pretended failure" : "no failure";
  return 0;
}
int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}
int cuDeviceGet(int* device, int /*ordinal*/) {
  *device = 0;
  return 0;
}
int cuDeviceGetName(char* name, int length, int /*device*/) {
  std::strncpy(name, "Pretended GPU", static_cast<std::size_t>(length));
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int /*device*/) {
  *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : 1;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int /*device*/) {
  *context = nullptr;
  return 0;
}
int cuCtxSetCurrent(void* /*context*/) { return 0; }
int cuStreamCreate(void** stream, unsigned /*flags*/) {
  *stream = nullptr;
  return 0;
}
int cuModuleLoadData(void** /*module*/, const void* /*image*/) { return failed; }
int cuModuleUnload(void* /*module*/) { return 0; }
int cuModuleGetFunction() { return failed; }
int cuFuncSetAttribute() { return failed; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor() { return failed; }
int cuMemAlloc_v2() { return failed; }
int cuMemFree_v2() { return failed; }
int cuMemcpyHtoDAsync_v2() { return failed; }
int cuMemcpyDtoH_v2() { return failed; }
int cuMemsetD8Async() { return failed; }
int cuStreamSynchronize() { return failed; }
int cuStreamDestroy_v2() { return failed; }
int cuEventCreate() { return failed; }
int cuEventRecord() { return failed; }
int cuEventSynchronize() { return failed; }
int cuEventElapsedTime() { return failed; }
int cuEventDestroy_v2() { return failed; }
int cuLaunchKernelEx() { return failed; }
int cuLaunchCooperativeKernel() { return failed; }
int cuTensorMapEncodeTiled() { return failed; }

}  // extern "C"
