// Expressions of a logic file: names, arithmetic, comparisons, conditions.
#include <cmath>
#include <limits>

#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {
namespace {

constexpr std::int64_t magnitude_limit = std::int64_t{1} << 61;
constexpr std::size_t depth_limit = 1200;
constexpr std::size_t atom_limit = 64;

/// Atoms in an expression; minima and maxima weigh more, since bounds of their sums multiply.
std::size_t weight(const Expr& e) {
  std::size_t sum = 0;
  for (const Term& term : e.terms()) {
    std::size_t inner = 1;
    for (const Expr& arg : term.atom.args) inner += weight(arg);
    const bool extremum = term.atom.kind == Atom::Kind::min || term.atom.kind == Atom::Kind::max;
    sum += extremum ? 2 * inner : inner;
  }
  return sum;
}

/// 1 where the condition holds, else 0.
Expr indicator(const Cond& condition) {
  const auto non_negative = [](const Expr& e) { return Expr::min(Expr::max(e + 1, 0), 1); };
  switch (condition.kind()) {
    case Cond::Kind::constant:
      return condition.value() ? 1 : 0;
    case Cond::Kind::ge_zero:
      return non_negative(condition.expr());
    case Cond::Kind::eq_zero:
      return non_negative(condition.expr()) + non_negative(-condition.expr()) - 1;
    case Cond::Kind::negation:
      return Expr(1) - indicator(condition.parts()[0]);
    case Cond::Kind::all:
    case Cond::Kind::any:
      break;
  }
  const bool all = condition.kind() == Cond::Kind::all;
  Expr result = all ? 1 : 0;
  for (const Cond& part : condition.parts()) {
    result = all ? Expr::min(result, indicator(part)) : Expr::max(result, indicator(part));
  }
  return result;
}

template <typename T>
bool compare_values(CompareOp op, const T& a, const T& b) {
  switch (op) {
    case CompareOp::eq:
      return a == b;
    case CompareOp::ne:
      return a != b;
    case CompareOp::lt:
      return a < b;
    case CompareOp::le:
      return a <= b;
    case CompareOp::gt:
      return a > b;
    case CompareOp::ge:
      return a >= b;
  }
  SEPTRAN_BUG("unknown comparison");
}

Cond compare_integers(CompareOp op, const Expr& a, const Expr& b) {
  switch (op) {
    case CompareOp::eq:
      return Cond::eq(a, b);
    case CompareOp::ne:
      return Cond::eq(a, b).negated();
    case CompareOp::lt:
      return Cond::lt(a, b);
    case CompareOp::le:
      return Cond::ge(b, a);
    case CompareOp::gt:
      return Cond::lt(b, a);
    case CompareOp::ge:
      return Cond::ge(a, b);
  }
  SEPTRAN_BUG("unknown comparison");
}

}  // namespace

Value Evaluator::eval(const Expression& e) {
  if (depth_ >= depth_limit) {
    checker_.report(e.span, messages::too_complex);
    return {};
  }
  ++depth_;
  Value value = eval_node(e);
  --depth_;
  return value;
}

Value Evaluator::eval_node(const Expression& e) {
  const Span span = e.span;
  if (const auto* n = std::get_if<IntegerLiteral>(&e.node)) return checked(n->value, span);
  if (const auto* n = std::get_if<FloatLiteral>(&e.node)) return {n->value};
  if (const auto* n = std::get_if<BoolLiteral>(&e.node)) return {Cond(n->value)};
  if (const auto* n = std::get_if<StringLiteral>(&e.node)) return {n->value};
  if (std::holds_alternative<NoneLiteral>(e.node)) return {NoneValue{}};
  if (const auto* n = std::get_if<NameRef>(&e.node)) return eval_name(n->name, span);
  if (const auto* n = std::get_if<Attribute>(&e.node)) return eval_attribute(*n, span);
  if (const auto* n = std::get_if<Subscript>(&e.node)) return eval_subscript(*n, span);
  if (const auto* n = std::get_if<Call>(&e.node)) return eval_call(*n, span);
  if (const auto* n = std::get_if<Unary>(&e.node)) return eval_unary(*n, span);
  if (const auto* n = std::get_if<Binary>(&e.node)) return eval_binary(*n, span);
  if (const auto* n = std::get_if<Comparison>(&e.node)) return eval_comparison(*n);
  if (const auto* n = std::get_if<BoolOperation>(&e.node)) return eval_bool(*n);
  if (const auto* n = std::get_if<Conditional>(&e.node)) return eval_conditional(*n, span);
  if (const auto* n = std::get_if<ModuleAttribute>(&e.node)) {
    if (n->name == "inf") return {std::numeric_limits<double>::infinity()};
    if (const auto dtype = parse_dtype(n->name)) return {*dtype};
    SEPTRAN_BUG("unknown value of the language");
  }
  SequenceValue items;
  bool valid = true;
  for (const ExpressionPtr& item : std::get<TupleExpression>(e.node).items) {
    items.push_back(eval(*item));
    valid = valid && !items.back().invalid();
  }
  return valid ? Value{std::move(items)} : Value{};
}

Value Evaluator::eval_name(const std::string& name, Span span) {
  const Value* value = nullptr;
  if (frame_ != nullptr) {
    if (const auto at = frame_->names.find(name); at != frame_->names.end()) value = &at->second;
  }
  if (value == nullptr) {
    if (const auto at = constants_.find(name); at != constants_.end()) value = &at->second;
  }
  if (value == nullptr) {
    checker_.report(span, messages::no_value, name, messages::no_value_hint);
    return {};
  }
  if (const auto* unavailable = value->get<UnavailableValue>()) {
    checker_.report(span, messages::no_value, name, unavailable->reason);
    return {};
  }
  if (frame_ != nullptr) {
    const auto tunable = frame_->tunables.find(name);
    if (tunable != frame_->tunables.end()) note_tunable(tunable->second, span);
  }
  return *value;
}

Value Evaluator::checked(const Expr& e, Span span) {
  if (const auto c = e.constant()) {
    if (*c > -magnitude_limit && *c < magnitude_limit) return {e};
    checker_.report(span, messages::integer_overflow);
    return {};
  }
  if (weight(e) > atom_limit) {
    checker_.report(span, messages::too_complex);
    return {};
  }
  const auto fits = [](std::int64_t c) { return c > -magnitude_limit && c < magnitude_limit; };
  bool good = fits(e.offset());
  for (const Term& term : e.terms()) good = good && fits(term.coefficient);
  if (good) {
    const Range range = vars_.range(e);
    good = fits(range.lo) && fits(range.hi);
  }
  if (!good) {
    checker_.report(span, messages::integer_overflow);
    return {};
  }
  return {e};
}

Value Evaluator::eval_unary(const Unary& e, Span span) {
  const Value value = eval(*e.operand);
  if (value.invalid()) return {};
  if (e.op == UnaryOp::logical_not) {
    const auto condition = to_condition(value, e.operand->span);
    return condition ? Value{condition->negated()} : Value{};
  }
  const bool negate = e.op == UnaryOp::negate;
  if (const double* number = value.get<double>()) return {negate ? -*number : *number};
  const auto integer = to_integer(value, e.operand->span, "a number");
  if (!integer) return {};
  return negate ? checked(-*integer, span) : Value{*integer};
}

Value Evaluator::eval_binary(const Binary& e, Span span) {
  const Value left = eval(*e.left);
  const Value right = eval(*e.right);
  if (left.invalid() || right.invalid()) return {};
  if (left.get<Expr>() != nullptr && right.get<Expr>() != nullptr) {
    return integer_binary(e.op, *left.get<Expr>(), *right.get<Expr>(), span);
  }
  const auto a = to_number(left, e.left->span);
  const auto b = to_number(right, e.right->span);
  if (!a || !b) return {};
  return float_binary(e.op, *a, *b, span);
}

std::optional<Expr> Evaluator::product(const Expr& a, const Expr& b, Span span) {
  const Expr& factor = a.is_constant() ? a : b;
  const Expr& other = a.is_constant() ? b : a;
  if (!factor.is_constant()) {
    checker_.report(span, messages::not_quasi_affine, "a product");
    return std::nullopt;
  }
  std::int64_t ignored = 0;
  bool overflow = __builtin_mul_overflow(other.offset(), factor.offset(), &ignored);
  for (const Term& term : other.terms()) {
    overflow = overflow || __builtin_mul_overflow(term.coefficient, factor.offset(), &ignored);
  }
  if (overflow) {
    checker_.report(span, messages::integer_overflow);
    return std::nullopt;
  }
  return other * factor.offset();
}

Value Evaluator::integer_binary(BinaryOp op, const Expr& a, const Expr& b, Span span) {
  switch (op) {
    case BinaryOp::add:
      return checked(a + b, span);
    case BinaryOp::subtract:
      return checked(a - b, span);
    case BinaryOp::multiply: {
      const auto result = product(a, b, span);
      return result ? checked(*result, span) : Value{};
    }
    case BinaryOp::power:
      if (!a.is_constant() || !b.is_constant()) {
        checker_.report(span, messages::not_quasi_affine, "a power");
        return {};
      }
      return integer_power(a.offset(), b.offset(), span);
    case BinaryOp::divide:
      if (!a.is_constant() || !b.is_constant()) {
        checker_.report(span, messages::not_quasi_affine, "a true division");
        return {};
      }
      return float_binary(op, static_cast<double>(a.offset()), static_cast<double>(b.offset()),
                          span);
    case BinaryOp::floor_divide:
    case BinaryOp::modulo:
      break;
  }
  const Expr divisor = b.is_constant() ? b : vars_.simplify(b);
  if (!divisor.is_constant()) {
    checker_.report(span, messages::not_quasi_affine, "a division");
    return {};
  }
  const std::int64_t d = divisor.offset();
  if (d == 0) {
    checker_.report(span, messages::division_by_zero);
    return {};
  }
  // Python rounds towards minus infinity; a remainder has the divisor's sign.
  const Expr quotient = vars_.simplify(d > 0 ? Expr::floor_div(a, d) : Expr::floor_div(-a, -d));
  return checked(op == BinaryOp::floor_divide ? quotient : a - quotient * d, span);
}

Value Evaluator::integer_power(std::int64_t base, std::int64_t exponent, Span span) {
  if (exponent < 0) {
    return float_binary(BinaryOp::power, static_cast<double>(base), static_cast<double>(exponent),
                        span);
  }
  std::int64_t result = 1;
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) {
      checker_.report(span, messages::integer_overflow);
      return {};
    }
    if (result == 0 || (base == 1 || (base == -1 && exponent % 2 == (i + 1) % 2))) break;
  }
  return checked(result, span);
}

Value Evaluator::float_binary(BinaryOp op, double a, double b, Span span) {
  const bool divides =
      op == BinaryOp::divide || op == BinaryOp::floor_divide || op == BinaryOp::modulo;
  if (divides && b == 0) {
    checker_.report(span, messages::division_by_zero);
    return {};
  }
  double result = 0;
  switch (op) {
    case BinaryOp::add:
      return {a + b};
    case BinaryOp::subtract:
      return {a - b};
    case BinaryOp::multiply:
      return {a * b};
    case BinaryOp::divide:
      return {a / b};
    case BinaryOp::floor_divide:
      return {std::floor(a / b)};
    case BinaryOp::modulo:
      return {a - b * std::floor(a / b)};
    case BinaryOp::power:
      result = std::pow(a, b);
      break;
  }
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
    checker_.report(span, messages::math_domain, "a power", a);
    return {};
  }
  return {result};
}

std::optional<Cond> Evaluator::compare(CompareOp op, const Value& a, const Value& b, Span span) {
  const bool equality = op == CompareOp::eq || op == CompareOp::ne;
  const Expr* x = a.get<Expr>();
  const Expr* y = b.get<Expr>();
  if (x != nullptr && y != nullptr) {
    // Minima of many sums make conditions whose ranges cost too much: `checked` bounds them.
    if (checked(*x - *y, span).invalid()) return std::nullopt;
    return compare_integers(op, *x, *y);
  }
  const auto is_number = [](const Value& v) { return v.get<Expr>() || v.get<double>(); };
  if (is_number(a) && is_number(b)) {
    const auto m = to_number(a, span);
    const auto n = to_number(b, span);
    if (!m || !n) return std::nullopt;
    return Cond(compare_values(op, *m, *n));
  }
  const Cond* p = a.get<Cond>();
  const Cond* q = b.get<Cond>();
  if (equality && p != nullptr && q != nullptr) {
    const Cond same = Cond::any({Cond::all({*p, *q}), Cond::all({p->negated(), q->negated()})});
    return op == CompareOp::eq ? same : same.negated();
  }
  if (equality && (a.get<DType>() || b.get<DType>())) {
    const auto m = to_dtype(a, span);
    const auto n = to_dtype(b, span);
    if (!m || !n) return std::nullopt;
    return Cond(compare_values(op, *m, *n));
  }
  if (equality && a.get<std::string>() && b.get<std::string>()) {
    return Cond(compare_values(op, *a.get<std::string>(), *b.get<std::string>()));
  }
  if (equality && (a.get<NoneValue>() || b.get<NoneValue>())) {
    return Cond((a.get<NoneValue>() && b.get<NoneValue>()) == (op == CompareOp::eq));
  }
  const auto* s = a.get<SequenceValue>();
  const auto* t = b.get<SequenceValue>();
  if (equality && s != nullptr && t != nullptr) {
    std::vector<Cond> parts{Cond(s->size() == t->size())};
    for (std::size_t i = 0; i < s->size() && i < t->size(); ++i) {
      const auto part = compare(CompareOp::eq, (*s)[i], (*t)[i], span);
      if (!part) return std::nullopt;
      parts.push_back(*part);
    }
    const Cond same = Cond::all(std::move(parts));
    return op == CompareOp::eq ? same : same.negated();
  }
  wrong_type(equality ? "two values of one kind" : "two numbers", is_number(a) ? b : a, span);
  return std::nullopt;
}

Value Evaluator::eval_comparison(const Comparison& e) {
  std::vector<Value> values;
  for (const ExpressionPtr& operand : e.operands) {
    values.push_back(eval(*operand));
    if (values.back().invalid()) return {};
  }
  std::vector<Cond> parts;
  for (std::size_t i = 0; i < e.ops.size(); ++i) {
    Span span = e.operands[i]->span;
    span.end = e.operands[i + 1]->span.end;
    const auto part = compare(e.ops[i], values[i], values[i + 1], span);
    if (!part) return {};
    parts.push_back(*part);
  }
  return {Cond::all(std::move(parts)).simplify(vars_)};
}

Value Evaluator::eval_bool(const BoolOperation& e) {
  // What comes later is evaluated only where the earlier operands do not decide.
  std::vector<Cond> parts;
  std::size_t pushed = 0;
  bool valid = true;
  for (const ExpressionPtr& operand : e.operands) {
    const auto condition = to_condition(eval(*operand), operand->span);
    valid = condition.has_value();
    if (!valid) break;
    parts.push_back(*condition);
    if (condition->constant() == !e.is_and) break;
    checker_.push_condition(e.is_and ? *condition : condition->negated());
    ++pushed;
  }
  for (; pushed > 0; --pushed) checker_.pop_condition();
  if (!valid) return {};
  return {e.is_and ? Cond::all(std::move(parts)) : Cond::any(std::move(parts))};
}

Value Evaluator::eval_conditional(const Conditional& e, Span span) {
  const auto condition = to_condition(eval(*e.condition), e.condition->span);
  if (!condition) return {};
  if (const auto constant = condition->constant()) return eval(*constant ? *e.then : *e.otherwise);
  checker_.push_condition(*condition);
  const Value then = eval(*e.then);
  checker_.pop_condition();
  checker_.push_condition(condition->negated());
  const Value otherwise = eval(*e.otherwise);
  checker_.pop_condition();
  if (then.invalid() || otherwise.invalid()) return {};
  if (then.get<Cond>() != nullptr && otherwise.get<Cond>() != nullptr) {
    return {Cond::any({Cond::all({*condition, *then.get<Cond>()}),
                       Cond::all({condition->negated(), *otherwise.get<Cond>()})})};
  }
  const auto a = to_integer(then, e.then->span);
  const auto b = to_integer(otherwise, e.otherwise->span);
  if (!a || !b) return {};
  const Expr difference = *a - *b;
  if (!difference.is_constant()) {
    checker_.report(span, messages::condition_dependent);
    return {};
  }
  const auto step = product(indicator(*condition), difference, span);
  return step ? checked(*b + *step, span) : Value{};
}

}  // namespace septran::lang
