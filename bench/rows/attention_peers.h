// Attention by other libraries, with full matrices of scores.
#pragma once

#include "bench/rows/row_peers.h"
#include "compiler/base/dtype.h"

namespace septran::bench {

/// O = softmax(Q K^T / sqrt(D)) V for each head, [heads, length, depth] of one element type: f32,
/// f64, bf16 or f16. If causal, row r sees the keys up to r.
struct AttentionProblem {
  DType dtype = DType::f32;
  bool causal = false;
  std::int64_t heads = 0;
  std::int64_t length = 0;
  std::int64_t depth = 0;
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  void* o = nullptr;
};

/// All scores of a head by one product, a softmax of the rows, another product. Those of 16-bit
/// types: Eigen and OpenBLAS in f32, after converting, and back; Eigen's and oneDNN's products of
/// bf16 (those of f16 take Eigen seconds). With several threads, heads are dealt to them. Memory
/// must outlive them.
__attribute__((visibility("default"))) std::vector<Peer> make_attention_peers(
    const AttentionProblem& problem, int threads);

}  // namespace septran::bench
