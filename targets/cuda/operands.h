// The tiles of an operation and the dimensions that they share.
#pragma once

#include <optional>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::cuda {

/// A tile of an operation: its dimensions by number of the operation's.
struct OperandDims {
  const tile::TileRef* tile = nullptr;
  std::vector<std::size_t> dims;  // whole_dim where a dimension is needed as a whole
  bool writes = false;
  bool reads = false;
};

struct OperationDims {
  std::vector<Expr> extents;  // of the operation's dimensions
  std::vector<OperandDims> operands;
};

/// Whether a primitive computes each element of its result from the elements at its place.
bool is_elementwise(PrimitiveKind kind);

/// Of a dma_copy, mma (dimensions m, n, k) or vec; nothing for other statements.
std::optional<OperationDims> operation_dims(const tile::Statement& statement);

}  // namespace septran::cuda
