// Tensors of GLOBAL that the fast ways cannot take as they lie: rows that begin at no multiple of
// 16 bytes, where the copy engine cannot read, and factors whose neighbours along k do not lie side
// by side, where the tensor cores want those of their type so. A kernel that brings such a tensor
// to shared memory more than once reads a copy of it instead, made by a kernel before it.
#pragma once

#include <string>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/machine.h"

namespace septran::cuda {

/// `to`, a temporary of the workspace, holds `from` with rows that begin at multiples of 128 bytes.
struct Arrangement {
  tile::TensorId from;
  tile::TensorId to;
  bool transposed = false;  // its last two axes change places
  std::string why;
};

struct Arranged {
  tile::Program program;
  std::vector<Arrangement> arrangements;  // made before all kernels, of arguments nobody writes
};

/// The program with its copies into shared memory reading what was arranged for them. Temporaries
/// in GLOBAL whose rows the copy engine could not reach get rows of multiples of 128 bytes as they
/// are.
Arranged arrange(tile::Program program, const Machine& machine);

/// Name of the kernel that arranges.
inline constexpr const char* arranging_kernel = "arrange";
inline constexpr int arranging_threads = 256;
inline constexpr int arranging_together = 5;  // blocks of a multiprocessor

/// Statements of that kernel for one tensor; pointers `from` and `to` are given as text.
std::string arranging_text(const tile::Program& program, const Arrangement& one,
                           const std::string& from, const std::string& to);
/// Blocks that keep a machine busy with it.
std::int64_t arranging_blocks(const tile::Program& program, const Machine& machine,
                              const std::vector<Arrangement>& arrangements);

}  // namespace septran::cuda
