// The parts of the benchmark of products.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/subject.h"

namespace septran::bench {

struct Shape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  [[nodiscard]] double operations() const {
    return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }
};

struct Arguments {
  std::string logic = "examples/gemm/gemm.py";
  std::string mapping = "mappings/gemm/cpu.yaml";
  std::string target;
  std::vector<std::string> dtypes{"f32"};
  std::vector<Shape> shapes;
  std::vector<int> threads{1};
  double seconds = 1.5;  // a shape
  bool mlp = false;
  bool epilogue = false;
  bool scaling = false;
  bool no_peers = false;
};

SubjectRequest gemm_request(const Arguments& arguments, const Shape& shape,
                            const std::string& dtype, int threads);

/// Perceptrons of two layers beside the libraries, in f32 and bf16. False where one did not
/// compile.
bool mlp_section(const Arguments& arguments, int threads);
/// scaled_residual.py beside the plain product, on one thread.
bool epilogue_section(const Arguments& arguments);
/// Products on all cores against one, beside the libraries', by the clock.
bool scaling_section(const Arguments& arguments);

}  // namespace septran::bench
