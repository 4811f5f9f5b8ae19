// Names, attributes and calls of language functions within expressions.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/check_impl.h"

namespace septran::lang {
namespace {

std::vector<std::string> function_names(const std::vector<Function>& functions) {
  std::vector<std::string> names;
  for (const Function& function : functions) names.emplace_back(function.name);
  return names;
}

const KeywordArgument* find_keyword(const Call& call, std::string_view name) {
  for (const KeywordArgument& keyword : call.keywords) {
    if (keyword.name == name) return &keyword;
  }
  return nullptr;
}

}  // namespace

std::string_view literal_kind(const Expression& expression) {
  const auto& node = expression.node;
  if (std::holds_alternative<BoolLiteral>(node)) return "a truth value";
  if (std::holds_alternative<StringLiteral>(node)) return "a string";
  if (std::holds_alternative<NoneLiteral>(node)) return "None";
  if (std::holds_alternative<TupleExpression>(node)) return "a tuple";
  if (std::holds_alternative<IntegerLiteral>(node) || std::holds_alternative<FloatLiteral>(node)) {
    return "a number";
  }
  if (const auto* unary = std::get_if<Unary>(&node)) {
    const bool number = std::holds_alternative<IntegerLiteral>(unary->operand->node) ||
                        std::holds_alternative<FloatLiteral>(unary->operand->node);
    if (number && unary->op != UnaryOp::logical_not) return "a number";
  }
  return {};
}

void ExpressionChecker::value(Expression& expression) {
  struct Visitor {
    ExpressionChecker& check;
    Span span;
    void operator()(IntegerLiteral&) {}
    void operator()(FloatLiteral&) {}
    void operator()(BoolLiteral&) {}
    void operator()(StringLiteral&) {}
    void operator()(NoneLiteral&) {}
    void operator()(NameRef& ref) { check.name(ref, span); }
    void operator()(Attribute& attribute) { check.attribute(attribute); }
    void operator()(Subscript& subscript) {
      check.value(subscript.object);
      for (SubscriptItem& item : subscript.items) {
        check.value(item.index);
        check.value(item.begin);
        check.value(item.end);
      }
    }
    void operator()(Call& call) { check.call(call, span); }
    void operator()(ModuleAttribute& attribute) { check.module_attribute(attribute, span); }
    void operator()(TupleExpression& tuple) {
      for (const ExpressionPtr& item : tuple.items) check.value(item);
    }
    void operator()(Unary& unary) { check.value(unary.operand); }
    void operator()(Binary& binary) {
      check.value(binary.left);
      check.value(binary.right);
    }
    void operator()(Comparison& comparison) {
      for (const ExpressionPtr& operand : comparison.operands) check.value(operand);
    }
    void operator()(BoolOperation& operation) {
      for (const ExpressionPtr& operand : operation.operands) check.value(operand);
    }
    void operator()(Conditional& conditional) {
      check.value(conditional.condition);
      check.value(conditional.then);
      check.value(conditional.otherwise);
    }
  };
  std::visit(Visitor{*this, expression.span}, expression.node);
}

void ExpressionChecker::name(const NameRef& ref, Span span) {
  if (names_.contains(ref.name)) return;
  if (ref.name == context_.module().alias) {
    context_.report(span, messages::module_as_value, ref.name);
    return;
  }
  const auto of_file = context_.file_names().find(ref.name);
  if (of_file != context_.file_names().end()) {
    if (of_file->second.kind == NameKind::task) {
      context_.report(span, messages::task_as_value, ref.name, context_.module().alias);
      return;
    }
    if (task_ != nullptr) return;  // a constant
  }
  if (reported_.insert(ref.name).second) unknown_name(ref.name, span);
}

void ExpressionChecker::unknown_name(const std::string& name, Span span) {
  const std::string& alias = context_.module().alias;
  if (const auto local = all_locals_.find(name); local != all_locals_.end()) {
    const bool before = local->second.span.begin > span.begin;
    const Message& message = before ? messages::used_before_assignment : messages::used_after_loop;
    context_.report(span, message, name)
        .notes.push_back({local->second.span, fmt::format(messages::assigned_note, name)});
    return;
  }
  std::string hint;
  const auto& values = module_values();
  const bool of_module = std::find(values.begin(), values.end(), name) != values.end() ||
                         find_function(module_functions(), name) != nullptr;
  if (of_module) {
    hint = fmt::format("write {}.{}", alias, name);
  } else if (task_ == nullptr && context_.file_names().contains(name)) {
    hint = "a constant may use only those above it";
  } else {
    std::vector<std::string> known;
    for (const auto& [other, info] : names_) known.push_back(other);
    for (const auto& [other, info] : context_.file_names()) {
      if (task_ != nullptr && info.kind == NameKind::constant) known.push_back(other);
    }
    hint = suggest(name, known);
  }
  context_.report(span, messages::unknown_name, name, hint);
}

void ExpressionChecker::attribute(Attribute& attribute) {
  value(attribute.object);
  const auto& known = tensor_attributes();
  if (std::find(known.begin(), known.end(), attribute.name) == known.end()) {
    context_.report(attribute.name_span, messages::unknown_attribute, attribute.name,
                    suggest(attribute.name, known));
  }
}

void ExpressionChecker::module_attribute(const ModuleAttribute& attribute, Span span) {
  const auto& known = module_values();
  if (std::find(known.begin(), known.end(), attribute.name) != known.end()) return;
  if (find_function(module_functions(), attribute.name) != nullptr) {
    context_.report(span, messages::function_as_value, context_.module().alias, attribute.name);
    return;
  }
  std::vector<std::string> candidates = known;
  for (std::string& name : function_names(module_functions())) candidates.push_back(name);
  context_.report(span, messages::unknown_module_name, context_.module().alias, attribute.name,
                  suggest(attribute.name, candidates));
}

void ExpressionChecker::call(Call& call, Span span) {
  const Function* function =
      find_function(call.from_module ? module_functions() : builtin_functions(), call.function);
  if (function == nullptr) {
    unknown_function(call);
  } else if (function->place == FunctionPlace::statement ||
             function->place == FunctionPlace::loop ||
             function->place == FunctionPlace::decorator) {
    misplaced_function(call, *function);
    return;
  } else if (function->place == FunctionPlace::task && task_ == nullptr) {
    context_.report(call.function_span, messages::not_a_constant, call.function);
  } else {
    call_arguments(call, *function, span);
  }
  for (const ExpressionPtr& argument : call.arguments) value(argument);
  for (const KeywordArgument& keyword : call.keywords) value(keyword.value);
}

void ExpressionChecker::unknown_function(const Call& call) {
  const std::string& alias = context_.module().alias;
  const std::string shown = call.from_module ? alias + "." + call.function : call.function;
  const auto of_file = context_.file_names().find(call.function);
  std::string hint;
  if (call.from_module) {
    hint = suggest(call.function, function_names(module_functions()));
  } else if (of_file != context_.file_names().end() && of_file->second.kind == NameKind::task) {
    hint = fmt::format("launch a task: {}.launch({}, ...)", alias, call.function);
  } else if (find_function(module_functions(), call.function) != nullptr) {
    hint = fmt::format("write {}.{}", alias, call.function);
  } else {
    for (const messages::Forbidden& row : messages::python_functions) {
      if (row.word == call.function) hint = row.hint;
    }
    if (hint.empty()) hint = suggest(call.function, function_names(builtin_functions()));
  }
  context_.report(call.function_span, messages::unknown_function, shown, hint);
}

void ExpressionChecker::misplaced_function(const Call& call, const Function& function) {
  const std::string& alias = context_.module().alias;
  if (function.place == FunctionPlace::statement) {
    context_.report(call.function_span, messages::call_as_value, alias, call.function);
  } else if (function.place == FunctionPlace::loop) {
    context_.report(call.function_span, messages::range_as_value, alias, call.function);
  } else {
    context_.report(call.function_span, messages::function_as_value, alias, call.function);
  }
}

/// Number and keywords of the arguments, by the function's parameters.
void ExpressionChecker::call_arguments(Call& call, const Function& function, Span span) {
  const std::size_t errors_before = context_.error_count();
  if (function.variadic) {
    for (const KeywordArgument& keyword : call.keywords) {
      context_.report(keyword.name_span, messages::unknown_keyword, keyword.name, call.function,
                      "");
    }
    if (call.arguments.size() < 2) {
      context_.report(span, messages::too_few_values, call.function);
    }
    return;
  }
  std::vector<std::string> names;
  std::size_t positional = 0;
  for (const FunctionParameter& parameter : function.parameters) {
    names.emplace_back(parameter.name);
    if (!parameter.keyword_only) ++positional;
  }
  for (std::size_t i = positional; i < call.arguments.size(); ++i) {
    if (i < names.size()) {
      context_.report(call.arguments[i]->span, messages::keyword_needed, call.function, names[i]);
    } else {
      context_.report(call.arguments[i]->span, messages::too_many_arguments, call.function,
                      positional);
    }
  }
  std::set<std::string_view> given;
  for (std::size_t i = 0; i < call.arguments.size() && i < names.size(); ++i)
    given.insert(names[i]);
  for (const KeywordArgument& keyword : call.keywords) {
    if (std::find(names.begin(), names.end(), keyword.name) == names.end()) {
      context_.report(keyword.name_span, messages::unknown_keyword, keyword.name, call.function,
                      suggest(keyword.name, names));
    } else if (!given.insert(keyword.name).second) {
      context_.report(keyword.name_span, messages::repeated_argument, keyword.name, call.function);
    }
  }
  for (const FunctionParameter& parameter : function.parameters) {
    if (!parameter.required || given.contains(parameter.name)) continue;
    context_.report(call.function_span, messages::missing_argument, call.function, parameter.name);
  }
  if (context_.error_count() != errors_before) return;
  make_positional(call, function);
  literal_arguments(call);
}

/// Moves keywords of parameters that are not keyword-only to their positions.
void ExpressionChecker::make_positional(Call& call, const Function& function) {
  for (std::size_t i = call.arguments.size(); i < function.parameters.size(); ++i) {
    const FunctionParameter& parameter = function.parameters[i];
    const auto keyword =
        std::find_if(call.keywords.begin(), call.keywords.end(),
                     [&](const KeywordArgument& k) { return k.name == parameter.name; });
    if (parameter.keyword_only || keyword == call.keywords.end()) return;
    call.arguments.push_back(std::move(keyword->value));
    call.keywords.erase(keyword);
  }
}

/// Arguments that must be literals: names of tunables, the way of a partition, element types.
void ExpressionChecker::literal_arguments(const Call& call) {
  if (call.function == "tunable") {
    const auto* name = std::get_if<StringLiteral>(&call.arguments[0]->node);
    if (name == nullptr || name->value.empty()) {
      context_.report(call.arguments[0]->span, messages::tunable_name);
    }
  } else if (call.function == "tensor") {
    const auto* dtype = std::get_if<StringLiteral>(&call.arguments[1]->node);
    if (dtype != nullptr && !parse_dtype(dtype->value)) {
      std::vector<std::string> known;
      for (const DType type : all_dtypes()) known.emplace_back(septran::name(type));
      context_.report(call.arguments[1]->span, messages::unknown_dtype, dtype->value,
                      suggest(dtype->value, known));
    }
  } else if (call.function == "partition") {
    partition_arguments(call);
  }
}

void ExpressionChecker::partition_arguments(const Call& call) {
  const KeywordArgument* by = find_keyword(call, "by");
  const auto* way = std::get_if<StringLiteral>(&by->value->node);
  if (way == nullptr || way->value != "blocks") {
    context_.report(by->value->span, messages::partition_by);
  }
  const KeywordArgument* shape_from = find_keyword(call, "shape_from");
  if (shape_from == nullptr) return;
  if (find_keyword(call, "shape") != nullptr) {
    context_.report(shape_from->name_span, messages::partition_shapes);
  }
  const auto* from = std::get_if<StringLiteral>(&shape_from->value->node);
  if (from == nullptr) {
    context_.report(shape_from->value->span, messages::shape_from_name, "write its name in quotes");
    return;
  }
  std::vector<std::string> tensors;
  for (const Parameter& parameter : task_->parameters) {
    if (parameter.kind != ParameterKind::tensor) continue;
    if (parameter.name == from->value) return;
    tensors.push_back(parameter.name);
  }
  context_.report(shape_from->value->span, messages::shape_from_name,
                  suggest(from->value, tensors));
}

}  // namespace septran::lang
