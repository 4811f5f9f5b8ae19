#include "targets/dsa/lower/values.h"

#include <algorithm>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/isa.h"

namespace septran::dsa {
namespace {

Source immediate(std::int64_t value) { return {false, value}; }
Source in_register(Register reg) { return {true, reg}; }

/// -1 - a without overflow.
std::int64_t complement(std::int64_t a) {
  return static_cast<std::int64_t>(~static_cast<std::uint64_t>(a));
}

}  // namespace

void Values::bind(VarId var, const Expr& value) { bound_[var] = resolve(value); }

Expr Values::resolve(const Expr& e) const {
  if (bound_.empty()) return e;
  return e.substitute([&](VarId var) {
    const auto at = bound_.find(var);
    return at == bound_.end() ? Expr::var(var) : at->second;
  });
}

Register Values::open_loop(VarId var) {
  bound_.erase(var);
  levels_.emplace_back();
  Level& level = levels_.back();
  level.var = var;
  level.reg = allocate(levels_.size() - 1);
  return level.reg;
}

std::vector<Instruction> Values::close_loop() {
  SEPTRAN_CHECK(levels_.size() > 1);
  Level level = std::move(levels_.back());
  levels_.pop_back();
  levels_.back().touched.merge(level.touched);
  return std::move(level.head);
}

std::vector<Instruction> Values::close_program() {
  SEPTRAN_CHECK(levels_.size() == 1);
  return std::move(levels_[0].head);
}

/// A value of a level is computed at its start and has to outlive everything in it: so its register
/// is one that neither an open loop uses nor anything inside the level has written so far.
Register Values::allocate(std::size_t level) {
  for (int reg = first_free_register; reg < registers_; ++reg) {
    const auto candidate = static_cast<Register>(reg);
    bool is_free = true;
    for (std::size_t i = 0; i < levels_.size() && is_free; ++i) {
      is_free = !levels_[i].live.contains(candidate) &&
                (i < level || !levels_[i].touched.contains(candidate));
    }
    if (!is_free) continue;
    levels_[level].live.insert(candidate);
    levels_[level].touched.insert(candidate);
    return candidate;
  }
  out_of_registers_ = true;
  return first_free_register;
}

Register Values::make_state(std::int64_t initial) {
  const Register reg = allocate(0);
  load_constant(0, reg, initial);
  return reg;
}

std::size_t Values::level_of(const std::vector<VarId>& vars) {
  std::size_t level = 0;
  for (const VarId var : vars) {
    std::size_t at = levels_.size() - 1;
    while (at > 0 && levels_[at].var != var) --at;
    if (at == 0) unknown_variable_ = var;
    level = std::max(level, at);
  }
  return level;
}

std::size_t Values::level_of(const Expr& e) {
  std::vector<VarId> vars;
  e.collect_vars(vars);
  return level_of(vars);
}

Register Values::variable(VarId var) { return levels_[level_of({var})].reg; }

void Values::emit(std::size_t level, ScalarOp op, Register dst, const Source& a, const Source& b) {
  levels_[level].head.push_back({Scalar{op, dst, a, b}, origin_});
}

void Values::load_constant(std::size_t level, Register dst, std::int64_t value) {
  if (immediate_fits(field(Opcode::scalar, scalar_a_field), value)) {
    emit(level, ScalarOp::add, dst, immediate(value), immediate(0));
    return;
  }
  constexpr std::int64_t half = std::int64_t{1} << 32;
  emit(level, ScalarOp::mul, dst, immediate(floor_div(value, half)), immediate(half));
  emit(level, ScalarOp::add, dst, in_register(dst),
       immediate(static_cast<std::int64_t>(static_cast<std::uint64_t>(value) & (half - 1))));
}

Affine Values::affine(const Expr& unresolved) {
  const Expr e = resolve(unresolved);
  Affine sum{e.offset(), {}};
  for (const Term& term : e.terms()) {
    sum.terms.push_back({atom_register(term.atom), term.coefficient});
  }
  return sum;
}

Register Values::atom_register(const Atom& atom) {
  return atom.kind == Atom::Kind::var ? variable(atom.var) : value_register(Expr::from_atom(atom));
}

Register Values::value_register(const Expr& e) {
  if (e.offset() == 0 && e.terms().size() == 1 && e.terms()[0].coefficient == 1 &&
      e.terms()[0].atom.kind == Atom::Kind::var) {
    return variable(e.terms()[0].atom.var);
  }
  const std::size_t level = level_of(e);
  const auto known = levels_[level].values.find(e);
  if (known != levels_[level].values.end()) return known->second;
  const bool is_atom = e.offset() == 0 && e.terms().size() == 1 && e.terms()[0].coefficient == 1;
  const Register dst = allocate(level);
  if (is_atom) {
    compute_atom(level, dst, e.terms()[0].atom);
  } else {
    compute_sum(level, dst, e);
  }
  levels_[level].values.emplace(e, dst);
  return dst;
}

void Values::compute_atom(std::size_t level, Register dst, const Atom& atom) {
  if (atom.kind == Atom::Kind::floor_div) {
    const Source dividend = scalar_source(atom.args[0]);
    emit(level, ScalarOp::floor_div, dst, dividend, scalar_source(Expr(atom.divisor)));
    return;
  }
  const ScalarOp op = atom.kind == Atom::Kind::min ? ScalarOp::min : ScalarOp::max;
  Source so_far = scalar_source(atom.args[0]);
  for (std::size_t i = 1; i < atom.args.size(); ++i) {
    const Source next = scalar_source(atom.args[i]);
    emit(level, op, dst, so_far, next);
    so_far = in_register(dst);
  }
}

void Values::compute_sum(std::size_t level, Register dst, const Expr& e) {
  if (e.is_constant()) return load_constant(level, dst, e.offset());
  // Products first: they have registers of their own, shared with other sums.
  std::vector<std::pair<Register, bool>> parts;  // register, subtracted
  for (const Term& term : e.terms()) {
    const bool is_unit = term.coefficient == 1 || term.coefficient == -1;
    if (is_unit) {
      parts.emplace_back(atom_register(term.atom), term.coefficient < 0);
    } else if (e.terms().size() == 1) {
      const Source factor = scalar_source(Expr(term.coefficient));
      emit(level, ScalarOp::mul, dst, in_register(atom_register(term.atom)), factor);
      parts.emplace_back(dst, false);
    } else {
      parts.emplace_back(value_register(Expr::from_atom(term.atom) * term.coefficient), false);
    }
  }
  std::stable_partition(parts.begin(), parts.end(), [](const auto& part) { return !part.second; });
  Source so_far = immediate(0);
  bool is_first = true;
  for (const auto& [reg, subtracted] : parts) {
    if (is_first && !subtracted) {
      so_far = in_register(reg);
    } else {
      emit(level, subtracted ? ScalarOp::sub : ScalarOp::add, dst, so_far, in_register(reg));
      so_far = in_register(dst);
    }
    is_first = false;
  }
  if (e.offset() != 0) {
    emit(level, ScalarOp::add, dst, so_far, scalar_source(Expr(e.offset())));
  }
}

Source Values::scalar_source(const Expr& e) {
  return resolved_source(e, field(Opcode::scalar, scalar_a_field));
}

Source Values::source(const Expr& e, const Field& field) {
  return resolved_source(resolve(e), field);
}

Source Values::resolved_source(const Expr& e, const Field& field) {
  const auto constant = e.constant();
  if (constant && immediate_fits(field, *constant)) return immediate(*constant);
  return in_register(value_register(e));
}

Source Values::plus_core(const Expr& unresolved) {
  const Expr e = resolve(unresolved);
  if (e == Expr(0)) return in_register(core_register);
  const std::size_t level = level_of(e);
  const Source begin = scalar_source(e);
  const Register dst = allocate(level);
  emit(level, ScalarOp::add, dst, in_register(core_register), begin);
  return in_register(dst);
}

Register Values::core_below(std::int64_t limit) {
  const Register dst = allocate(0);
  emit(0, ScalarOp::less, dst, in_register(core_register), scalar_source(Expr(limit)));
  return dst;
}

Source Values::truth(const Cond& cond) {
  if (const auto constant = cond.constant()) return immediate(*constant ? 1 : 0);
  return in_register(condition_register(cond));
}

Register Values::condition(const Cond& condition) {
  return condition_register(
      condition.substitute([&](VarId var) { return resolve(Expr::var(var)); }));
}

Register Values::negation(const Cond& condition) {
  const Register positive = this->condition(condition);
  std::vector<VarId> vars;
  condition.substitute([&](VarId var) { return resolve(Expr::var(var)); }).collect_vars(vars);
  const std::size_t level = level_of(vars);
  const Register dst = allocate(level);
  emit(level, ScalarOp::equal, dst, in_register(positive), immediate(0));
  return dst;
}

Register Values::condition_register(const Cond& condition) {
  std::vector<VarId> vars;
  condition.collect_vars(vars);
  const std::size_t level = level_of(vars);
  for (const auto& [known, reg] : levels_[level].conditions) {
    if (known == condition) return reg;
  }
  const Register dst = allocate(level);
  compute_condition(level, dst, condition);
  levels_[level].conditions.emplace_back(condition, dst);
  return dst;
}

void Values::compute_condition(std::size_t level, Register dst, const Cond& condition) {
  switch (condition.kind()) {
    case Cond::Kind::constant:
      return load_constant(level, dst, condition.value() ? 1 : 0);
    case Cond::Kind::ge_zero: {
      // e + c >= 0 is -1 - c < e; where all of e is subtracted, -e < c + 1 saves the negation.
      const std::int64_t c = condition.expr().offset();
      const Expr e = condition.expr() - Expr(c);
      const bool is_negative = std::all_of(e.terms().begin(), e.terms().end(),
                                           [](const Term& term) { return term.coefficient < 0; });
      if (is_negative && c < INT64_MAX) {
        const Source left = scalar_source(-e);
        return emit(level, ScalarOp::less, dst, left, scalar_source(Expr(c + 1)));
      }
      const Source left = scalar_source(Expr(complement(c)));
      return emit(level, ScalarOp::less, dst, left, scalar_source(e));
    }
    case Cond::Kind::eq_zero: {
      const std::int64_t c = condition.expr().offset();
      const Source left = scalar_source(condition.expr() - Expr(c));
      return emit(level, ScalarOp::equal, dst, left, scalar_source(-Expr(c)));
    }
    case Cond::Kind::all:
    case Cond::Kind::any: {
      const ScalarOp op = condition.kind() == Cond::Kind::all ? ScalarOp::min : ScalarOp::max;
      Source so_far = truth(condition.parts().at(0));
      if (condition.parts().size() == 1) emit(level, op, dst, so_far, so_far);
      for (std::size_t i = 1; i < condition.parts().size(); ++i) {
        const Source next = truth(condition.parts()[i]);
        emit(level, op, dst, so_far, next);
        so_far = in_register(dst);
      }
      return;
    }
    case Cond::Kind::negation: {
      const Source part = truth(condition.parts().at(0));
      return emit(level, ScalarOp::equal, dst, part, immediate(0));
    }
  }
}

}  // namespace septran::dsa
