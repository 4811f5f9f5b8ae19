#include "targets/cpu/text.h"

#include <algorithm>
#include <cctype>

namespace septran::cpu {
namespace {

std::string atom_to_c(const Atom& atom, const VarTable& vars) {
  switch (atom.kind) {
    case Atom::Kind::var:
      return variable(atom.var, vars);
    case Atom::Kind::floor_div:
      if (vars.range(atom.args[0]).lo >= 0) {
        return fmt::format("({} / {})", factor(atom.args[0], vars), atom.divisor);
      }
      return fmt::format("floor_div({}, {})", to_c(atom.args[0], vars), atom.divisor);
    case Atom::Kind::min:
    case Atom::Kind::max:
      break;
  }
  const char* function = atom.kind == Atom::Kind::min ? "min" : "max";
  std::string out = to_c(atom.args[0], vars);
  for (std::size_t i = 1; i < atom.args.size(); ++i) {
    out = fmt::format("{}({}, {})", function, out, to_c(atom.args[i], vars));
  }
  return out;
}

bool is_simple(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

}  // namespace

void Writer::raw(const std::string& text) {
  if (!text.empty()) out_.append(static_cast<std::size_t>(depth_) * 2, ' ');
  out_ += text + "\n";
}

void Writer::close(const char* end) {
  --depth_;
  raw(end);
}

std::string identifier(const std::string& name, std::uint32_t number) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? c : '_';
  }
  if (out.empty() || (out[0] >= '0' && out[0] <= '9')) out = "v" + out;
  return fmt::format("{}_{}", out, number);
}

std::string variable(VarId id, const VarTable& vars) { return identifier(vars[id].name, id.value); }

std::string to_c(const Expr& e, const VarTable& vars) {
  std::string out;
  for (const Term& term : e.terms()) {
    const std::string atom = atom_to_c(term.atom, vars);
    const std::int64_t c = term.coefficient;
    if (c == 1) {
      out += out.empty() ? atom : " + " + atom;
    } else if (c == -1) {
      out += out.empty() ? "-" + atom : " - " + atom;
    } else if (c < 0 && !out.empty() && c != INT64_MIN) {
      out += fmt::format(" - {} * {}", -c, atom);
    } else {
      out += fmt::format("{}{} * {}", out.empty() ? "" : " + ", c, atom);
    }
  }
  const std::int64_t constant = e.offset();
  if (out.empty()) return fmt::format("{}", constant);
  if (constant > 0) out += fmt::format(" + {}", constant);
  if (constant < 0) out += fmt::format(" - {}", 0 - static_cast<std::uint64_t>(constant));
  return out;
}

std::string factor(const Expr& e, const VarTable& vars) {
  const std::string text = to_c(e, vars);
  return is_simple(text) ? text : "(" + text + ")";
}

std::string to_c(const Cond& c, const VarTable& vars) {
  switch (c.kind()) {
    case Cond::Kind::constant:
      return c.value() ? "1" : "0";
    case Cond::Kind::ge_zero:
      return fmt::format("({} >= 0)", to_c(c.expr(), vars));
    case Cond::Kind::eq_zero:
      return fmt::format("({} == 0)", to_c(c.expr(), vars));
    case Cond::Kind::negation:
      return "!" + to_c(c.parts()[0], vars);
    case Cond::Kind::all:
    case Cond::Kind::any:
      break;
  }
  std::string out;
  for (const Cond& part : c.parts()) {
    if (!out.empty()) out += c.kind() == Cond::Kind::all ? " && " : " || ";
    out += to_c(part, vars);
  }
  return "(" + out + ")";
}

std::string comment_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool printable = static_cast<unsigned char>(c) >= 32;
    if (!printable) continue;
    if (c == '/' && !out.empty() && out.back() == '*') out += ' ';
    if (c == '\\') continue;  // would join lines
    out += c;
  }
  return out;
}

}  // namespace septran::cpu
