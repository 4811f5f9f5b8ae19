// Integer expressions in loop variables: one canonical quasi-affine form, used by bounds, offsets,
// extents and positions alike, so that equality is structural and ranges need no simplifier.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace septran {

/// A loop variable: an index into a VarTable.
struct VarId {
  std::uint32_t value = UINT32_MAX;
  auto operator<=>(const VarId&) const = default;
};

struct Range {
  std::int64_t lo = 0;  // both inclusive
  std::int64_t hi = 0;
  auto operator<=>(const Range&) const = default;
};

class Expr;
class VarTable;

/// What an expression has multiples of.
struct Atom {
  enum class Kind { var, floor_div, min, max };
  Kind kind = Kind::var;
  VarId var;                 // var
  std::int64_t divisor = 1;  // floor_div
  std::vector<Expr> args;    // floor_div: one; min, max: two or more, sorted
  std::strong_ordering operator<=>(const Atom& other) const;
  bool operator==(const Atom& other) const;
};

struct Term {
  std::int64_t coefficient = 0;
  Atom atom;
  std::strong_ordering operator<=>(const Term& other) const;
  bool operator==(const Term& other) const;
};

/// constant + sum of coefficient * atom, where an atom is a loop variable, a floor division of an
/// expression by a positive constant, or a minimum or maximum of expressions. `a mod c` is written
/// as `a - c * (a // c)`. Terms are sorted by atom, unique, with coefficients other than zero, so
/// equal expressions of this form compare equal. Arithmetic wraps at 64 bits; front ends check
/// magnitudes before they get here.
class Expr {
 public:
  Expr() = default;
  Expr(std::int64_t constant) : constant_(constant) {}  // NOLINT: integers are expressions
  static Expr var(VarId id);
  static Expr from_atom(Atom atom);
  static Expr floor_div(const Expr& a, std::int64_t divisor);  // divisor > 0
  static Expr ceil_div(const Expr& a, std::int64_t divisor);   // divisor > 0
  static Expr mod(const Expr& a, std::int64_t divisor);  // divisor > 0; result in [0, divisor)
  static Expr min(const Expr& a, const Expr& b);
  static Expr max(const Expr& a, const Expr& b);

  Expr operator-() const;
  Expr operator+(const Expr& other) const;
  Expr operator-(const Expr& other) const;
  Expr operator*(std::int64_t factor) const;
  Expr& operator+=(const Expr& other) { return *this = *this + other; }
  /// The product, if at least one side is constant.
  static std::optional<Expr> product(const Expr& a, const Expr& b);

  [[nodiscard]] bool is_constant() const { return terms_.empty(); }
  [[nodiscard]] std::optional<std::int64_t> constant() const;
  /// The constant summand, whether or not there are terms.
  [[nodiscard]] std::int64_t offset() const { return constant_; }
  [[nodiscard]] const std::vector<Term>& terms() const { return terms_; }
  [[nodiscard]] bool depends_on(VarId id) const;
  void collect_vars(std::vector<VarId>& out) const;  // appends, with repetitions
  /// Every occurrence of the variable replaced.
  [[nodiscard]] Expr substitute(VarId id, const Expr& value) const;
  /// Every variable replaced by what `value` gives for it.
  [[nodiscard]] Expr substitute(const std::function<Expr(VarId)>& value) const;
  [[nodiscard]] std::int64_t evaluate(const std::function<std::int64_t(VarId)>& value) const;

  std::strong_ordering operator<=>(const Expr& other) const;
  bool operator==(const Expr& other) const;

 private:
  void add_term(const Term& term);
  std::int64_t constant_ = 0;
  std::vector<Term> terms_;
};

/// A loop variable takes begin, begin + 1, ..., end - 1; the bounds may depend on outer variables
/// (those with smaller ids).
struct VarInfo {
  std::string name;
  Expr begin;
  Expr end;
  /// A variable of one trip that stands for a value (begin) whose range is known better than its
  /// expression tells: the index that a worker computes from its position in a parallel loop.
  std::optional<Range> bounds;
  /// Whether it takes begin alone, and so gives that value a name.
  [[nodiscard]] bool is_value() const { return end == begin + Expr(1); }
};

class VarTable {
 public:
  VarId add(std::string name, Expr begin, Expr end);
  [[nodiscard]] const VarInfo& operator[](VarId id) const { return vars_.at(id.value); }
  [[nodiscard]] VarInfo& operator[](VarId id) { return vars_.at(id.value); }
  [[nodiscard]] std::size_t size() const { return vars_.size(); }

  /// Bounds of an expression over all values of its variables (inner variables are replaced by
  /// their bounds first, so triangular loops are exact for affine expressions). Conservative.
  [[nodiscard]] Range range(const Expr& e) const;
  /// The expression with every min, max and floor division removed that ranges decide.
  [[nodiscard]] Expr simplify(const Expr& e) const;
  /// The expression with every variable that is a value replaced by it.
  [[nodiscard]] Expr expand_values(const Expr& e) const;

 private:
  std::vector<VarInfo> vars_;
};

/// A condition over integer expressions.
class Cond {
 public:
  enum class Kind { constant, ge_zero, eq_zero, all, any, negation };

  Cond() = default;                              // true
  Cond(bool value) : value_(value) {}            // NOLINT: truth values are conditions
  static Cond ge(const Expr& a, const Expr& b);  // a >= b
  static Cond lt(const Expr& a, const Expr& b);  // a < b
  static Cond eq(const Expr& a, const Expr& b);
  static Cond all(std::vector<Cond> parts);
  static Cond any(std::vector<Cond> parts);
  [[nodiscard]] Cond negated() const;

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool value() const { return value_; }       // constant
  [[nodiscard]] const Expr& expr() const { return expr_; }  // ge_zero, eq_zero
  [[nodiscard]] const std::vector<Cond>& parts() const { return parts_; }
  [[nodiscard]] std::optional<bool> constant() const;
  /// true or false where ranges decide it for all values of the variables.
  [[nodiscard]] std::optional<bool> decide(const VarTable& vars) const;
  [[nodiscard]] Cond simplify(const VarTable& vars) const;
  [[nodiscard]] Cond substitute(const std::function<Expr(VarId)>& value) const;
  [[nodiscard]] bool evaluate(const std::function<std::int64_t(VarId)>& value) const;
  void collect_vars(std::vector<VarId>& out) const;
  bool operator==(const Cond& other) const;

 private:
  static Cond join(Kind kind, std::vector<Cond> parts);
  Kind kind_ = Kind::constant;
  bool value_ = true;
  Expr expr_;
  std::vector<Cond> parts_;
};

/// Text of an expression or condition with the names of its variables, e.g. "64*i + min(3, n)";
/// floor division prints as `//`, modulo as `%` where its form is recognised.
std::string to_string(const Expr& e, const VarTable& vars);
std::string to_string(const Cond& c, const VarTable& vars);

/// Whether an expression is surely a multiple of m > 0 for all values of its variables.
[[nodiscard]] bool is_multiple(const Expr& e, std::int64_t m);

/// Floor division and its remainder on integers; divisor > 0.
[[nodiscard]] std::int64_t floor_div(std::int64_t a, std::int64_t divisor);
[[nodiscard]] std::int64_t ceil_div(std::int64_t a, std::int64_t divisor);

}  // namespace septran
