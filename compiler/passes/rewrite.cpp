#include "compiler/passes/rewrite.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::passes {
namespace {

/// Of a block or a statement.
template <typename Code>
bool touches(const Code& code, tile::TensorId tensor, bool (*wanted)(Access)) {
  bool found = false;
  tile::for_each_statement(code, [&](const tile::Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      found |= use.tile->tensor == tensor && wanted(use.access);
    }
    if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) {
      for (const tile::ScopeArgument& argument : scope->arguments) {
        found |=
            argument.source.tensor == tensor && touches(scope->body, argument.parameter, wanted);
      }
    }
  });
  return found;
}

}  // namespace

bool writes_tensor(const tile::Block& block, tile::TensorId tensor) {
  return touches(block, tensor, [](Access access) { return writes(access); });
}

bool reads_tensor(const tile::Block& block, tile::TensorId tensor) {
  return touches(block, tensor, [](Access access) { return reads(access); });
}

bool uses_tensor(const tile::Statement& statement, tile::TensorId tensor) {
  return touches(statement, tensor, [](Access /*any*/) { return true; });
}

void for_each_tile(tile::Block& block, const std::function<void(tile::TileRef&)>& visit) {
  tile::for_each_statement(block, [&](tile::Statement& statement) {
    for (const auto& use : tile::operands(statement)) visit(*use.tile);
    if (auto* scope = std::get_if<tile::Scope>(&statement.node)) {
      for (tile::ScopeArgument& argument : scope->arguments) visit(argument.source);
    }
  });
}

bool substitute_argument(tile::Program& program, tile::Block& block,
                         const tile::ScopeArgument& argument, Diagnostics& diagnostics) {
  bool fine = true;
  for_each_tile(block, [&](tile::TileRef& tile) {
    if (tile.tensor != argument.parameter || !fine) return;
    const auto composed = compose(argument.source.view, tile.view);
    if (!composed) {
      diagnostics.report(argument.origin.logic_span, messages::view_not_expressible,
                         program[argument.parameter].name);
      fine = false;
      return;
    }
    tile = {argument.source.tensor, simplify(*composed, program.vars)};
  });
  return fine;
}

std::string describe_operands(const tile::Program& program,
                              const std::vector<tile::Operand>& operands) {
  std::string out;
  for (const tile::Operand& operand : operands) {
    std::string text;
    if (const auto* tile = std::get_if<tile::TileRef>(&operand)) {
      const tile::Tensor& tensor = program[tile->tensor];
      text = fmt::format("{} ({} in {})", tensor.name, name(tensor.dtype), tensor.memory);
    } else if (std::holds_alternative<double>(operand)) {
      text = "a number";
    } else {
      continue;
    }
    out += out.empty() ? text : ", " + text;
  }
  return out;
}

bool bounds_independent(const tile::Program& program, const tile::Parallel& outer,
                        const tile::Parallel& inner) {
  return std::none_of(inner.vars.begin(), inner.vars.end(), [&](VarId v) {
    return std::any_of(outer.vars.begin(), outer.vars.end(), [&](VarId o) {
      return program.vars[v].begin.depends_on(o) || program.vars[v].end.depends_on(o);
    });
  });
}

namespace {

/// How far digits along an axis whose steps `period` does not divide reach; nothing if unknown, or
/// not less than the period. Of period 0: how far all of them reach.
std::optional<std::int64_t> reach_within(const VarTable& vars, const View& view, std::uint32_t axis,
                                         std::int64_t period) {
  __int128 reach = 0;
  for (const ViewDim& dim : view.dims) {
    __int128 inner = 1;
    for (std::size_t i = dim.digits.size(); i-- > 0;) {
      const Digit& digit = dim.digits[i];
      const __int128 count =
          i > 0 ? digit.extent
                : (vars.range(dim.start + dim.extent).hi + inner - 1) / inner;  // at most
      inner *= std::max<std::int64_t>(digit.extent, 1);
      if (digit.axis != axis || (period > 0 && digit.step % period == 0)) continue;
      if (digit.step < 0) return std::nullopt;
      reach += (count - 1) * digit.step;
    }
  }
  if (reach >= (period > 0 ? period : INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(reach);
}

bool one_behind_the_other(const VarTable& vars, const View& x, const View& y, std::uint32_t axis) {
  const auto x_reach = reach_within(vars, x, axis, 0);
  const auto y_reach = reach_within(vars, y, axis, 0);
  const Range apart = vars.range(y.base[axis] - x.base[axis]);
  return (x_reach && apart.lo > *x_reach) || (y_reach && apart.hi < -*y_reach);
}

/// Whether coordinates along an axis never meet because both repeat with one period, in which they
/// take different places: every other row, the real parts of complex numbers.
bool interleaved(const VarTable& vars, const View& x, const View& y, std::uint32_t axis) {
  for (const View* view : {&x, &y}) {
    for (const ViewDim& dim : view->dims) {
      for (const Digit& digit : dim.digits) {
        if (digit.axis != axis || digit.step <= 1) continue;
        const auto x_reach = reach_within(vars, x, axis, digit.step);
        const auto y_reach = reach_within(vars, y, axis, digit.step);
        if (!x_reach || !y_reach) continue;
        const Range apart = vars.range(
            vars.simplify(Expr::mod(vars.simplify(y.base[axis] - x.base[axis]), digit.step)));
        if (apart.lo > *x_reach && apart.hi + *y_reach < digit.step) return true;
      }
    }
  }
  return false;
}

}  // namespace

bool disjoint(const VarTable& vars, const View& x, const View& y) {
  for (std::uint32_t axis = 0; axis < x.base.size(); ++axis) {
    if (one_behind_the_other(vars, x, y, axis) || interleaved(vars, x, y, axis)) return true;
  }
  if (!x.is_box() || !y.is_box()) return false;
  for (std::uint32_t axis = 0; axis < x.base.size(); ++axis) {
    if (vars.range(y.base[axis] - x.base[axis] - x.box_extent(axis)).lo >= 0 ||
        vars.range(x.base[axis] - y.base[axis] - y.box_extent(axis)).lo >= 0) {
      return true;
    }
  }
  return false;
}

namespace {

std::function<Expr(VarId)> replaced_by(const std::map<VarId, Expr>& values) {
  return [&values](VarId v) {
    const auto at = values.find(v);
    return at == values.end() ? Expr::var(v) : at->second;
  };
}

/// Replaces variables in a block, giving its own loops new ones, and simplifies everything.
void replace_variables(tile::Program& program, tile::Block& block, std::map<VarId, Expr>& values) {
  const auto replaced = replaced_by(values);
  const auto rename = [&](VarId& own) {
    const VarInfo info = program.vars[own];
    const VarId fresh =
        program.vars.add(info.name, program.vars.simplify(info.begin.substitute(replaced)),
                         program.vars.simplify(info.end.substitute(replaced)));
    program.vars[fresh].bounds = info.bounds;
    values[own] = Expr::var(fresh);
    own = fresh;
  };
  tile::for_each_statement(block, [&](tile::Statement& inner) {
    if (auto* loop = std::get_if<tile::Loop>(&inner.node)) rename(loop->var);
    if (auto* parallel = std::get_if<tile::Parallel>(&inner.node)) {
      for (VarId& own : parallel->vars) rename(own);
    }
  });
  tile::substitute(block, replaced);
  tile::for_each_statement(block, [&](tile::Statement& inner) {
    for (const auto& use : tile::operands(inner)) {
      use.tile->view = simplify(use.tile->view, program.vars);
    }
    if (auto* mma = std::get_if<tile::Mma>(&inner.node)) {
      mma->accumulate = mma->accumulate.simplify(program.vars);
    } else if (auto* vec = std::get_if<tile::Vec>(&inner.node)) {
      if (vec->guard) vec->guard = vec->guard->simplify(program.vars);
    } else if (auto* branch = std::get_if<tile::If>(&inner.node)) {
      branch->condition = branch->condition.simplify(program.vars);
    }
  });
}

}  // namespace

tile::Statement copy_statement(tile::Program& program, const tile::Statement& statement, VarId var,
                               const Expr& value) {
  std::map<VarId, Expr> values{{var, value}};
  tile::Block block;
  block.push_back(statement);
  replace_variables(program, block, values);
  return std::move(block[0]);
}

tile::Block fresh_copy(tile::Program& program, const tile::Block& block,
                       std::map<VarId, Expr>& values,
                       std::map<tile::TensorId, tile::TensorId>& tensors) {
  tile::Block copy = block;
  replace_variables(program, copy, values);
  const auto renew = [&](tile::TensorId& id) {
    const auto [at, is_new] = tensors.try_emplace(id);
    if (is_new) {
      tile::Tensor tensor = program[id];
      for (Expr& extent : tensor.shape) {
        extent = program.vars.simplify(extent.substitute(replaced_by(values)));
      }
      at->second = program.add_tensor(std::move(tensor));
    }
    id = at->second;
  };
  tile::for_each_statement(copy, [&](tile::Statement& statement) {
    if (auto* alloc = std::get_if<tile::Alloc>(&statement.node)) renew(alloc->tensor);
    if (auto* scope = std::get_if<tile::Scope>(&statement.node)) {
      for (tile::ScopeArgument& argument : scope->arguments) renew(argument.parameter);
    }
  });
  for_each_tile(copy, [&](tile::TileRef& tile) {
    const auto at = tensors.find(tile.tensor);
    if (at != tensors.end()) tile.tensor = at->second;
  });
  return copy;
}

std::int64_t max_extent(const tile::Program& program, const Expr& extent) {
  return std::max<std::int64_t>(1, program.vars.range(extent).hi);
}

}  // namespace septran::passes
