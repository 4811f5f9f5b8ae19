// Views whose every number is known, as executing or unrolling a program meets them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

/// The view with every expression replaced by its value.
View evaluate(const View& view, const std::function<std::int64_t(VarId)>& value);

/// Lowest and highest coordinate that a view reaches along each axis of its root; nothing if it has
/// no elements. All expressions must be constant. Dimensions of several digits are walked.
std::optional<std::vector<Range>> reach(const View& view);

/// What is wrong with a view of constants on a root of these extents: another rank, digits that do
/// not count, an axis that is not there, elements outside (where they do not read as zero), more
/// elements than any tile has. Nothing if it is right.
std::optional<std::string> view_fault(const View& view, const std::vector<std::int64_t>& extents);

/// Structure only, with expressions of any kind: ranks, axes and digits.
std::optional<std::string> view_structure_fault(const View& view, std::size_t root_rank);

}  // namespace septran::tile
