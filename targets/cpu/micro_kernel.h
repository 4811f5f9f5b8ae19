// Micro-kernels: a block of C held in vector registers while k runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "targets/cpu/access.h"

namespace septran::cpu {

/// How a micro-kernel walks one of its inputs: from one block to the next, from one row (column) of
/// a block to the next, and along k; in elements.
struct Walk {
  bool panels = false;
  std::int64_t next_block = 0;
  std::int64_t next = 0;
  std::int64_t along_k = 0;
  DType storage = DType::f32;
};

/// Heights (widths) that blocks of a product have.
struct BlockSizes {
  std::vector<std::int64_t> known;  // each gets a kernel of its own; the largest first
  bool others = false;              // there may be more
};

/// The sizes of the pieces of at most `step` that an extent is cut into.
BlockSizes block_sizes(const Expr& extent, std::int64_t step, const VarTable& vars);

struct Micro {
  DType type = DType::f32;  // of the sums
  std::int64_t rows = 0;    // of a block
  std::int64_t cols = 0;
  std::int64_t lanes = 0;  // of a vector
  BlockSizes heights;
  BlockSizes widths;
  Walk a;
  Walk b;
  /// Where B's rows lie far apart and are read a few times only, the hardware does not find what
  /// the next block needs.
  bool prefetch_b = false;
  std::int64_t c_row = 0;
  double alpha = 1.0;

  /// Text that is the same for products that one function may serve.
  [[nodiscard]] std::string key() const;
};

/// Writes `static void NAME(m, n, k, a, b, c, accumulate)` and what it needs:
/// c = (accumulate ? c : 0) + alpha * a * b, block by block.
void write_product(const Micro& micro, const std::string& name, Writer& out);

}  // namespace septran::cpu
