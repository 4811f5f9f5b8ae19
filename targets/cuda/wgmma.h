// Products by the tensor cores: instructions of a warpgroup on swizzled tiles.
#pragma once

#include <map>
#include <string>

#include "targets/cuda/emitter.h"

namespace septran::cuda {

/// What instructions call factors of a type: f32 is rounded to tf32.
std::string_view factor_name(DType type);

/// Shape and operands of an instruction m64nN, which takes 32 bytes along k.
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

/// Issues and commits a product; the shapes that it needs are added to `shapes`. Its factor is left
/// to emit_scale(), once it is complete. With `may_skip`, warpgroups whose rows all lie beyond the
/// tile's edge do nothing; where others work on sums beside the product, that would have the
/// compiler wait for each instruction.
void emit_wgmma(Emitter& emitter, const tile::Mma& mma, const TensorCoreProduct& product,
                std::map<WgmmaShape, std::string>& shapes, bool may_skip);

/// Zeros for what lies beyond `extents` along k in a fragment of A: it meets zeros of B, but need
/// not be finite.
void clear_beyond(Emitter& emitter, const RegisterTile& a, const std::vector<Expr>& extents);

/// Multiplies sums in registers, which must be complete, by their factor.
void emit_scale(Emitter& emitter, tile::TensorId sums, double factor);

}  // namespace septran::cuda
