#include "compiler/passes/rewrite.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::passes {
namespace {

bool touches(const tile::Block& block, tile::TensorId tensor, bool (*wanted)(Access)) {
  bool found = false;
  tile::for_each_statement(block, [&](const tile::Statement& statement) {
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

std::int64_t max_extent(const tile::Program& program, const Expr& extent) {
  return std::max<std::int64_t>(1, program.vars.range(extent).hi);
}

}  // namespace septran::passes
