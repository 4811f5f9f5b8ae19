// Copies between GLOBAL and shared memory as the copy engine performs them: boxes of tensors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "targets/cuda/plan.h"
#include "targets/cuda/source.h"

namespace septran::cuda {

/// The boxes of one copy: dst[i] at byte `shared_offset` gets the box whose corner is `corner`
/// (innermost first).
struct BulkBox {
  std::int64_t shared_offset = 0;
  std::vector<Expr> corner;
};
struct BulkCopy {
  TensorMap map;
  std::vector<BulkBox> boxes;
  std::int64_t cuts = 1;  // of the boxes, so many in turn are parts of the same columns
  std::int64_t box_bytes = 0;
};

/// Into how many boxes a copy is cut at least.
struct BulkCuts {
  std::int64_t shares = 1;  // a multiple of so many
  std::int64_t cuts = 0;    // its rows into so many, if not 0
};

/// The copy as the copy engine performs it; why it cannot, in `why`.
std::optional<BulkCopy> bulk_copy(const tile::Program& program, const Plan& plan,
                                  const tile::DmaCopy& copy, std::string& why, BulkCuts cuts = {});

/// What the copy engine needs to know of a tensor in GLOBAL, boxes apart; why it cannot reach it,
/// in `why`.
std::optional<TensorMap> tensor_map(const tile::Program& program, const Plan& plan,
                                    tile::TensorId id, std::string& why);

/// Whether the extent ends at the tensor's edge wherever it is smaller than `most`: beyond it the
/// copy engine reads zeros and writes nothing.
bool ends_at_edge(const VarTable& vars, const Expr& extent, const Expr& base, std::int64_t most,
                  std::int64_t edge);

}  // namespace septran::cuda
