#include "compiler/base/expr.h"

#include <algorithm>
#include <limits>

#include "compiler/base/diagnostic.h"

namespace septran {
namespace {

// Arithmetic that wraps instead of being undefined.
std::int64_t add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t multiply(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

/// The arguments of nested minima (maxima) in one list.
void flatten(Atom::Kind kind, const Expr& e, std::vector<Expr>& out) {
  if (e.terms().size() == 1 && e.terms()[0].coefficient == 1 && e.terms()[0].atom.kind == kind) {
    for (const Expr& arg : e.terms()[0].atom.args) out.push_back(arg + e.offset());
    return;
  }
  out.push_back(e);
}

/// Whether `a` is always the one that a minimum (maximum) of a and b takes, given their difference.
bool always_first(Atom::Kind kind, const Range& a_minus_b) {
  return kind == Atom::Kind::min ? a_minus_b.hi <= 0 : a_minus_b.lo >= 0;
}

Expr extremum(Atom::Kind kind, const std::vector<Expr>& args, const VarTable* vars) {
  std::vector<Expr> kept;
  for (const Expr& candidate : args) {
    bool dropped = false;
    for (std::size_t i = 0; i < kept.size() && !dropped; ++i) {
      const Expr difference = kept[i] - candidate;
      Range range{std::numeric_limits<std::int64_t>::min(),
                  std::numeric_limits<std::int64_t>::max()};
      if (const auto c = difference.constant()) {
        range = {*c, *c};
      } else if (vars != nullptr) {
        range = vars->range(difference);
      }
      if (always_first(kind, range)) {
        dropped = true;
      } else if (range.lo > std::numeric_limits<std::int64_t>::min() &&
                 always_first(kind, {-range.hi, -range.lo})) {
        kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
        --i;
      }
    }
    if (!dropped) kept.push_back(candidate);
  }
  if (kept.size() == 1) return kept[0];
  std::sort(kept.begin(), kept.end());
  Atom atom;
  atom.kind = kind;
  atom.args = std::move(kept);
  return Expr::from_atom(std::move(atom));
}

Expr extremum_of(Atom::Kind kind, const Expr& a, const Expr& b) {
  std::vector<Expr> args;
  flatten(kind, a, args);
  flatten(kind, b, args);
  return extremum(kind, args, nullptr);
}

/// Rebuilds an expression with each atom replaced by what `rebuild` makes of it.
template <typename F>
Expr map_atoms(const Expr& e, const F& rebuild) {
  Expr result(e.offset());
  for (const Term& term : e.terms()) result += rebuild(term.atom) * term.coefficient;
  return result;
}

Expr rebuild_atom(const Atom& atom, const std::function<Expr(VarId)>& value) {
  if (atom.kind == Atom::Kind::var) return value(atom.var);
  std::vector<Expr> args;
  args.reserve(atom.args.size());
  for (const Expr& arg : atom.args) args.push_back(arg.substitute(value));
  if (atom.kind == Atom::Kind::floor_div) return Expr::floor_div(args[0], atom.divisor);
  Expr result = args[0];
  for (std::size_t i = 1; i < args.size(); ++i) {
    result = atom.kind == Atom::Kind::min ? Expr::min(result, args[i]) : Expr::max(result, args[i]);
  }
  return result;
}

}  // namespace

std::int64_t floor_div(std::int64_t a, std::int64_t divisor) {
  SEPTRAN_CHECK(divisor > 0);
  const std::int64_t quotient = a / divisor;
  return a % divisor < 0 ? quotient - 1 : quotient;
}

std::int64_t ceil_div(std::int64_t a, std::int64_t divisor) {
  SEPTRAN_CHECK(divisor > 0);
  const std::int64_t quotient = a / divisor;
  return a % divisor > 0 ? quotient + 1 : quotient;
}

bool is_multiple(const Expr& e, std::int64_t m) {
  if (e.offset() % m != 0) return false;
  return std::all_of(e.terms().begin(), e.terms().end(), [&](const Term& term) {
    if (term.coefficient % m == 0) return true;
    const bool picks = term.atom.kind == Atom::Kind::min || term.atom.kind == Atom::Kind::max;
    return picks && std::all_of(term.atom.args.begin(), term.atom.args.end(),
                                [&](const Expr& arg) { return is_multiple(arg, m); });
  });
}

Expr Expr::from_atom(Atom atom) {
  Expr e;
  e.terms_.push_back(Term{1, std::move(atom)});
  return e;
}

Expr Expr::var(VarId id) {
  Atom atom;
  atom.var = id;
  return from_atom(std::move(atom));
}

Expr Expr::floor_div(const Expr& a, std::int64_t divisor) {
  SEPTRAN_CHECK(divisor > 0);
  if (divisor == 1) return a;
  // What the divisor divides leaves the fraction.
  Expr whole(septran::floor_div(a.constant_, divisor));
  Expr rest(add(a.constant_, multiply(whole.constant_, -divisor)));
  for (const Term& term : a.terms_) {
    if (term.coefficient % divisor == 0) {
      whole.add_term({term.coefficient / divisor, term.atom});
    } else {
      rest.add_term(term);
    }
  }
  if (rest.is_constant()) return whole;
  if (rest.terms_.size() == 1 && rest.constant_ == 0 && rest.terms_[0].coefficient == 1 &&
      rest.terms_[0].atom.kind == Atom::Kind::floor_div) {  // (x // a) // b = x // (a*b)
    const Atom& inner = rest.terms_[0].atom;
    std::int64_t product = 0;
    if (!__builtin_mul_overflow(inner.divisor, divisor, &product)) {
      return whole + floor_div(inner.args[0], product);
    }
  }
  Atom atom;
  atom.kind = Atom::Kind::floor_div;
  atom.divisor = divisor;
  atom.args.push_back(std::move(rest));
  return whole + from_atom(std::move(atom));
}

Expr Expr::ceil_div(const Expr& a, std::int64_t divisor) {
  return floor_div(a + (divisor - 1), divisor);
}

Expr Expr::mod(const Expr& a, std::int64_t divisor) { return a - floor_div(a, divisor) * divisor; }

Expr Expr::min(const Expr& a, const Expr& b) { return extremum_of(Atom::Kind::min, a, b); }
Expr Expr::max(const Expr& a, const Expr& b) { return extremum_of(Atom::Kind::max, a, b); }

void Expr::add_term(const Term& term) {
  if (term.coefficient == 0) return;
  const auto at = std::lower_bound(terms_.begin(), terms_.end(), term,
                                   [](const Term& x, const Term& y) { return x.atom < y.atom; });
  if (at != terms_.end() && at->atom == term.atom) {
    at->coefficient = add(at->coefficient, term.coefficient);
    if (at->coefficient == 0) terms_.erase(at);
  } else {
    terms_.insert(at, term);
  }
}

Expr Expr::operator-() const { return *this * -1; }

Expr Expr::operator+(const Expr& other) const {
  Expr result = *this;
  result.constant_ = add(constant_, other.constant_);
  for (const Term& term : other.terms_) result.add_term(term);
  return result;
}

Expr Expr::operator-(const Expr& other) const { return *this + other * -1; }

Expr Expr::operator*(std::int64_t factor) const {
  Expr result(multiply(constant_, factor));
  if (factor == 0) return result;
  result.terms_ = terms_;
  for (Term& term : result.terms_) term.coefficient = multiply(term.coefficient, factor);
  return result;
}

std::optional<Expr> Expr::product(const Expr& a, const Expr& b) {
  if (const auto c = a.constant()) return b * *c;
  if (const auto c = b.constant()) return a * *c;
  return std::nullopt;
}

std::optional<std::int64_t> Expr::constant() const {
  if (!terms_.empty()) return std::nullopt;
  return constant_;
}

bool Expr::depends_on(VarId id) const {
  std::vector<VarId> vars;
  collect_vars(vars);
  return std::find(vars.begin(), vars.end(), id) != vars.end();
}

void Expr::collect_vars(std::vector<VarId>& out) const {
  for (const Term& term : terms_) {
    if (term.atom.kind == Atom::Kind::var) out.push_back(term.atom.var);
    for (const Expr& arg : term.atom.args) arg.collect_vars(out);
  }
}

Expr Expr::substitute(const std::function<Expr(VarId)>& value) const {
  return map_atoms(*this, [&](const Atom& atom) { return rebuild_atom(atom, value); });
}

Expr Expr::substitute(VarId id, const Expr& value) const {
  if (!depends_on(id)) return *this;
  return substitute([&](VarId v) { return v == id ? value : var(v); });
}

std::int64_t Expr::evaluate(const std::function<std::int64_t(VarId)>& value) const {
  std::int64_t result = constant_;
  for (const Term& term : terms_) {
    const Atom& atom = term.atom;
    std::int64_t v = 0;
    if (atom.kind == Atom::Kind::var) {
      v = value(atom.var);
    } else {
      v = atom.args[0].evaluate(value);
      if (atom.kind == Atom::Kind::floor_div) v = septran::floor_div(v, atom.divisor);
      for (std::size_t i = 1; i < atom.args.size(); ++i) {
        const std::int64_t next = atom.args[i].evaluate(value);
        v = atom.kind == Atom::Kind::min ? std::min(v, next) : std::max(v, next);
      }
    }
    result = add(result, multiply(term.coefficient, v));
  }
  return result;
}

std::strong_ordering Expr::operator<=>(const Expr& other) const {
  if (const auto order = terms_ <=> other.terms_; order != std::strong_ordering::equal)
    return order;
  return constant_ <=> other.constant_;
}

bool Expr::operator==(const Expr& other) const {
  return constant_ == other.constant_ && terms_ == other.terms_;
}

bool Atom::operator==(const Atom& other) const {
  return kind == other.kind && var == other.var && divisor == other.divisor && args == other.args;
}

bool Term::operator==(const Term& other) const {
  return coefficient == other.coefficient && atom == other.atom;
}

std::strong_ordering Atom::operator<=>(const Atom& other) const {
  if (const auto order = kind <=> other.kind; order != std::strong_ordering::equal) return order;
  if (const auto order = var <=> other.var; order != std::strong_ordering::equal) return order;
  if (const auto order = divisor <=> other.divisor; order != std::strong_ordering::equal) {
    return order;
  }
  return args <=> other.args;
}

std::strong_ordering Term::operator<=>(const Term& other) const {
  if (const auto order = atom <=> other.atom; order != std::strong_ordering::equal) return order;
  return coefficient <=> other.coefficient;
}

// --- variables and ranges ---------------------------------------------------------------------

VarId VarTable::add(std::string name, Expr begin, Expr end) {
  vars_.push_back({std::move(name), std::move(begin), std::move(end), std::nullopt});
  return VarId{static_cast<std::uint32_t>(vars_.size() - 1)};
}

namespace {

// Beyond this magnitude a bound counts as unknown, so that bounds never wrap.
constexpr std::int64_t unbounded = std::int64_t{1} << 61;

std::int64_t clip(__int128 value) {
  if (value > unbounded) return unbounded;
  if (value < -unbounded) return -unbounded;
  return static_cast<std::int64_t>(value);
}

/// Finds upper bounds, trying every argument of minima and maxima while that ends in time: sums of
/// many of them, and bounds within bounds, would take exponentially many steps.
class Bounder {
 public:
  explicit Bounder(const VarTable& vars) : vars_(vars) {}

  /// The upper bound of an expression; variables with the largest id are the innermost.
  std::int64_t upper_bound(const Expr& e) {
    if (const auto c = e.constant()) return clip(*c);
    if (++steps_ > max_steps) return unbounded;
    if (steps_ < max_exact_steps) {
      for (const Term& term : e.terms()) {
        if (term.atom.kind == Atom::Kind::min || term.atom.kind == Atom::Kind::max) {
          return through_extremum(e, term);
        }
      }
    }
    return std::min(through_remainder(e), through_variables(e));
  }

 private:
  static constexpr int max_exact_steps = 4000;
  static constexpr int max_steps = 8000;

  std::int64_t lower_bound(const Expr& e) { return -upper_bound(-e); }

  std::int64_t through_variables(const Expr& e) {
    if (const Term* term = innermost_term(e)) {
      const VarInfo& info = vars_[term->atom.var];
      Expr extreme = term->coefficient > 0 ? info.end - 1 : info.begin;
      if (info.bounds) extreme = term->coefficient > 0 ? info.bounds->hi : info.bounds->lo;
      const bool known = !extreme.depends_on(term->atom.var);
      SEPTRAN_CHECK(known);
      return upper_bound(e + (extreme - Expr::var(term->atom.var)) * term->coefficient);
    }
    __int128 sum = e.offset();
    for (const Term& term : e.terms()) sum += atom_upper_bound(term.atom, term.coefficient);
    return clip(sum);
  }

  /// Upper bound of coefficient * atom for an atom that is not a variable.
  std::int64_t atom_upper_bound(const Atom& atom, std::int64_t coefficient) {
    const bool want_upper = coefficient > 0;
    const auto bound = [&](const Expr& e) { return want_upper ? upper_bound(e) : lower_bound(e); };
    std::int64_t value = bound(atom.args[0]);
    if (atom.kind == Atom::Kind::floor_div) value = floor_div(value, atom.divisor);
    for (std::size_t i = 1; i < atom.args.size(); ++i) {
      const std::int64_t next = bound(atom.args[i]);
      value = atom.kind == Atom::Kind::min ? std::min(value, next) : std::max(value, next);
    }
    return clip(static_cast<__int128>(value) * coefficient);
  }

  /// The innermost variable that occurs as a plain term.
  static const Term* innermost_term(const Expr& e) {
    const Term* found = nullptr;
    for (const Term& term : e.terms()) {
      if (term.atom.kind != Atom::Kind::var) continue;
      if (found == nullptr || found->atom.var < term.atom.var) found = &term;
    }
    return found;
  }

  /// c*min(args) + rest <= c*arg + rest for every arg: trying each keeps a variable that stands
  /// both inside the minimum and outside it from being bounded twice.
  std::int64_t through_extremum(const Expr& e, const Term& term) {
    const Atom& atom = term.atom;
    const bool pick_any = (atom.kind == Atom::Kind::min) == (term.coefficient > 0);
    const Expr rest = e - Expr::from_atom(atom) * term.coefficient;
    std::int64_t best = pick_any ? unbounded : -unbounded;
    for (const Expr& arg : atom.args) {
      const std::int64_t value = upper_bound(rest + arg * term.coefficient);
      best = pick_any ? std::min(best, value) : std::max(best, value);
    }
    return best;
  }

  /// d * (a // d) is a less the remainder, which is from 0 to d - 1: where that makes terms cancel,
  /// they are bounded once. Unbounded where it does not.
  std::int64_t through_remainder(const Expr& e) {
    for (const Term& term : e.terms()) {
      const std::int64_t divisor = term.atom.divisor;
      if (term.atom.kind != Atom::Kind::floor_div || term.coefficient % divisor != 0) continue;
      const std::int64_t factor = term.coefficient / divisor;
      const Expr rest = e - Expr::from_atom(term.atom) * term.coefficient;
      const Expr whole = rest + term.atom.args[0] * factor;
      if (whole.terms().size() >= rest.terms().size()) continue;
      const __int128 remainder = factor > 0 ? 0 : static_cast<__int128>(-factor) * (divisor - 1);
      return clip(upper_bound(whole) + remainder);
    }
    return unbounded;
  }

  const VarTable& vars_;
  int steps_ = 0;
};

}  // namespace

Range VarTable::range(const Expr& e) const {
  return {-Bounder(*this).upper_bound(-e), Bounder(*this).upper_bound(e)};
}

Expr VarTable::expand_values(const Expr& e) const {
  Expr expanded = e.substitute([&](VarId id) {
    const VarInfo& info = vars_.at(id.value);
    return info.is_value() ? info.begin : Expr::var(id);
  });
  return expanded == e ? expanded : expand_values(expanded);
}

Expr VarTable::simplify(const Expr& e) const {
  return map_atoms(e, [&](const Atom& atom) {
    if (atom.kind == Atom::Kind::var) {
      const VarInfo& info = vars_.at(atom.var.value);
      if (info.is_value() && info.begin.is_constant()) return info.begin;
      if (info.bounds && info.bounds->lo == info.bounds->hi) return Expr(info.bounds->lo);
      return Expr::var(atom.var);
    }
    std::vector<Expr> args;
    args.reserve(atom.args.size());
    for (const Expr& arg : atom.args) args.push_back(simplify(arg));
    if (atom.kind == Atom::Kind::floor_div) {
      const Range bounds = range(args[0]);
      const std::int64_t lo = septran::floor_div(bounds.lo, atom.divisor);
      if (lo == septran::floor_div(bounds.hi, atom.divisor)) return Expr(lo);
      return Expr::floor_div(args[0], atom.divisor);
    }
    std::vector<Expr> flat;
    for (const Expr& arg : args) flatten(atom.kind, arg, flat);
    return extremum(atom.kind, flat, this);
  });
}

}  // namespace septran
