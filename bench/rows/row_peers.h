// Row-wise kernels by other libraries.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace septran::bench {

enum class RowKind { softmax, layernorm, activation };

/// Y from the rows of X, m by n, f32, dense. Layer normalisation: with gamma and beta, of n
/// elements each, and 1e-5; activation: gelu(X + beta), by tanh.
struct RowProblem {
  RowKind kind = RowKind::softmax;
  std::int64_t m = 0;
  std::int64_t n = 0;
  const float* x = nullptr;
  const float* gamma = nullptr;
  const float* beta = nullptr;
  float* y = nullptr;
};

struct Peer {
  std::string name;
  std::function<void()> run;
};

/// Each with so many threads, and a copy of X to Y by memcpy; memory must outlive them.
__attribute__((visibility("default"))) std::vector<Peer> make_row_peers(const RowProblem& problem,
                                                                        int threads);
/// Eigen and OpenBLAS work on one thread each from here on: what they do is dealt out by OpenMP.
void set_threads(int threads);

}  // namespace septran::bench
