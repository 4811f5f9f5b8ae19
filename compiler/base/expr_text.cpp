// Printing of expressions and conditions.
#include <fmt/format.h>

#include "compiler/base/diagnostic.h"
#include "compiler/base/expr.h"

namespace septran {
namespace {

/// `a - c * (a // c)` prints as `a % c`: the text of such a pair of terms, if e has one with the
/// given floor division.
std::string atom_text(const Atom& atom, const VarTable& vars) {
  switch (atom.kind) {
    case Atom::Kind::var:
      return vars[atom.var].name;
    case Atom::Kind::floor_div: {
      const Expr& inner = atom.args[0];
      const bool simple =
          inner.terms().size() == 1 && inner.offset() == 0 && inner.terms()[0].coefficient == 1;
      const std::string text = to_string(inner, vars);
      return simple ? fmt::format("{} // {}", text, atom.divisor)
                    : fmt::format("({}) // {}", text, atom.divisor);
    }
    case Atom::Kind::min:
    case Atom::Kind::max:
      break;
  }
  std::string out = atom.kind == Atom::Kind::min ? "min(" : "max(";
  for (std::size_t i = 0; i < atom.args.size(); ++i) {
    if (i > 0) out += ", ";
    out += to_string(atom.args[i], vars);
  }
  return out + ")";
}

/// Splits off x % c: where e has -k*c*(x // c) and x's terms are all in e, k times.
bool take_modulo(Expr& e, std::string& text, const VarTable& vars) {
  for (const Term& term : e.terms()) {
    const Atom& atom = term.atom;
    if (atom.kind != Atom::Kind::floor_div || term.coefficient >= 0) continue;
    if (term.coefficient % atom.divisor != 0) continue;
    const std::int64_t times = -(term.coefficient / atom.divisor);
    const Expr& x = atom.args[0];
    const Expr rest = e - (x - Expr::floor_div(x, atom.divisor) * atom.divisor) * times;
    if (rest.terms().size() + x.terms().size() + 1 != e.terms().size()) continue;
    const bool simple = x.terms().size() == 1 && x.offset() == 0 && x.terms()[0].coefficient == 1;
    const std::string inner = to_string(x, vars);
    text = fmt::format("{}{} % {}", times == 1 ? "" : fmt::format("{}*(", times),
                       simple ? inner : "(" + inner + ")", atom.divisor);
    if (times != 1) text += ")";
    e = rest;
    return true;
  }
  return false;
}

std::uint64_t magnitude(std::int64_t c) {
  return c < 0 ? 0 - static_cast<std::uint64_t>(c) : static_cast<std::uint64_t>(c);
}

std::string term_text(const Term& term, bool first, const VarTable& vars) {
  const std::int64_t c = term.coefficient;
  std::string text = atom_text(term.atom, vars);
  const bool bare = term.atom.kind != Atom::Kind::floor_div;
  if (c != 1 && c != -1) text = fmt::format("{}*{}", magnitude(c), bare ? text : "(" + text + ")");
  if (first) return c < 0 ? "-" + (c == -1 && !bare ? "(" + text + ")" : text) : text;
  if (c < 0 && c == -1 && !bare) text = "(" + text + ")";
  return (c < 0 ? " - " : " + ") + text;
}

}  // namespace

std::string to_string(const Expr& e, const VarTable& vars) {
  Expr rest = e;
  std::string out;
  std::string modulo;
  while (take_modulo(rest, modulo, vars)) out += out.empty() ? modulo : " + " + modulo;
  for (const Term& term : rest.terms()) out += term_text(term, out.empty(), vars);
  const std::int64_t c = rest.offset();
  if (out.empty()) return fmt::format("{}", c);
  if (c > 0) out += fmt::format(" + {}", c);
  if (c < 0) out += fmt::format(" - {}", magnitude(c));
  return out;
}

std::string to_string(const Cond& c, const VarTable& vars) {
  switch (c.kind()) {
    case Cond::Kind::constant:
      return c.value() ? "true" : "false";
    case Cond::Kind::ge_zero:
      return to_string(c.expr(), vars) + " >= 0";
    case Cond::Kind::eq_zero:
      return to_string(c.expr(), vars) + " == 0";
    case Cond::Kind::negation:
      return "not (" + to_string(c.parts()[0], vars) + ")";
    case Cond::Kind::all:
    case Cond::Kind::any:
      break;
  }
  std::string out;
  for (const Cond& part : c.parts()) {
    if (!out.empty()) out += c.kind() == Cond::Kind::all ? " and " : " or ";
    const bool nested = part.kind() == Cond::Kind::all || part.kind() == Cond::Kind::any;
    out += nested ? "(" + to_string(part, vars) + ")" : to_string(part, vars);
  }
  return out;
}

}  // namespace septran
