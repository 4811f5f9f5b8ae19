// Arguments of one launch that show parts of one tensor.
#pragma once

#include <map>
#include <optional>

#include "compiler/base/diagnostic.h"
#include "compiler/tile/program.h"

namespace septran::passes {

/// What parameters stand for that are passed by reference, through all the launches around.
class Aliases {
 public:
  explicit Aliases(const tile::Program& program) : program_(program) {}

  /// Takes note of an argument that is not placed anew.
  void add(const tile::ScopeArgument& argument) {
    by_reference_.emplace(argument.parameter, argument.source);
  }

  /// The argument of the launch, by its index, that is placed in the same memory and shows the
  /// same: both share its buffer.
  [[nodiscard]] std::optional<std::size_t> same(const tile::Scope& scope,
                                                const tile::ScopeArgument& argument) const;

  /// Reports other arguments that overlap, one of them written, and are placed apart.
  void check(const tile::Scope& scope, Span span, Diagnostics& diagnostics) const;

 private:
  /// What a tile shows of the tensor that has a place of its own; no view where none can say it.
  struct Shown {
    tile::TensorId tensor;
    std::optional<View> view;
  };
  [[nodiscard]] Shown shown(const tile::TileRef& tile) const;

  const tile::Program& program_;
  std::map<tile::TensorId, tile::TileRef> by_reference_;
};

}  // namespace septran::passes
