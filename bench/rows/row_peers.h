// Row-wise kernels and attention by other libraries.
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

/// O = softmax(Q K^T / sqrt(D)) V for each head, f32, [heads, length, depth].
struct AttentionProblem {
  std::int64_t heads = 0;
  std::int64_t length = 0;
  std::int64_t depth = 0;
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* o = nullptr;
};

struct Peer {
  std::string name;
  std::function<void()> run;
};

/// Each with so many threads, and a copy of X to Y by memcpy; memory must outlive them.
__attribute__((visibility("default"))) std::vector<Peer> make_row_peers(const RowProblem& problem,
                                                                        int threads);
/// Products with full matrices of scores, between them a softmax of rows. With several threads,
/// heads are dealt to them.
__attribute__((visibility("default"))) std::vector<Peer> make_attention_peers(
    const AttentionProblem& problem, int threads);

}  // namespace septran::bench
