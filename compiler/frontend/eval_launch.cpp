// Launches: binding of arguments and dimensions, and the walk into the callee.
#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {
namespace {

std::string parameter_text(const Parameter& parameter) {
  switch (parameter.kind) {
    case ParameterKind::tensor:
      return "a tensor";
    case ParameterKind::integer:
      return "an integer";
    case ParameterKind::floating:
      return "a number";
    case ParameterKind::boolean:
      return "a truth value";
  }
  SEPTRAN_BUG("unknown kind of parameter");
}

}  // namespace

void Evaluator::run_launch(const Launch& launch, Span span) {
  const Task* callee = module_.find(launch.callee);
  SEPTRAN_CHECK(callee != nullptr);
  LaunchRequest request{*frame().task, launch, *callee, {}, span};
  std::vector<Span> spans;
  if (!launch_arguments(launch, *callee, request.arguments, spans)) return;
  Frame frame;
  frame.task = callee;
  if (!bind_dimensions(*callee, request.arguments, spans, frame)) return;
  bool entered = false;
  visitor_.launch(request, [&](std::span<const LaunchArgument> arguments) {
    SEPTRAN_CHECK(!entered);
    entered = true;
    run_callee(request, arguments, std::move(frame));
  });
}

/// The parser has checked names and number.
bool Evaluator::launch_arguments(const Launch& launch, const Task& callee,
                                 std::vector<LaunchArgument>& arguments, std::vector<Span>& spans) {
  std::vector<const Expression*> given;
  for (const ExpressionPtr& argument : launch.arguments) given.push_back(argument.get());
  given.resize(callee.parameters.size(), nullptr);
  for (const KeywordArgument& keyword : launch.keywords) {
    for (std::size_t p = 0; p < given.size(); ++p) {
      if (callee.parameters[p].name == keyword.name) given[p] = keyword.value.get();
    }
  }
  bool valid = true;
  for (std::size_t p = 0; p < given.size(); ++p) {
    SEPTRAN_CHECK(given[p] != nullptr);
    const Value value = eval(*given[p]);
    auto argument = launch_argument(callee.parameters[p], callee, value, given[p]->span);
    valid = valid && argument.has_value();
    if (!argument) continue;
    arguments.push_back(std::move(*argument));
    spans.push_back(given[p]->span);
  }
  return valid;
}

std::optional<LaunchArgument> Evaluator::launch_argument(const Parameter& parameter,
                                                         const Task& callee, const Value& value,
                                                         Span span) {
  if (value.invalid()) return std::nullopt;
  const auto mismatch = [&](const std::string& expected, const std::string& found) {
    if (Diagnostic* diagnostic = checker_.report(span, messages::argument_mismatch, parameter.name,
                                                 callee.name, expected, found)) {
      diagnostic->notes.insert(diagnostic->notes.begin(),
                               {parameter.span, messages::declared_here_note});
    }
    return std::nullopt;
  };
  const Expr* integer = value.get<Expr>();
  switch (parameter.kind) {
    case ParameterKind::integer:
      if (integer != nullptr) return LaunchArgument{*integer};
      break;
    case ParameterKind::floating:
      if (value.get<double>() != nullptr) return LaunchArgument{*value.get<double>()};
      if (integer != nullptr) {
        const auto number = to_number(value, span, "a number");
        return number ? std::optional<LaunchArgument>(*number) : std::nullopt;
      }
      break;
    case ParameterKind::boolean:
      if (value.get<Cond>() != nullptr) return LaunchArgument{*value.get<Cond>()};
      break;
    case ParameterKind::tensor: {
      const auto* tensor = value.get<TensorValue>();
      if (tensor == nullptr) break;
      if (parameter.dtype && *parameter.dtype != tensor->dtype) {
        return mismatch(fmt::format("of element type {}", name(*parameter.dtype)),
                        std::string(name(tensor->dtype)));
      }
      if (parameter.shape && parameter.shape->size() != tensor->view.rank()) {
        return mismatch(fmt::format("a tensor of {:dimension}", Counted{parameter.shape->size()}),
                        describe(value));
      }
      return LaunchArgument{*tensor};
    }
  }
  return mismatch(parameter_text(parameter), describe(value));
}

bool Evaluator::bind_dimensions(const Task& callee, std::span<const LaunchArgument> arguments,
                                const std::vector<Span>& spans, Frame& frame) {
  std::map<std::string, std::string> first;  // where a name's extent comes from
  bool valid = true;
  for (std::size_t p = 0; p < arguments.size(); ++p) {
    const Parameter& parameter = callee.parameters[p];
    const auto* tensor = std::get_if<TensorValue>(&arguments[p]);
    if (tensor == nullptr || !parameter.shape) continue;
    for (std::size_t d = 0; d < parameter.shape->size(); ++d) {
      valid = bind_dimension(parameter, d, tensor->view.dims[d].extent, spans[p], frame, first) &&
              valid;
    }
  }
  return valid;
}

bool Evaluator::bind_dimension(const Parameter& parameter, std::size_t d, const Expr& extent,
                               Span span, Frame& frame, std::map<std::string, std::string>& first) {
  const Dimension& dimension = (*parameter.shape)[d];
  Expr wanted = dimension.value;
  std::string what = "its annotation";
  if (!dimension.name.empty()) {
    const auto [at, is_new] = frame.names.try_emplace(dimension.name, Value{extent});
    if (is_new) {
      first[dimension.name] =
          fmt::format("{} (dimension {} of '{}')", dimension.name, d, parameter.name);
      return true;
    }
    wanted = *at->second.get<Expr>();
    what = first[dimension.name];
  }
  if (wanted == extent) return true;
  return checker_.require_noted(Cond::eq(extent, wanted),
                                {{dimension.span, messages::declared_here_note}}, span,
                                messages::launch_extent_mismatch, d, parameter.name,
                                checker_.text(extent), what, checker_.text(wanted));
}

void Evaluator::run_callee(const LaunchRequest& request, std::span<const LaunchArgument> arguments,
                           Frame frame) {
  SEPTRAN_CHECK(arguments.size() == request.arguments.size());
  for (std::size_t p = 0; p < arguments.size(); ++p) {
    Value& value = frame.names[request.callee.parameters[p].name];
    if (const auto* tensor = std::get_if<TensorValue>(&arguments[p])) {
      const TensorValue& passed = std::get<TensorValue>(request.arguments[p]);
      TensorValue bound = *tensor;
      bound.read_only = passed.read_only;
      if (tensor->root != passed.root) {
        const auto& from = roots_.at(passed.root);
        roots_[tensor->root] = {request.callee.parameters[p].name, tensor->view.shape(), passed,
                                from.loop_depth};
      }
      value = {std::move(bound)};
    } else if (const auto* integer = std::get_if<Expr>(&arguments[p])) {
      value = {*integer};
    } else if (const auto* number = std::get_if<double>(&arguments[p])) {
      value = {*number};
    } else {
      value = {std::get<Cond>(arguments[p])};
    }
  }
  checker_.push_launch(request.span, fmt::format("launched from here: '{}'", request.callee.name));
  chain_.emplace_back(request.span, fmt::format("launch of '{}'", request.callee.name));
  Frame* caller = std::exchange(frame_, &frame);
  run_block(request.callee.body);
  frame_ = caller;
  chain_.pop_back();
  checker_.pop_launch();
}

}  // namespace septran::lang
