// Matrix products by other libraries.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace septran::bench {

enum class GemmType { f32, f16, bf16, i8 };

/// C = A B, dense and row-major; C is of the same type, that of i8 is of i32.
struct GemmProblem {
  GemmType type = GemmType::f32;
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
};

struct GemmPeer {
  std::string name;
  std::function<void()> run;
};

/// The libraries that compute such a product on this machine, each set up (primitives made, threads
/// set) before it is timed. Memory must outlive them.
__attribute__((visibility("default"))) std::vector<GemmPeer> make_gemm_peers(
    const GemmProblem& problem, int threads);

/// Y = gelu(X W1 + b1) W2 + b2, all of one type (f32 or bf16); the tensors are Y, X, W1, b1, W2,
/// b2.
struct MlpProblem {
  GemmType type = GemmType::f32;
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t f = 0;
  std::int64_t n = 0;
  void* tensors[6] = {};
};
__attribute__((visibility("default"))) std::vector<GemmPeer> make_mlp_peers(
    const MlpProblem& problem, int threads);

/// How many threads the libraries may start from now on.
__attribute__((visibility("default"))) void set_peers_threads(int threads);

/// Names and versions of the libraries.
__attribute__((visibility("default"))) std::string describe_gemm_peers();

}  // namespace septran::bench
