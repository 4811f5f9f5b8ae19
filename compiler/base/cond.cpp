// Conditions over integer expressions.
#include <algorithm>

#include "compiler/base/diagnostic.h"
#include "compiler/base/expr.h"

namespace septran {

Cond Cond::ge(const Expr& a, const Expr& b) {
  Cond c;
  c.expr_ = a - b;
  if (const auto value = c.expr_.constant()) return Cond(*value >= 0);
  c.kind_ = Kind::ge_zero;
  return c;
}

Cond Cond::lt(const Expr& a, const Expr& b) { return ge(b, a + 1); }

Cond Cond::eq(const Expr& a, const Expr& b) {
  Cond c;
  c.expr_ = a - b;
  if (const auto value = c.expr_.constant()) return Cond(*value == 0);
  c.kind_ = Kind::eq_zero;
  return c;
}

Cond Cond::join(Kind kind, std::vector<Cond> parts) {
  const bool neutral = kind == Kind::all;
  std::vector<Cond> kept;
  for (Cond& part : parts) {
    if (const auto value = part.constant()) {
      if (*value != neutral) return Cond(!neutral);
    } else if (part.kind_ == kind) {
      kept.insert(kept.end(), part.parts_.begin(), part.parts_.end());
    } else {
      kept.push_back(std::move(part));
    }
  }
  if (kept.empty()) return Cond(neutral);
  if (kept.size() == 1) return kept[0];
  Cond c;
  c.kind_ = kind;
  c.parts_ = std::move(kept);
  return c;
}

Cond Cond::all(std::vector<Cond> parts) { return join(Kind::all, std::move(parts)); }
Cond Cond::any(std::vector<Cond> parts) { return join(Kind::any, std::move(parts)); }

Cond Cond::negated() const {
  if (kind_ == Kind::constant) return Cond(!value_);
  if (kind_ == Kind::ge_zero) return lt(expr_, 0);
  if (kind_ == Kind::negation) return parts_[0];
  if (kind_ == Kind::all || kind_ == Kind::any) {  // De Morgan
    std::vector<Cond> parts;
    parts.reserve(parts_.size());
    for (const Cond& part : parts_) parts.push_back(part.negated());
    return join(kind_ == Kind::all ? Kind::any : Kind::all, std::move(parts));
  }
  Cond c;
  c.kind_ = Kind::negation;
  c.parts_.push_back(*this);
  return c;
}

std::optional<bool> Cond::constant() const {
  if (kind_ == Kind::constant) return value_;
  return std::nullopt;
}

std::optional<bool> Cond::decide(const VarTable& vars) const { return simplify(vars).constant(); }

Cond Cond::simplify(const VarTable& vars) const {
  switch (kind_) {
    case Kind::constant:
      return *this;
    case Kind::ge_zero: {
      const Range range = vars.range(expr_);
      if (range.lo >= 0) return Cond(true);
      if (range.hi < 0) return Cond(false);
      return ge(vars.simplify(expr_), 0);
    }
    case Kind::eq_zero: {
      const Range range = vars.range(expr_);
      if (range.lo == 0 && range.hi == 0) return Cond(true);
      if (range.lo > 0 || range.hi < 0) return Cond(false);
      return eq(vars.simplify(expr_), 0);
    }
    case Kind::negation:
      return parts_[0].simplify(vars).negated();
    case Kind::all:
    case Kind::any:
      break;
  }
  std::vector<Cond> parts;
  parts.reserve(parts_.size());
  for (const Cond& part : parts_) parts.push_back(part.simplify(vars));
  return join(kind_, std::move(parts));
}

Cond Cond::substitute(const std::function<Expr(VarId)>& value) const {
  switch (kind_) {
    case Kind::constant:
      return *this;
    case Kind::ge_zero:
      return ge(expr_.substitute(value), 0);
    case Kind::eq_zero:
      return eq(expr_.substitute(value), 0);
    case Kind::negation:
      return parts_[0].substitute(value).negated();
    case Kind::all:
    case Kind::any:
      break;
  }
  std::vector<Cond> parts;
  parts.reserve(parts_.size());
  for (const Cond& part : parts_) parts.push_back(part.substitute(value));
  return join(kind_, std::move(parts));
}

bool Cond::evaluate(const std::function<std::int64_t(VarId)>& value) const {
  const auto holds = [&](const Cond& part) { return part.evaluate(value); };
  switch (kind_) {
    case Kind::constant:
      return value_;
    case Kind::ge_zero:
      return expr_.evaluate(value) >= 0;
    case Kind::eq_zero:
      return expr_.evaluate(value) == 0;
    case Kind::negation:
      return !parts_[0].evaluate(value);
    case Kind::all:
      return std::all_of(parts_.begin(), parts_.end(), holds);
    case Kind::any:
      return std::any_of(parts_.begin(), parts_.end(), holds);
  }
  SEPTRAN_BUG("unknown kind of condition");
}

void Cond::collect_vars(std::vector<VarId>& out) const {
  expr_.collect_vars(out);
  for (const Cond& part : parts_) part.collect_vars(out);
}

bool Cond::operator==(const Cond& other) const {
  return kind_ == other.kind_ && value_ == other.value_ && expr_ == other.expr_ &&
         parts_ == other.parts_;
}

}  // namespace septran
