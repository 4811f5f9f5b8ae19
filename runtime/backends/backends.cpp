#include "runtime/backends/backends.h"

#include <algorithm>

#include "runtime/cuda/gpu.h"
#include "runtime/native/native.h"

namespace septran::runtime {
namespace {

constexpr Backend table[] = {
#ifdef SEPTRAN_HAS_SIMULATOR
    {MachineFamily::dsa, "accelerator simulator (SystemC)", load_simulated},
#else
    {MachineFamily::dsa, "accelerator simulator (SystemC)", nullptr, "SystemC"},
#endif
    {MachineFamily::cpu, "this machine's processor (C compiler)", load_native},
    {MachineFamily::cuda, "NVIDIA GPUs (driver and NVRTC, loaded when needed)", load_gpu},
};

}  // namespace

std::span<const Backend> backends() { return table; }

const Backend* find_backend(MachineFamily family) {
  const auto* const at =
      std::find_if(std::begin(table), std::end(table),
                   [&](const Backend& backend) { return backend.family == family; });
  return at == std::end(table) ? nullptr : at;
}

}  // namespace septran::runtime
