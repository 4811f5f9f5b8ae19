// Integer values in the sequencer's registers: loop variables, and what is computed from them, once
// at the start of the innermost loop that it depends on.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "compiler/base/expr.h"
#include "targets/dsa/program.h"

namespace septran::dsa {

class Values {
 public:
  /// `registers`: how many the machine has.
  explicit Values(int registers) : registers_(registers) { levels_.emplace_back(); }

  /// The variable has this one value (a loop of one trip) until it is bound or opened again.
  void bind(VarId var, const Expr& value);
  /// A loop body begins; the result is the variable's register.
  Register open_loop(VarId var);
  /// It ends: gives the instructions that its start needs for the values used in it, and frees
  /// their registers.
  std::vector<Instruction> close_loop();
  /// What the start of the program needs; call it last.
  std::vector<Instruction> close_program();

  /// A register that keeps its value throughout the program; starts with `initial`.
  Register make_state(std::int64_t initial);

  /// The expression over registers that hold loop variables, quotients, minima and maxima.
  Affine affine(const Expr& e);
  /// The expression as one source of the given field (an immediate, if it is constant and fits).
  Source source(const Expr& e, const struct Field& field);
  /// The expression plus the core's number, as a source of a loop's begin.
  Source plus_core(const Expr& e);
  /// 1 where this core's number is below `limit`, else 0.
  Register core_below(std::int64_t limit);
  /// The truth value of a condition that is not constant, in a register.
  Register condition(const Cond& condition);
  /// 1 where that register holds 0.
  Register negation(const Cond& condition);

  /// Origin (row of Program::origins) of instructions that are made from now on.
  void set_origin(std::uint32_t origin) { origin_ = origin; }

  /// Set once a register was needed and none was left; results are meaningless from then on.
  [[nodiscard]] bool out_of_registers() const { return out_of_registers_; }
  /// Set once an expression used a variable that no open loop has.
  [[nodiscard]] std::optional<VarId> unknown_variable() const { return unknown_variable_; }

 private:
  /// The body of an open loop, or the program (level 0).
  struct Level {
    VarId var;
    Register reg = 0;
    std::vector<Instruction> head;
    std::set<Register> live;     // hold values of this level
    std::set<Register> touched;  // written anywhere in it so far, loops that have ended included
    std::map<Expr, Register> values;
    std::vector<std::pair<Cond, Register>> conditions;
  };

  [[nodiscard]] Expr resolve(const Expr& e) const;
  std::size_t level_of(const std::vector<VarId>& vars);
  std::size_t level_of(const Expr& e);
  Register allocate(std::size_t level);
  Register variable(VarId var);
  Register atom_register(const Atom& atom);
  Register value_register(const Expr& e);
  void compute_sum(std::size_t level, Register dst, const Expr& e);
  void compute_atom(std::size_t level, Register dst, const Atom& atom);
  void load_constant(std::size_t level, Register dst, std::int64_t value);
  Source scalar_source(const Expr& e);
  Source resolved_source(const Expr& e, const struct Field& field);
  Register condition_register(const Cond& condition);
  Source truth(const Cond& condition);
  void compute_condition(std::size_t level, Register dst, const Cond& condition);
  void emit(std::size_t level, ScalarOp op, Register dst, const Source& a, const Source& b);

  int registers_;
  std::vector<Level> levels_;
  std::map<VarId, Expr> bound_;
  std::uint32_t origin_ = 0;
  bool out_of_registers_ = false;
  std::optional<VarId> unknown_variable_;
};

}  // namespace septran::dsa
