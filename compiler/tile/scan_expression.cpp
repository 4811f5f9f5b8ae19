// A recursive-descent reader of integer expressions and conditions. Depth, size and magnitude are
// limited, so that no text can exhaust the stack or memory, or overflow the arithmetic.
#include <cctype>

#include "compiler/base/messages.h"
#include "compiler/tile/scan.h"

namespace septran::tile {
namespace {

constexpr int max_depth = 64;
constexpr std::size_t max_terms = 2000;
constexpr std::int64_t max_magnitude = std::int64_t{1} << 48;

using Value = std::variant<Expr, Cond>;

/// Number of terms in an expression, those of arguments included.
std::size_t term_count(const Expr& e) {
  std::size_t count = 1;
  for (const Term& term : e.terms()) {
    ++count;
    for (const Expr& arg : term.atom.args) count += term_count(arg);
  }
  return count;
}

/// The largest magnitude among constants, coefficients and divisors.
std::int64_t magnitude(const Expr& e) {
  const auto magnitude_of = [](std::int64_t v) { return v < 0 ? -std::max(v, -INT64_MAX) : v; };
  std::int64_t largest = magnitude_of(e.offset());
  for (const Term& term : e.terms()) {
    largest = std::max({largest, magnitude_of(term.coefficient), term.atom.divisor});
    for (const Expr& arg : term.atom.args) largest = std::max(largest, magnitude(arg));
  }
  return largest;
}

class ExpressionScanner {
 public:
  ExpressionScanner(Scanner& scanner, const VariableLookup& lookup)
      : in_(scanner), lookup_(lookup) {
    in_.skip_blanks();
    begin_ = in_.position();
  }

  Value disjunction() {
    const Deeper deeper(*this);
    Value left = conjunction();
    if (!in_.next_is_word("or")) return left;
    std::vector<Cond> parts{condition(std::move(left))};
    while (in_.accept_word("or")) parts.push_back(condition(conjunction()));
    return Cond::any(std::move(parts));
  }

  Expr integer(Value value) {
    if (Expr* e = std::get_if<Expr>(&value)) return std::move(*e);
    in_.fail(in_.span_from(begin_), messages::tile_not_integer);
  }
  Cond condition(Value value) {
    if (Cond* c = std::get_if<Cond>(&value)) return std::move(*c);
    in_.fail(in_.span_from(begin_), messages::tile_not_condition);
  }

 private:
  struct Deeper {
    explicit Deeper(ExpressionScanner& scanner) : scanner(scanner) {
      if (++scanner.depth_ > max_depth) {
        scanner.in_.fail(scanner.in_.span_from(scanner.begin_), messages::tile_too_deep,
                         "expressions", max_depth);
      }
    }
    ~Deeper() { --scanner.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ExpressionScanner& scanner;
  };

  Value conjunction() {
    Value left = negation();
    if (!in_.next_is_word("and")) return left;
    std::vector<Cond> parts{condition(std::move(left))};
    while (in_.accept_word("and")) parts.push_back(condition(negation()));
    return Cond::all(std::move(parts));
  }

  Value negation() {
    if (!in_.accept_word("not")) return comparison();
    const Deeper deeper(*this);
    return condition(negation()).negated();
  }

  Value comparison() {
    Value left = sum();
    for (const char* op : {">=", "<=", "==", "!=", "<", ">"}) {
      if (!in_.accept(op)) continue;
      const Expr a = integer(std::move(left));
      const Expr b = integer(sum());
      checked(a - b);
      switch (op[0]) {
        case '>':
          return op[1] == '=' ? Cond::ge(a, b) : Cond::lt(b, a);
        case '<':
          return op[1] == '=' ? Cond::ge(b, a) : Cond::lt(a, b);
        case '=':
          return Cond::eq(a, b);
        default:
          return Cond::eq(a, b).negated();
      }
    }
    return left;
  }

  Value sum() {
    Value left = product();
    while (true) {
      if (in_.accept("+")) {
        left = checked(integer(std::move(left)) + integer(product()));
      } else if (in_.accept("-")) {
        left = checked(integer(std::move(left)) - integer(product()));
      } else {
        return left;
      }
    }
  }

  Value product() {
    if (in_.accept("-")) {
      const Deeper deeper(*this);
      return -integer(product());
    }
    Value left = factor();
    while (true) {
      if (in_.accept("*")) {
        left = multiply(integer(std::move(left)), integer(factor()));
      } else if (in_.accept("//")) {
        const Expr a = integer(std::move(left));
        left = checked(Expr::floor_div(a, divisor("//")));
      } else if (in_.accept("%")) {
        const Expr a = integer(std::move(left));
        left = checked(Expr::mod(a, divisor("%")));
      } else {
        return left;
      }
    }
  }

  Expr multiply(const Expr& a, const Expr& b) {
    if (!a.is_constant() && !b.is_constant()) {
      in_.fail(in_.span_from(begin_), messages::tile_not_affine, "a product of two variables");
    }
    if (static_cast<__int128>(magnitude(a)) * magnitude(b) > max_magnitude) too_large();
    return checked(*Expr::product(a, b));
  }

  std::int64_t divisor(const char* op) {
    const auto value = integer(factor()).constant();
    if (!value || *value <= 0) {
      in_.fail(in_.span_from(begin_), messages::tile_not_affine,
               fmt::format("the right side of '{}' is not a positive constant", op));
    }
    return *value;
  }

  Value factor() {
    in_.skip_blanks();
    if (in_.accept("(")) {
      Value inner = disjunction();
      in_.expect(")");
      return inner;
    }
    if (std::isdigit(static_cast<unsigned char>(in_.peek())) != 0) {
      return Expr(in_.integer(0, max_magnitude));
    }
    const std::size_t begin = in_.position();
    const std::string_view name = in_.bare_word();
    if (name.empty()) in_.expected("an expression");
    if (name == "true") return Cond(true);
    if (name == "false") return Cond(false);
    if ((name == "min" || name == "max") && in_.accept("(")) return extremum(name == "min");
    const auto id = lookup_(name);
    if (!id) in_.fail(in_.span_from(begin), messages::tile_unknown_variable, name);
    return Expr::var(*id);
  }

  Expr extremum(bool is_min) {
    Expr result = integer(disjunction());
    while (in_.accept(",")) {
      const Expr next = integer(disjunction());
      result = checked(is_min ? Expr::min(result, next) : Expr::max(result, next));
    }
    in_.expect(")");
    return result;
  }

  [[noreturn]] void too_large() {
    in_.fail(in_.span_from(begin_), messages::tile_bad_number, "this expression",
             fmt::format("at most {}", max_magnitude));
  }

  Expr checked(Expr e) {
    if (term_count(e) > max_terms) {
      in_.fail(in_.span_from(begin_), messages::tile_expression_too_large, max_terms);
    }
    if (magnitude(e) > max_magnitude) too_large();
    return e;
  }

  Scanner& in_;
  const VariableLookup& lookup_;
  std::size_t begin_ = 0;
  int depth_ = 0;
};

}  // namespace

Expr scan_expression(Scanner& scanner, const VariableLookup& lookup) {
  ExpressionScanner expression(scanner, lookup);
  // A sum, not a condition: but a condition's message is better than "expected ','".
  return expression.integer(expression.disjunction());
}

Cond scan_condition(Scanner& scanner, const VariableLookup& lookup) {
  ExpressionScanner expression(scanner, lookup);
  return expression.condition(expression.disjunction());
}

}  // namespace septran::tile
