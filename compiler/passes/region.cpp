#include "compiler/passes/region.h"

#include <algorithm>

#include "compiler/tile/visit.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;
using tile::TensorId;

bool depends_on_any(const Expr& e, const std::set<VarId>& vars) {
  std::vector<VarId> used;
  e.collect_vars(used);
  return std::any_of(used.begin(), used.end(), [&](VarId v) { return vars.contains(v); });
}

/// An upper bound of e, over all values of the inner variables, as an expression of the others.
/// Nothing where the form is not monotone in them.
std::optional<Expr> symbolic_upper(const Program& program, const Expr& e,
                                   const std::set<VarId>& inner) {
  if (!depends_on_any(e, inner)) return e;
  const Term* innermost = nullptr;
  for (const Term& term : e.terms()) {
    const Atom& atom = term.atom;
    const bool bound = std::any_of(atom.args.begin(), atom.args.end(),
                                   [&](const Expr& arg) { return depends_on_any(arg, inner); });
    if (atom.kind == Atom::Kind::floor_div && bound) return std::nullopt;
    if ((atom.kind == Atom::Kind::min || atom.kind == Atom::Kind::max) && bound) {
      // c*min(args) + rest, each argument bounded by itself.
      const Expr rest = e - Expr::from_atom(atom) * term.coefficient;
      const bool is_min = (atom.kind == Atom::Kind::min) == (term.coefficient > 0);
      std::optional<Expr> result;
      for (const Expr& arg : atom.args) {
        const auto upper = symbolic_upper(program, rest + arg * term.coefficient, inner);
        if (!upper) return std::nullopt;
        result = !result  ? *upper
                 : is_min ? Expr::min(*result, *upper)
                          : Expr::max(*result, *upper);
      }
      return result;
    }
    if (atom.kind == Atom::Kind::var && inner.contains(atom.var) &&
        (innermost == nullptr || innermost->atom.var < atom.var)) {
      innermost = &term;
    }
  }
  if (innermost == nullptr) return std::nullopt;
  const VarInfo& info = program.vars[innermost->atom.var];
  const Expr extreme = innermost->coefficient > 0 ? info.end - 1 : info.begin;
  return symbolic_upper(program, e.substitute(innermost->atom.var, extreme), inner);
}

std::optional<Expr> symbolic_lower(const Program& program, const Expr& e,
                                   const std::set<VarId>& inner) {
  const auto upper = symbolic_upper(program, -e, inner);
  return upper ? std::optional(-*upper) : std::nullopt;
}

/// The box that a view touches over all inner variables; whole axes where that cannot be said.
Region view_region(const Program& program, const View& view, const std::vector<Expr>& shape,
                   const std::set<VarId>& inner) {
  Region region;
  const bool box = view.is_box();
  for (std::uint32_t axis = 0; axis < shape.size(); ++axis) {
    std::optional<Expr> lower;
    std::optional<Expr> upper;
    if (box) {
      lower = symbolic_lower(program, view.base[axis], inner);
      upper = symbolic_upper(program, view.base[axis] + view.box_extent(axis), inner);
    }
    if (!lower || !upper) {
      lower = Expr(0);
      upper = shape[axis];
    }
    region.begin.push_back(program.vars.simplify(*lower));
    region.extent.push_back(program.vars.simplify(*upper - *lower));
  }
  return region;
}

void collect_uses(const Block& block, TensorId tensor, std::vector<const View*>& out) {
  tile::for_each_statement(block, [&](const Statement& statement) {
    for (const auto& use : tile::operands(statement)) {
      if (use.tile->tensor == tensor) out.push_back(&use.tile->view);
    }
    if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) {
      for (const tile::ScopeArgument& argument : scope->arguments) {
        if (argument.source.tensor == tensor) out.push_back(&argument.source.view);
      }
    }
  });
}

bool same_region(const Region& a, const Region& b) {
  return a.begin == b.begin && a.extent == b.extent;
}

/// Follows the writes of one tensor through a block.
class WriteTracker {
 public:
  WriteTracker(const Program& program, TensorId tensor, const Region& region)
      : program_(program), tensor_(tensor), region_(region) {}

  /// False where something is read that has not been written for certain.
  bool walk(const Block& block);
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  bool read(const View& view) const {
    return complete_ || std::find(written_.begin(), written_.end(), view) != written_.end();
  }
  void write(const View& view) {
    written_.push_back(view);
    const Region touched = view_region(program_, view, shape(), {});
    complete_ |= view.is_box() && same_region(touched, region_);
  }
  [[nodiscard]] const std::vector<Expr>& shape() const { return program_[tensor_].shape; }
  bool walk_operation(const Statement& statement);
  bool walk_loop(const tile::Loop& loop);
  bool walk_scope(const tile::Scope& scope);
  void generalise(VarId var, std::vector<View> inside);

  const Program& program_;
  TensorId tensor_;
  const Region& region_;
  bool complete_ = false;
  std::vector<View> written_;
};

/// A product that starts its sum anew in the first trip of the loops it depends on writes first.
bool overwrites_first(const Program& program, const tile::Mma& mma) {
  std::vector<VarId> vars;
  mma.accumulate.collect_vars(vars);
  std::vector<VarId> view_vars;
  collect_vars(mma.acc.view, view_vars);
  for (const VarId v : vars) {
    if (std::find(view_vars.begin(), view_vars.end(), v) != view_vars.end()) return false;
  }
  const Cond at_start = mma.accumulate.substitute([&](VarId v) {
    return std::find(vars.begin(), vars.end(), v) != vars.end() ? program.vars[v].begin
                                                                : Expr::var(v);
  });
  return at_start.constant() == false;
}

bool WriteTracker::walk_operation(const Statement& statement) {
  const auto uses = tile::operands(statement);
  const auto* mma = std::get_if<tile::Mma>(&statement.node);
  const bool starts_anew = mma != nullptr && overwrites_first(program_, *mma);
  const auto* vec = std::get_if<tile::Vec>(&statement.node);
  const bool guarded = vec != nullptr && vec->guard.has_value();
  for (const auto& use : uses) {
    if (use.tile->tensor != tensor_ || !reads(use.access)) continue;
    if (starts_anew && use.index == 0) continue;
    if (!read(use.tile->view)) return false;
  }
  for (const auto& use : uses) {
    if (use.tile->tensor == tensor_ && writes(use.access) && !guarded) write(use.tile->view);
  }
  return true;
}

/// A write in every trip of a loop covers the box over all trips where the parts join without gaps.
void WriteTracker::generalise(VarId var, std::vector<View> inside) {
  for (View& view : inside) {
    std::vector<VarId> used;
    collect_vars(view, used);
    if (std::find(used.begin(), used.end(), var) == used.end()) {
      write(view);
      continue;
    }
    if (!view.is_box()) continue;
    VarTable shorter = program_.vars;  // all trips but the last
    shorter[var].end = shorter[var].end - 1;
    int moving = 0;
    bool joined = true;
    for (std::uint32_t axis = 0; axis < view.base.size(); ++axis) {
      const Expr end = view.base[axis] + view.box_extent(axis);
      if (!view.base[axis].depends_on(var) && !end.depends_on(var)) continue;
      ++moving;
      const Expr next = view.base[axis].substitute(var, Expr::var(var) + 1);
      joined &= shorter.range(end - next).lo >= 0 && shorter.range(next - view.base[axis]).lo >= 0;
    }
    if (moving != 1 || !joined) continue;
    const Region hull = view_region(program_, view, shape(), {var});
    for (std::uint32_t axis = 0; axis < view.base.size(); ++axis) {
      view.base[axis] = hull.begin[axis];
      for (ViewDim& dim : view.dims) {
        if (dim.digits[0].axis == axis) dim.extent = hull.extent[axis];
      }
    }
    write(view);
  }
}

bool WriteTracker::walk_loop(const tile::Loop& loop) {
  WriteTracker inner = *this;
  if (!inner.walk(loop.body)) return false;
  if (!runs_at_least_once(program_, loop.var)) return true;
  generalise(loop.var, {inner.written_.begin() + static_cast<std::ptrdiff_t>(written_.size()),
                        inner.written_.end()});
  return true;
}

bool WriteTracker::walk_scope(const tile::Scope& scope) {
  for (const tile::ScopeArgument& argument : scope.arguments) {
    if (argument.source.tensor != tensor_) continue;
    const std::vector<Expr> extents = argument.source.view.shape();
    const Region inner{std::vector<Expr>(extents.size()), extents};
    const bool out_only = written_before_read(program_, scope.body, argument.parameter, inner);
    if (!out_only && !read(argument.source.view)) return false;
    if (out_only) write(argument.source.view);
  }
  return walk(scope.body);
}

bool WriteTracker::walk(const Block& block) {
  for (const Statement& statement : block) {
    if (complete_) return true;
    bool fine = true;
    if (const auto* loop = std::get_if<tile::Loop>(&statement.node)) {
      fine = walk_loop(*loop);
    } else if (const auto* scope = std::get_if<tile::Scope>(&statement.node)) {
      fine = walk_scope(*scope);
    } else if (tile::child_blocks(statement).empty()) {
      fine = walk_operation(statement);
    } else {  // a branch, or a parallel loop: what it writes is not counted on
      for (const Block* inner : tile::child_blocks(statement)) {
        WriteTracker branch = *this;
        fine &= branch.walk(*inner);
      }
    }
    if (!fine) return false;
  }
  return true;
}

}  // namespace

std::set<VarId> bound_inside(const Block& block) {
  std::set<VarId> vars;
  tile::for_each_statement(block, [&](const Statement& statement) {
    for (const VarId v : tile::bound_vars(statement)) vars.insert(v);
  });
  return vars;
}

bool runs_at_least_once(const Program& program, VarId var) {
  const VarInfo& info = program.vars[var];
  return program.vars.range(info.end - info.begin).lo >= 1;
}

std::optional<Region> touched_region(const Program& program, const Block& block, TensorId tensor) {
  std::vector<const View*> uses;
  collect_uses(block, tensor, uses);
  const std::set<VarId> inner = bound_inside(block);
  const std::vector<Expr>& shape = program[tensor].shape;
  if (uses.empty()) return std::nullopt;
  Region result = view_region(program, *uses[0], shape, inner);
  for (const View* view : uses) {
    const Region region = view_region(program, *view, shape, inner);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const Expr end = program.vars.simplify(Expr::max(result.begin[axis] + result.extent[axis],
                                                       region.begin[axis] + region.extent[axis]));
      result.begin[axis] = program.vars.simplify(Expr::min(result.begin[axis], region.begin[axis]));
      result.extent[axis] = program.vars.simplify(end - result.begin[axis]);
    }
  }
  return result;
}

bool written_before_read(const Program& program, const Block& block, TensorId tensor,
                         const Region& region) {
  WriteTracker tracker(program, tensor, region);
  return tracker.walk(block) && tracker.complete();
}

}  // namespace septran::passes
