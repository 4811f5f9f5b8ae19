#include "compiler/passes/aliases.h"

#include "compiler/base/messages.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

bool is_placed(const tile::ScopeArgument& argument) {
  return argument.placement == tile::Placement::whole ||
         argument.placement == tile::Placement::parts;
}

bool one_is_written(const tile::Scope& scope, const tile::ScopeArgument& a,
                    const tile::ScopeArgument& b) {
  return writes_tensor(scope.body, a.parameter) || writes_tensor(scope.body, b.parameter);
}

}  // namespace

Aliases::Shown Aliases::shown(const tile::TileRef& tile) const {
  Shown result{tile.tensor, tile.view};
  for (auto at = by_reference_.find(result.tensor); at != by_reference_.end();
       at = by_reference_.find(result.tensor)) {
    if (result.view) result.view = compose(at->second.view, *result.view);
    result.tensor = at->second.tensor;
  }
  return result;
}

std::optional<std::size_t> Aliases::same(const tile::Scope& scope,
                                         const tile::ScopeArgument& argument) const {
  if (!is_placed(argument)) return std::nullopt;
  const Shown own = shown(argument.source);
  for (std::size_t i = 0; i < scope.arguments.size() && own.view; ++i) {
    const tile::ScopeArgument& other = scope.arguments[i];
    if (!is_placed(other) || other.memory != argument.memory) continue;
    const Shown shown_there = shown(other.source);
    if (shown_there.tensor == own.tensor && shown_there.view == own.view) return i;
  }
  return std::nullopt;
}

void Aliases::check(const tile::Scope& scope, Span span, Diagnostics& diagnostics) const {
  for (std::size_t i = 0; i < scope.arguments.size(); ++i) {
    for (std::size_t j = i + 1; j < scope.arguments.size(); ++j) {
      const tile::ScopeArgument& a = scope.arguments[i];
      const tile::ScopeArgument& b = scope.arguments[j];
      if ((!is_placed(a) && !is_placed(b)) || !one_is_written(scope, a, b)) continue;
      const Shown of_a = shown(a.source);
      const Shown of_b = shown(b.source);
      if (of_a.tensor != of_b.tensor) continue;
      if (of_a.view && of_b.view && disjoint(program_.vars, *of_a.view, *of_b.view)) continue;
      diagnostics
          .report(a.origin.mapping_span, messages::written_in_two_views, program_[a.parameter].name,
                  program_[b.parameter].name)
          .notes.push_back({span, messages::views_launched_note});
    }
  }
}

}  // namespace septran::passes
