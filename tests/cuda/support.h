// Generated CUDA C++ of the examples and of the cases of tests/cli.
#pragma once

#include <optional>
#include <string>

#include "targets/cuda/lower.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

struct GpuCase {
  const char* logic;
  const char* mapping;
  const char* words;  // "M=5 dtype=f16 C=i32"
  const char* target = "nvidia_h100";
};

/// The case compiled through all passes and lowered; its faults in `messages` if there are any.
std::optional<cuda::Source> lower(const GpuCase& one, std::string& messages);

bool has_note(const cuda::Source& source, const std::string& text);
bool has(const cuda::Source& source, const std::string& text);

/// Every example with its mapping, in sizes and element types that take the fast ways.
extern const std::vector<GpuCase> fast_cases;
/// Those whose tensors must first be copied to other rows.
extern const std::vector<GpuCase> arranged_cases;
/// Odd sizes, other types, other mappings, other GPUs.
extern const std::vector<GpuCase> other_cases;

}  // namespace septran::testing_support
