// Primitive calls against the table, launches against the callee's signature.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/check_impl.h"

namespace septran::lang {
namespace {

bool is_none(const ExpressionPtr& expression) {
  return std::holds_alternative<NoneLiteral>(expression->node);
}

std::size_t operand_index(const Primitive& primitive, std::string_view name) {
  std::size_t index = 0;
  while (index < primitive.operands.size() && primitive.operands[index].name != name) ++index;
  return index;
}

/// A call with its arguments sorted to operands and attributes.
class PrimitiveCallChecker {
 public:
  PrimitiveCallChecker(PrimitiveCall& call, const Primitive& primitive, CheckContext& context)
      : call_(call), primitive_(primitive), context_(context) {
    operands_.resize(primitive.operands.size());
  }

  void run() {
    take_positional();
    take_keywords();
    check_operands();
    check_attributes();
    while (!operands_.empty() && operands_.back() == nullptr) operands_.pop_back();
    call_.arguments = std::move(operands_);
    call_.attributes = std::move(attributes_);
  }

 private:
  void take_positional() {
    const std::size_t operand_count = operands_.size();
    const std::size_t most = operand_count + primitive_.attributes.size();
    for (std::size_t i = 0; i < call_.arguments.size(); ++i) {
      ExpressionPtr& argument = call_.arguments[i];
      if (i < operand_count) {
        operands_[i] = std::move(argument);
      } else if (i < most) {
        const Span where = argument->span;
        attributes_.push_back(
            {primitive_.attributes[i - operand_count].name, where, std::move(argument)});
      } else {
        context_.report(argument->span, messages::too_many_arguments, primitive_.name, most);
        return;
      }
    }
  }

  void take_keywords() {
    for (KeywordArgument& keyword : call_.attributes) {
      const std::size_t operand = operand_index(primitive_, keyword.name);
      const bool is_operand = operand < operands_.size();
      const bool is_attribute = primitive_.find_attribute(keyword.name) != nullptr;
      const bool given = is_operand ? operands_[operand] != nullptr
                                    : std::any_of(attributes_.begin(), attributes_.end(),
                                                  [&](const KeywordArgument& other) {
                                                    return other.name == keyword.name;
                                                  });
      if (!is_operand && !is_attribute) {
        context_.report(keyword.name_span, messages::unknown_primitive_attribute, primitive_.name,
                        keyword.name, suggest(keyword.name, known_keywords()));
      } else if (given) {
        context_.report(keyword.name_span, messages::repeated_argument, keyword.name,
                        primitive_.name);
      } else if (is_operand) {
        operands_[operand] = std::move(keyword.value);
      } else {
        attributes_.push_back(std::move(keyword));
      }
    }
  }

  [[nodiscard]] std::vector<std::string> known_keywords() const {
    std::vector<std::string> names;
    for (const AttributeSpec& attribute : primitive_.attributes) names.push_back(attribute.name);
    for (const OperandSpec& operand : primitive_.operands) {
      if (operand.optional) names.push_back(operand.name);
    }
    return names;
  }

  void check_operands() {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const OperandSpec& spec = primitive_.operands[i];
      ExpressionPtr& operand = operands_[i];
      if (operand == nullptr || (is_none(operand) && spec.optional)) {
        if (!spec.optional) {
          context_.report(call_.primitive_span, messages::missing_operand, primitive_.name,
                          spec.name, spec.doc);
        }
        operand = nullptr;
        continue;
      }
      const std::string_view literal = literal_kind(*operand);
      if (literal.empty() || (literal == "a number" && spec.scalar_allowed)) continue;
      context_.report(operand->span, messages::literal_operand, spec.name, primitive_.name,
                      spec.scalar_allowed ? "a tensor or a number" : "a tensor", literal);
    }
  }

  void check_attributes() {
    for (const KeywordArgument& attribute : attributes_) {
      const AttributeSpec* spec = primitive_.find_attribute(attribute.name);
      const bool may_lack = spec->optional || spec->default_value.has_value();
      if (!is_none(attribute.value) || !may_lack) check_literal(*spec, *attribute.value);
    }
    std::erase_if(attributes_, [&](const KeywordArgument& attribute) {
      const AttributeSpec* spec = primitive_.find_attribute(attribute.name);
      return is_none(attribute.value) && (spec->optional || spec->default_value.has_value());
    });
    for (const AttributeSpec& spec : primitive_.attributes) {
      const bool given =
          std::any_of(attributes_.begin(), attributes_.end(),
                      [&](const KeywordArgument& other) { return other.name == spec.name; });
      if (given || spec.optional || spec.default_value) continue;
      context_.report(call_.primitive_span, messages::missing_operand, primitive_.name, spec.name,
                      spec.doc);
    }
  }

  /// A literal of the wrong kind, or a choice that there is not; other values are checked when they
  /// are known.
  void check_literal(const AttributeSpec& spec, const Expression& value) {
    const std::string_view literal = literal_kind(value);
    if (literal.empty()) return;
    std::string_view wanted = "a number";
    bool fits = literal == "a number";
    if (spec.kind == AttributeKind::boolean) {
      wanted = "True or False";
      fits = literal == "a truth value";
    } else if (spec.kind == AttributeKind::choice) {
      wanted = "a string";
      fits = literal == "a string";
    } else if (spec.kind != AttributeKind::floating) {
      wanted = "an integer";
      fits = fits && !std::holds_alternative<FloatLiteral>(value.node);
    }
    if (!fits) {
      context_.report(value.span, messages::attribute_kind, spec.name, primitive_.name, wanted,
                      literal);
      return;
    }
    if (spec.kind != AttributeKind::choice) return;
    const std::string& choice = std::get<StringLiteral>(value.node).value;
    if (std::find(spec.choices.begin(), spec.choices.end(), choice) != spec.choices.end()) return;
    context_.report(value.span, messages::attribute_choice, spec.name, primitive_.name, choice,
                    suggest(choice, spec.choices));
  }

  PrimitiveCall& call_;
  const Primitive& primitive_;
  CheckContext& context_;
  std::vector<ExpressionPtr> operands_;
  std::vector<KeywordArgument> attributes_;
};

/// Literals that cannot be what the parameter is.
void check_launch_argument(const Parameter& parameter, const Expression& argument,
                           const Launch& launch, CheckContext& context) {
  const std::string_view literal = literal_kind(argument);
  if (literal.empty()) return;
  const bool scalar = literal == "a number" || literal == "a truth value";
  if (scalar && parameter.kind != ParameterKind::tensor) return;
  const std::string_view wanted = parameter.kind == ParameterKind::tensor ? "a tensor" : "a scalar";
  context
      .report(argument.span, messages::launch_argument_kind, parameter.name, launch.callee, wanted,
              literal)
      .notes.push_back({parameter.span, fmt::format(messages::parameter_note, parameter.name)});
}

}  // namespace

void check_primitive_call(PrimitiveCall& call, CheckContext& context) {
  const Primitive* primitive = find_primitive(call.primitive);
  if (primitive == nullptr) {
    std::vector<std::string> known;
    for (const Primitive& other : primitives()) known.push_back(other.name);
    context.report(call.primitive_span, messages::unknown_primitive, call.primitive,
                   suggest(call.primitive, known));
    return;
  }
  PrimitiveCallChecker(call, *primitive, context).run();
}

void check_launch(const Launch& launch, CheckContext& context) {
  const Task* callee = context.find_task(launch.callee);
  if (callee == nullptr) {
    context.report(launch.callee_span, messages::unknown_task, launch.callee,
                   suggest(launch.callee, context.task_names()));
    return;
  }
  const auto& parameters = callee->parameters;
  const auto defined_here = [&](Diagnostic& diagnostic) {
    diagnostic.notes.push_back({callee->span, fmt::format(messages::task_here_note, callee->name)});
  };
  std::vector<bool> given(parameters.size());
  for (std::size_t i = 0; i < launch.arguments.size(); ++i) {
    if (i >= parameters.size()) {
      defined_here(context.report(launch.arguments[i]->span, messages::launch_too_many,
                                  callee->name, parameters.size(), launch.arguments.size()));
      break;
    }
    given[i] = true;
    check_launch_argument(parameters[i], *launch.arguments[i], launch, context);
  }
  std::map<std::string_view, std::size_t> indices;
  for (std::size_t i = 0; i < parameters.size(); ++i) indices.emplace(parameters[i].name, i);
  for (const KeywordArgument& keyword : launch.keywords) {
    const auto found = indices.find(keyword.name);
    const std::size_t index = found == indices.end() ? 0 : found->second;
    if (found == indices.end()) {
      std::vector<std::string> names;
      for (const Parameter& parameter : parameters) names.push_back(parameter.name);
      defined_here(context.report(keyword.name_span, messages::unknown_keyword, keyword.name,
                                  callee->name, suggest(keyword.name, names)));
    } else if (given[index]) {
      context.report(keyword.name_span, messages::repeated_argument, keyword.name, callee->name);
    } else {
      given[index] = true;
      check_launch_argument(parameters[index], *keyword.value, launch, context);
    }
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (given[i]) continue;
    defined_here(context.report(launch.callee_span, messages::launch_missing, callee->name,
                                parameters[i].name));
  }
}

}  // namespace septran::lang
