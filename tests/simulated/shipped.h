// The shipped examples with their mappings for both accelerators, at sizes at which rings wrap.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "targets/dsa/program.h"
#include "tests/support/kernel.h"

namespace septran::testing_support {

struct Example {
  const char* name;  // ends with "cloud" for dsa_cloud
  const char* logic;
  const char* mapping;
  std::vector<std::pair<std::string, std::string>> sizes;
  DType dtype = DType::f16;
};
void PrintTo(const Example& example, std::ostream* out);

[[nodiscard]] const std::vector<Example>& shipped_examples();
/// Layers of the shipped workloads, all of them for dsa_cloud.
[[nodiscard]] const std::vector<Example>& shipped_layers();

/// The example's program, for its own target or another one; the machine is in `kernel`.
std::optional<dsa::Program> lower(const Example& example, Kernel& kernel,
                                  const std::string& target = "");

}  // namespace septran::testing_support
