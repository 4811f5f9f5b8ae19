// What is measured: a kernel of the CPU backend with random inputs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernel.h"

namespace septran::bench {

struct SubjectRequest {
  std::string logic;
  std::string mapping;
  std::string target;                    // empty: the mapping's
  std::vector<std::string> definitions;  // M=1024
  std::vector<std::string> dtypes;       // f16, C=i32
  int threads = 1;
};

struct Subject {
  std::unique_ptr<runtime::Kernel> kernel;
  std::vector<runtime::HostTensor> tensors;
  void run();
};

/// Compiles and loads; faults are printed.
std::optional<Subject> make_subject(const SubjectRequest& request);

}  // namespace septran::bench
