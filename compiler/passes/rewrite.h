// Questions and rewrites that several passes share.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "compiler/passes/pass.h"
#include "compiler/tile/visit.h"

namespace septran::passes {

/// Whether something in the block writes (reads) the tensor, or a parameter that stands for a part.
bool writes_tensor(const tile::Block& block, tile::TensorId tensor);
bool reads_tensor(const tile::Block& block, tile::TensorId tensor);
/// Whether a statement or what is inside it does either.
bool uses_tensor(const tile::Statement& statement, tile::TensorId tensor);

/// Calls `visit` for every tile in the block, sources of launch arguments included.
void for_each_tile(tile::Block& block, const std::function<void(tile::TileRef&)>& visit);

/// Puts the source of an argument in the place of its parameter, in the whole block. False where a
/// view cannot be taken through the argument's view (reported).
bool substitute_argument(tile::Program& program, tile::Block& block,
                         const tile::ScopeArgument& argument, Diagnostics& diagnostics);

/// "REGISTER f32, SHARED f16, ..." of an operation's operands.
std::string describe_operands(const tile::Program& program,
                              const std::vector<tile::Operand>& operands);

/// Whether no bound of the inner loop depends on a variable of the outer.
bool bounds_independent(const tile::Program& program, const tile::Parallel& outer,
                        const tile::Parallel& inner);

/// Whether two views of one tensor never meet while the variables in them have the same values, as
/// far as it is plain: boxes that are apart, and views whose elements lie between each other's.
bool disjoint(const VarTable& vars, const View& x, const View& y);

/// A copy of a statement with `var` replaced by `value`, its own loops with variables of their own
/// and everything simplified.
tile::Statement copy_statement(tile::Program& program, const tile::Statement& statement, VarId var,
                               const Expr& value);

/// A copy of a block with every variable in `values` replaced, in the shapes of tensors too. What
/// it binds and allocates itself becomes new variables and tensors, which are added to `values` and
/// `tensors` (old to new).
tile::Block fresh_copy(tile::Program& program, const tile::Block& block,
                       std::map<VarId, Expr>& values,
                       std::map<tile::TensorId, tile::TensorId>& tensors);

/// The largest value an extent takes; at least 1.
std::int64_t max_extent(const tile::Program& program, const Expr& extent);

}  // namespace septran::passes
