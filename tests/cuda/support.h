// Generated CUDA C++ of the examples and of the cases of tests/cli.
#pragma once

#include <optional>
#include <string>

#include "targets/cuda/lower.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

/// The first two members of the case of an example with its mapping for the default GPU.
#define EXAMPLE(name) "examples/" name "/" name ".py", "mappings/" name "/nvidia_h100.yaml"

struct GpuCase {
  const char* logic;
  const char* mapping;
  const char* words;  // "M=5 dtype=f16 C=i32"
  const char* target = "nvidia_h100";
};

/// The case compiled through all passes and lowered; its faults in `messages` if there are any.
std::optional<cuda::Source> lower(const GpuCase& one, std::string& messages);
/// The same of a case without faults; throws if it has some, which fails the test.
cuda::Source lowered(const GpuCase& one);

/// What a shell command says on both streams, and whether it succeeds.
struct Output {
  std::string text;
  bool succeeded = false;
};
Output output_of(const std::string& command);

bool has_note(const cuda::Source& source, const std::string& text);
bool has(const cuda::Source& source, const std::string& text);

/// Every example with its mapping, in sizes and element types that take the fast ways.
extern const std::vector<GpuCase> fast_cases;
/// Those whose tensors must first be copied to other rows.
extern const std::vector<GpuCase> arranged_cases;
/// Odd sizes, other types, other mappings, other GPUs.
extern const std::vector<GpuCase> other_cases;

}  // namespace septran::testing_support
