// What the CPU backend makes: a C translation unit that holds one kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/base/dtype.h"

namespace septran::cpu {

/// A tensor that the caller passes, dense and row-major.
struct Parameter {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  bool is_input = false;
  bool is_output = false;
};

/// Name of the function that the generated C exports:
/// `void septran_kernel(void *const *arguments, void *workspace)`, with a pointer a parameter, in
/// order, and `workspace_bytes` bytes that no other call uses, aligned to 64.
inline constexpr const char* entry_symbol = "septran_kernel";

struct Source {
  std::string text;
  std::vector<Parameter> parameters;
  std::int64_t workspace_bytes = 0;
  int workers = 1;  // threads that the kernel starts
};

}  // namespace septran::cpu
