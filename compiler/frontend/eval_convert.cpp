// What kind of value something is, and conversions between kinds.
#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {

std::string describe(const Value& value) {
  if (const Expr* e = value.get<Expr>()) {
    return e->is_constant() ? fmt::format("the integer {}", e->offset()) : "an integer";
  }
  if (const double* number = value.get<double>()) return fmt::format("the number {}", *number);
  if (value.get<Cond>() != nullptr) return "a truth value";
  if (const auto* text = value.get<std::string>()) return fmt::format("the string \"{}\"", *text);
  if (value.get<DType>() != nullptr) return "an element type";
  if (const auto* tensor = value.get<TensorValue>()) {
    return fmt::format("a tensor of {:dimension}", Counted{tensor->view.rank()});
  }
  if (value.get<PartitionValue>() != nullptr) return "a partition";
  if (const auto* items = value.get<SequenceValue>()) {
    return fmt::format("a tuple of {:value}", Counted{items->size()});
  }
  return "None";
}

Value Evaluator::wrong_type(const char* expected, const Value& found, Span span, const char* hint) {
  if (found.invalid()) return {};
  const bool is_tensor = found.get<TensorValue>() != nullptr;
  const std::string_view general = is_tensor ? messages::tensor_value_hint : messages::value_hint;
  checker_.report(span, messages::value_type, expected, describe(found),
                  *hint != '\0' ? std::string_view(hint) : general);
  return {};
}

std::optional<Expr> Evaluator::to_integer(const Value& value, Span span, const char* what) {
  if (const Expr* e = value.get<Expr>()) return *e;
  const bool number = value.get<double>() != nullptr;
  wrong_type(what, value, span, number ? "use // for a division without remainder" : "");
  return std::nullopt;
}

std::optional<std::int64_t> Evaluator::to_constant(const Value& value, Span span,
                                                   const char* what) {
  const auto e = to_integer(value, span);
  if (!e) return std::nullopt;
  const Expr simplified = e->is_constant() ? *e : vars_.simplify(*e);
  if (!simplified.is_constant())
    checker_.report(span, messages::not_constant, what, checker_.text(*e));
  return simplified.constant();
}

std::optional<double> Evaluator::to_number(const Value& value, Span span, const char* what) {
  if (const double* number = value.get<double>()) return *number;
  if (value.get<Expr>() != nullptr) {
    const auto constant = to_constant(value, span, what);
    if (!constant) return std::nullopt;
    return static_cast<double>(*constant);
  }
  wrong_type(what, value, span);
  return std::nullopt;
}

std::optional<Cond> Evaluator::to_condition(const Value& value, Span span) {
  if (const Cond* condition = value.get<Cond>()) return *condition;
  wrong_type("a truth value", value, span, "compare it with something");
  return std::nullopt;
}

std::optional<DType> Evaluator::to_dtype(const Value& value, Span span) {
  if (const DType* dtype = value.get<DType>()) return *dtype;
  if (const auto* text = value.get<std::string>()) {
    if (const auto dtype = parse_dtype(*text)) return dtype;
  }
  wrong_type("an element type", value, span, "write \"f32\", task.f32 or X.dtype");
  return std::nullopt;
}

std::optional<std::vector<Expr>> Evaluator::to_integers(const Value& value, Span span,
                                                        const char* what) {
  const auto* items = value.get<SequenceValue>();
  std::vector<Expr> result;
  if (items == nullptr) {
    const auto e = to_integer(value, span, what);
    if (!e) return std::nullopt;
    return std::vector<Expr>{*e};
  }
  for (const Value& item : *items) {
    const auto e = to_integer(item, span, what);
    if (!e) return std::nullopt;
    result.push_back(*e);
  }
  return result;
}

std::optional<TensorValue> Evaluator::to_tensor(const Value& value, Span span) {
  if (const auto* tensor = value.get<TensorValue>()) return *tensor;
  const bool partition = value.get<PartitionValue>() != nullptr;
  wrong_type("a tensor", value, span, partition ? "subscript the partition: P[i, j]" : "");
  return std::nullopt;
}

}  // namespace septran::lang
