// Micro-kernels: a block of C held in vector registers while k runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "targets/cpu/access.h"
#include "targets/cpu/built_ins.h"

namespace septran::cpu {

/// How a micro-kernel walks one of its inputs: from one block to the next, from one row (column) of
/// a block to the next, and from one group of neighbours along k to the next; in elements.
struct Walk {
  bool panels = false;
  std::int64_t next_block = 0;
  std::int64_t next = 0;
  std::int64_t along_k = 0;
  DType storage = DType::f32;
};

/// Sizes that pieces have.
struct BlockSizes {
  std::vector<std::int64_t> known;  // each gets a kernel of its own; the largest first
  bool others = false;              // there may be more
};

/// The sizes of the pieces of at most `step` that an extent is cut into.
BlockSizes block_sizes(const Expr& extent, std::int64_t step, const VarTable& vars);
/// The sizes of a last piece that is smaller than `step`.
std::vector<std::int64_t> rests_of(const Expr& extent, std::int64_t step, const VarTable& vars);

struct Micro {
  DType type = DType::f32;  // of the sums
  std::int64_t rows = 0;    // of a block
  std::int64_t cols = 0;
  std::int64_t lanes = 0;  // of a vector
  bool is_whole = false;   // 32-bit lanes fill the machine's vectors
  BlockSizes heights;
  BlockSizes widths;
  Walk a;
  Walk b;
  /// Where B's rows lie far apart and are read a few times only, the hardware does not find what
  /// the next block needs.
  bool prefetch_b = false;
  DType c = DType::f32;  // narrower than the sums where these are complete and C is overwritten
  std::int64_t c_row = 0;
  double alpha = 1.0;
  std::int64_t most_rows = 0;             // of the product
  std::string_view widening;              // of B's elements, see built_ins.h
  const DotInstruction* dot = nullptr;    // that takes groups of neighbours along k
  std::vector<std::int64_t> group_rests;  // elements of a last group that is not whole

  [[nodiscard]] std::int64_t group() const { return dot == nullptr ? 1 : dot->group; }
  [[nodiscard]] bool rounds() const { return c != type; }
  [[nodiscard]] bool is_biased() const { return dot != nullptr && dot->is_biased; }
  /// Text that is the same for products that one function may serve.
  [[nodiscard]] std::string key() const;
};

/// Writes `static void NAME(m, n, k, a, b, c, accumulate)` and what it needs:
/// c = (accumulate ? c : 0) + alpha * a * b, block by block.
void write_product(const Micro& micro, const std::string& name, Writer& out);

/// Writes the function NAME_HEIGHTxWIDTH that computes one block in registers.
void write_block(const Micro& micro, const std::string& name, std::int64_t height,
                 std::int64_t width, Writer& out);

}  // namespace septran::cpu
