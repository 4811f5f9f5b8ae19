// The part of a block that some of its results need.
#pragma once

#include <map>
#include <set>

#include "compiler/tile/program.h"

namespace septran::passes {

/// What launches' parameters show a part of, those of launches inside launches included.
class Roots {
 public:
  Roots() = default;
  explicit Roots(const tile::Block& block) { add(block); }
  void add(const tile::Scope& scope);
  void add(const tile::Block& block);
  /// The tensor that a parameter shows; any other tensor itself.
  [[nodiscard]] tile::TensorId of(tile::TensorId tensor) const;

 private:
  std::map<tile::TensorId, tile::TensorId> sources_;
};

/// Tensors, as roots, that a block reads and writes, with the number of operands that do.
struct Touched {
  std::map<tile::TensorId, int> reads;
  std::map<tile::TensorId, int> writes;
};
Touched touched(const tile::Block& block, const Roots& roots);

/// The tensors that a block allocates, at any depth.
std::set<tile::TensorId> allocated_in(const tile::Block& block);

/// Takes away every operation that the values of the tensors `needed` (roots) do not depend on, and
/// structure and buffers that are left without use. The order of operations is not looked at: what
/// writes a needed tensor stays.
void keep_needed(tile::Block& block, const Roots& roots, std::set<tile::TensorId> needed);

}  // namespace septran::passes
