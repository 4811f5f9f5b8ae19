#include "compiler/mapping/expression.h"

#include <algorithm>
#include <cmath>

#include "compiler/base/messages.h"
#include "compiler/mapping/expression_tree.h"
#include "targets/yaml_reader.h"

namespace septran::mapping {
namespace {

using expression::Node;
using expression::Op;

/// Evaluates a tree; the first fault ends it, as nothing that follows would be certain.
class Evaluator {
 public:
  Evaluator(const Environment& environment, ExpressionPlace place, Diagnostics& diagnostics)
      : environment_(environment), place_(place), diagnostics_(diagnostics) {}

  Result<ExpressionValue> run(const Node& node);

 private:
  Span span(const Node& node) const { return expression::span_at(place_, node.begin, node.end); }
  Result<ExpressionValue> name(const Node& node);
  Result<ExpressionValue> attribute(const Node& node);
  Result<ExpressionValue> common_dtype(const Node& node);
  Result<ExpressionValue> text(const Node& node);
  Result<ExpressionValue> unary(const Node& node);
  Result<ExpressionValue> arithmetic(const Node& node);
  Result<ExpressionValue> on_integers(const Node& node, std::int64_t a, std::int64_t b);
  Result<ExpressionValue> on_floats(const Node& node, double a, double b);
  Result<ExpressionValue> power(const Node& node, std::int64_t a, std::int64_t b);
  Result<ExpressionValue> finite(const Node& node, double value);
  Result<ExpressionValue> compare(const Node& node);
  std::optional<bool> compare_pair(const Node& node, std::size_t index, const ExpressionValue& a,
                                   const ExpressionValue& b);
  Result<ExpressionValue> extreme(const Node& node);
  std::optional<bool> condition(const Node& node, std::string_view what);
  std::optional<ExpressionValue> number(const Node& node, std::string_view what);

  template <typename... Args>
  std::nullopt_t fail(const Node& node, const Message& message, const Args&... args) {
    diagnostics_.report(span(node), message, args...);
    return std::nullopt;
  }

  const Environment& environment_;
  ExpressionPlace place_;
  Diagnostics& diagnostics_;
};

bool is_int(const ExpressionValue& v) { return std::holds_alternative<std::int64_t>(v); }

double as_double(const ExpressionValue& v) {
  return is_int(v) ? static_cast<double>(std::get<std::int64_t>(v)) : std::get<double>(v);
}

std::vector<std::string> known_names(const Environment& environment) {
  std::vector<std::string> names{"dtype", "min", "max", "ceildiv"};
  for (const auto& [name, value] : environment.values) names.push_back(name);
  return names;
}

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const DType type : all_dtypes()) names.emplace_back(septran::name(type));
  return names;
}

Result<ExpressionValue> Evaluator::common_dtype(const Node& node) {
  if (const auto own = environment_.dtypes.find("dtype"); own != environment_.dtypes.end()) {
    return own->second;
  }
  if (environment_.dtypes.empty()) {
    return fail(node, messages::expression_unknown_name, "dtype", messages::no_dtype_hint);
  }
  const auto& [first_name, first] = *environment_.dtypes.begin();
  for (const auto& [name, type] : environment_.dtypes) {
    if (type != first) return fail(node, messages::expression_ambiguous_dtype, first_name);
  }
  return first;
}

Result<ExpressionValue> Evaluator::name(const Node& node) {
  if (const auto found = environment_.values.find(node.text); found != environment_.values.end()) {
    return std::visit([](auto value) -> ExpressionValue { return value; }, found->second);
  }
  if (node.text == "dtype") return common_dtype(node);
  if (const auto type = parse_dtype(node.text)) return *type;
  return fail(node, messages::expression_unknown_name, node.text,
              yaml::name_hint(node.text, known_names(environment_)));
}

Result<ExpressionValue> Evaluator::attribute(const Node& node) {
  if (node.text2 != "dtype") {
    return fail(node, messages::expression_unknown_name, node.text + "." + node.text2,
                yaml::name_hint(node.text + "." + node.text2, {node.text + ".dtype"}));
  }
  const auto found = environment_.dtypes.find(node.text);
  if (found != environment_.dtypes.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, type] : environment_.dtypes) known.push_back(name);
  return fail(node, messages::expression_unknown_name, node.text,
              yaml::name_hint(node.text, known));
}

Result<ExpressionValue> Evaluator::text(const Node& node) {
  if (const auto type = parse_dtype(node.text)) return *type;
  return fail(node, messages::mapping_unknown_name, "element type", node.text,
              yaml::name_hint(node.text, dtype_names()));
}

std::optional<bool> Evaluator::condition(const Node& node, std::string_view what) {
  const auto value = run(node);
  if (!value) return std::nullopt;
  if (const bool* truth = std::get_if<bool>(&*value)) return *truth;
  return fail(node, messages::expression_type, what, "a condition", describe(*value));
}

std::optional<ExpressionValue> Evaluator::number(const Node& node, std::string_view what) {
  auto value = run(node);
  if (!value || is_int(*value) || std::holds_alternative<double>(*value)) return value;
  return fail(node, messages::expression_type, what, "a number", describe(*value));
}

Result<ExpressionValue> Evaluator::unary(const Node& node) {
  if (node.op == Op::logical_not) {
    const auto truth = condition(node.children[0], "'not'");
    if (!truth) return std::nullopt;
    return !*truth;
  }
  const auto value = number(node.children[0], "a sign");
  if (!value || node.op == Op::plus) return value;
  if (!is_int(*value)) return -std::get<double>(*value);
  std::int64_t result = 0;
  if (__builtin_sub_overflow(std::int64_t{0}, std::get<std::int64_t>(*value), &result)) {
    return fail(node, messages::expression_overflow);
  }
  return result;
}

Result<ExpressionValue> Evaluator::finite(const Node& node, double value) {
  if (!(value - value == 0)) return fail(node, messages::expression_overflow);
  return value;
}

Result<ExpressionValue> Evaluator::power(const Node& node, std::int64_t a, std::int64_t b) {
  if (b < 0) return on_floats(node, static_cast<double>(a), static_cast<double>(b));
  std::int64_t result = 1;
  // Beyond 64 factors every result but those of -1, 0 and 1 has overflowed.
  if (a == 0 || a == 1 || a == -1) return a == -1 && b % 2 == 0 ? 1 : (b == 0 ? 1 : a);
  for (std::int64_t i = 0; i < b; ++i) {
    if (__builtin_mul_overflow(result, a, &result)) {
      return fail(node, messages::expression_overflow);
    }
  }
  return result;
}

Result<ExpressionValue> Evaluator::on_integers(const Node& node, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (node.op) {
    case Op::add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Op::subtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::multiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Op::power:
      return power(node, a, b);
    case Op::divide:
      return on_floats(node, static_cast<double>(a), static_cast<double>(b));
    default: {  // floor_divide, modulo, ceil_divide
      if (b == 0) return fail(node, messages::expression_division_by_zero);
      if (b == -1) {  // the one quotient that may overflow
        overflow = __builtin_sub_overflow(std::int64_t{0}, a, &result);
        if (node.op == Op::modulo) return std::int64_t{0};
        break;
      }
      const std::int64_t quotient = a / b;
      const std::int64_t rest = a % b;
      const bool same_sign = (rest < 0) == (b < 0);
      if (node.op == Op::floor_divide) result = quotient - (rest != 0 && !same_sign ? 1 : 0);
      if (node.op == Op::ceil_divide) result = quotient + (rest != 0 && same_sign ? 1 : 0);
      if (node.op == Op::modulo) result = rest != 0 && !same_sign ? rest + b : rest;
      break;
    }
  }
  if (overflow) return fail(node, messages::expression_overflow);
  return result;
}

Result<ExpressionValue> Evaluator::on_floats(const Node& node, double a, double b) {
  const bool divides = node.op == Op::divide || node.op == Op::floor_divide ||
                       node.op == Op::modulo || node.op == Op::ceil_divide;
  if (divides && b == 0) return fail(node, messages::expression_division_by_zero);
  switch (node.op) {
    case Op::add:
      return finite(node, a + b);
    case Op::subtract:
      return finite(node, a - b);
    case Op::multiply:
      return finite(node, a * b);
    case Op::divide:
      return finite(node, a / b);
    case Op::floor_divide:
      return finite(node, std::floor(a / b));
    case Op::ceil_divide:
      return finite(node, std::ceil(a / b));
    case Op::modulo:
      return finite(node, a - b * std::floor(a / b));
    default:
      return finite(node, std::pow(a, b));
  }
}

Result<ExpressionValue> Evaluator::arithmetic(const Node& node) {
  const std::string what = fmt::format("'{}'", node.text);
  const auto a = number(node.children[0], what);
  if (!a) return std::nullopt;
  const auto b = number(node.children[1], what);
  if (!b) return std::nullopt;
  if (is_int(*a) && is_int(*b)) {
    return on_integers(node, std::get<std::int64_t>(*a), std::get<std::int64_t>(*b));
  }
  return on_floats(node, as_double(*a), as_double(*b));
}

std::optional<bool> Evaluator::compare_pair(const Node& node, std::size_t index,
                                            const ExpressionValue& a, const ExpressionValue& b) {
  const std::string& op = node.operators[index];
  const bool equality = op == "==" || op == "!=";
  const bool numbers = (is_int(a) || std::holds_alternative<double>(a)) &&
                       (is_int(b) || std::holds_alternative<double>(b));
  if (!numbers && (!equality || a.index() != b.index())) {
    const auto wanted = !equality                          ? "numbers"
                        : std::holds_alternative<DType>(a) ? "another element type"
                                                           : "two values of one kind";
    return fail(node.children[index + 1], messages::expression_type, fmt::format("'{}'", op),
                wanted, describe(b));
  }
  const bool ints = is_int(a) && is_int(b);
  if (op == "==") return numbers && !ints ? as_double(a) == as_double(b) : a == b;
  if (op == "!=") return numbers && !ints ? as_double(a) != as_double(b) : a != b;
  const auto order = [&](auto x, auto y) {
    if (op == "<") return x < y;
    if (op == "<=") return x <= y;
    return op == ">" ? x > y : x >= y;
  };
  return ints ? order(std::get<std::int64_t>(a), std::get<std::int64_t>(b))
              : order(as_double(a), as_double(b));
}

Result<ExpressionValue> Evaluator::compare(const Node& node) {
  auto left = run(node.children[0]);
  for (std::size_t i = 0; left && i < node.operators.size(); ++i) {
    auto right = run(node.children[i + 1]);
    if (!right) return std::nullopt;
    const auto holds = compare_pair(node, i, *left, *right);
    if (!holds) return std::nullopt;
    if (!*holds) return false;
    left = right;
  }
  if (!left) return std::nullopt;
  return true;
}

Result<ExpressionValue> Evaluator::extreme(const Node& node) {
  const std::string what = fmt::format("'{}'", node.text);
  std::optional<ExpressionValue> best;
  for (const Node& child : node.children) {
    const auto value = number(child, what);
    if (!value) return std::nullopt;
    const bool less = best && (is_int(*value) && is_int(*best)
                                   ? std::get<std::int64_t>(*value) < std::get<std::int64_t>(*best)
                                   : as_double(*value) < as_double(*best));
    const bool greater = best && !less && as_double(*value) > as_double(*best);
    if (!best || (node.op == Op::minimum ? less : greater)) best = value;
  }
  return best;
}

Result<ExpressionValue> Evaluator::run(const Node& node) {
  switch (node.op) {
    case Op::integer:
      return node.integer;
    case Op::floating:
      return node.floating;
    case Op::boolean:
      return node.integer != 0;
    case Op::text:
      return text(node);
    case Op::name:
      return name(node);
    case Op::attribute:
      return attribute(node);
    case Op::negate:
    case Op::plus:
    case Op::logical_not:
      return unary(node);
    case Op::logical_and:
    case Op::logical_or: {
      const bool is_and = node.op == Op::logical_and;
      for (const Node& child : node.children) {
        const auto truth = condition(child, is_and ? "'and'" : "'or'");
        if (!truth) return std::nullopt;
        if (*truth != is_and) return *truth;
      }
      return is_and;
    }
    case Op::conditional: {
      const auto truth = condition(node.children[1], "'if'");
      if (!truth) return std::nullopt;
      return run(node.children[*truth ? 0 : 2]);
    }
    case Op::compare:
      return compare(node);
    case Op::minimum:
    case Op::maximum:
      return extreme(node);
    default:
      return arithmetic(node);
  }
}

}  // namespace

Result<ExpressionValue> evaluate(std::string_view text, ExpressionPlace place,
                                 const Environment& environment, Diagnostics& diagnostics) {
  const auto tree = expression::parse(text, place, diagnostics);
  if (!tree) return std::nullopt;
  return Evaluator(environment, place, diagnostics).run(*tree);
}

bool is_unknown_word(std::string_view text, const Environment& environment) {
  if (text.empty() || !expression::is_name_start(text[0])) return false;
  if (!std::all_of(text.begin(), text.end(), expression::is_name_part)) return false;
  if (text == "dtype" || text == "True" || text == "False") return false;
  if (text == "not" || text == "and" || text == "or" || text == "if" || text == "else")
    return false;
  return !parse_dtype(text) &&
         environment.values.find(std::string(text)) == environment.values.end();
}

std::string_view describe(const ExpressionValue& value) {
  if (is_int(value)) return "an integer";
  if (std::holds_alternative<double>(value)) return "a number with a fraction";
  return std::holds_alternative<bool>(value) ? "a condition" : "an element type";
}

}  // namespace septran::mapping
