// Products by the tensor cores: instructions of a warpgroup on swizzled tiles.
#pragma once

#include <map>
#include <string>

#include "targets/cuda/emitter.h"

namespace septran::cuda {

/// Shape and operands of an instruction m64nNk16.
struct WgmmaShape {
  std::int64_t columns = 64;
  DType type = DType::f16;
  bool a_in_registers = false;
  bool a_by_k = true;
  bool b_by_k = true;
  auto operator<=>(const WgmmaShape&) const = default;
};

/// Name and text of the function that issues an instruction.
std::string wgmma_name(const WgmmaShape& shape);
std::string wgmma_function(const WgmmaShape& shape);

/// Issues and commits a product; the shapes that it needs are added to `shapes`. What must follow
/// once it is complete is left to finish_wgmma().
void emit_wgmma(Emitter& emitter, const tile::Mma& mma, const TensorCoreProduct& product,
                std::map<WgmmaShape, std::string>& shapes);

/// Zeros for what lies beyond `extents` along k in a fragment of A: it meets zeros of B, but need
/// not be finite.
void clear_beyond(Emitter& emitter, const RegisterTile& a, const std::vector<Expr>& extents);

/// What remains when the sums are complete: their factor.
void finish_wgmma(Emitter& emitter, const tile::Mma& mma);

}  // namespace septran::cuda
