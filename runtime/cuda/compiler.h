// CUDA C++ to machine code: NVRTC, loaded when it is first needed, with a cache on disk.
#pragma once

#include <string>

#include "compiler/base/diagnostic.h"

namespace septran::runtime {

enum class GpuCode { ptx, cubin };

/// Compiles for an architecture ("sm_90a"). Cubins are kept in cache_folder() under a name made
/// from source, architecture and compiler, with the whole key and a checksum inside; what does not
/// agree is made anew. Reports a missing compiler and what it finds wrong.
Result<std::string> compile_gpu_code(const std::string& source, const std::string& architecture,
                                     GpuCode kind, Diagnostics& diagnostics);

}  // namespace septran::runtime
