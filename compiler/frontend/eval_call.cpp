// Functions of the language: task.partition, task.tensor, task.tunable, min, max, ...
#include <algorithm>
#include <cmath>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {
namespace {

constexpr std::int64_t max_tensor_bytes = std::int64_t{1} << 61;
constexpr std::int64_t max_im2col_parameter = std::int64_t{1} << 30;

/// At least the larger extent of an im2col view, to keep its extents from overflowing.
double im2col_elements(const View& image, const Im2colParams& params) {
  const auto extent = [&](std::size_t d) {
    return static_cast<double>(image.dims[d].extent.constant().value_or(1));
  };
  double rows = extent(0);
  double columns = extent(3);
  for (std::size_t i = 0; i < 2; ++i) {
    rows *= extent(i + 1) + 2 * static_cast<double>(params.padding[i]);
    columns *= static_cast<double>(params.kernel[i]);
  }
  return std::max(rows, columns);
}

/// Reshapes where some extents depend on loop variables: these stay as they are, in their order,
/// and the constant ones between them merge and split. Nothing if that does not give the shape.
std::optional<View> reshape_between(const View& view, const std::vector<Expr>& wanted,
                                    const VarTable& vars) {
  View result = view;
  result.dims.clear();
  std::size_t from = 0;
  std::size_t to = 0;
  while (from < view.rank() || to < wanted.size()) {
    View part = view;
    part.dims.clear();
    while (from < view.rank() && view.dims[from].extent.constant()) {
      part.dims.push_back(view.dims[from++]);
    }
    std::vector<std::int64_t> shape;
    while (to < wanted.size() && wanted[to].constant()) shape.push_back(*wanted[to++].constant());
    const auto reshaped = reshape(part, shape);
    if (!reshaped) return std::nullopt;
    result.dims.insert(result.dims.end(), reshaped->dims.begin(), reshaped->dims.end());
    if (from == view.rank() && to == wanted.size()) break;
    if (from == view.rank() || to == wanted.size()) return std::nullopt;
    if (vars.simplify(view.dims[from].extent - wanted[to]).constant() != 0) return std::nullopt;
    result.dims.push_back(view.dims[from++]);
    ++to;
  }
  return result;
}

}  // namespace

/// Arguments by name; null for those left out. The parser has checked names and number.
std::vector<const Expression*> Evaluator::call_arguments(const Call& call,
                                                         std::initializer_list<const char*> names) {
  const std::vector<std::string> known(names.begin(), names.end());
  std::vector<const Expression*> arguments(known.size(), nullptr);
  SEPTRAN_CHECK(call.arguments.size() <= known.size());
  for (std::size_t i = 0; i < call.arguments.size(); ++i) arguments[i] = call.arguments[i].get();
  for (const KeywordArgument& keyword : call.keywords) {
    const auto at = std::find(known.begin(), known.end(), keyword.name);
    SEPTRAN_CHECK(at != known.end());
    arguments[static_cast<std::size_t>(at - known.begin())] = keyword.value.get();
  }
  return arguments;
}

Value Evaluator::eval_call(const Call& e, Span span) {
  if (e.function == "min" || e.function == "max") return eval_min_max(e, span);
  if (e.function == "ceildiv") return call_ceildiv(e, span);
  if (e.function == "sqrt" || e.function == "exp2") return call_math(e, span);
  if (e.function == "tunable") return eval_tunable(e, span);
  if (e.function == "partition") return call_partition(e, span);
  if (e.function == "tensor") return call_tensor(e, span, "");
  if (e.function == "transpose") return call_transpose(e);
  if (e.function == "reshape") return call_reshape(e, span);
  if (e.function == "im2col") return call_im2col(e, span);
  SEPTRAN_BUG("unknown function of the language");
}

Value Evaluator::eval_min_max(const Call& e, Span span) {
  const bool is_min = e.function == "min";
  std::vector<std::pair<Value, Span>> values;
  for (const ExpressionPtr& argument : e.arguments) {
    values.emplace_back(eval(*argument), argument->span);
    if (values.back().first.invalid()) return {};
  }
  const bool integers = std::all_of(values.begin(), values.end(),
                                    [](const auto& v) { return v.first.template get<Expr>(); });
  if (integers) {
    Expr result = *values[0].first.get<Expr>();
    for (std::size_t i = 1; i < values.size(); ++i) {
      const Expr& next = *values[i].first.get<Expr>();
      result = is_min ? Expr::min(result, next) : Expr::max(result, next);
      if (checked(result, span).invalid()) return {};
    }
    return {result.is_constant() ? result : vars_.simplify(result)};
  }
  std::optional<double> result;
  for (const auto& [value, where] : values) {
    const auto number = to_number(value, where);
    if (!number) return {};
    result = !result ? *number : is_min ? std::min(*result, *number) : std::max(*result, *number);
  }
  return {*result};
}

Value Evaluator::call_ceildiv(const Call& e, Span span) {
  const auto arguments = call_arguments(e, {"a", "b"});
  const auto a = to_integer(eval(*arguments[0]), arguments[0]->span);
  const auto b = to_integer(eval(*arguments[1]), arguments[1]->span);
  if (!a || !b) return {};
  const Value floor = integer_binary(BinaryOp::floor_divide, -*a, *b, span);
  return floor.invalid() ? Value{} : checked(-*floor.get<Expr>(), span);
}

Value Evaluator::call_math(const Call& e, Span span) {
  const auto arguments = call_arguments(e, {"x"});
  const auto x = to_number(eval(*arguments[0]), arguments[0]->span);
  if (!x) return {};
  if (e.function == "exp2") return {std::exp2(*x)};
  if (*x < 0) {
    checker_.report(span, messages::math_domain, "the square root", *x);
    return {};
  }
  return {std::sqrt(*x)};
}

const std::string& Evaluator::tunable_name(const Call& e) {
  return std::get<StringLiteral>(call_arguments(e, {"name", "default"})[0]->node).value;
}

void Evaluator::note_tunable(const std::string& name, Span use) {
  if (const auto place = visitor_.tunable_place(name)) checker_.use_tunable(use, name, *place);
}

Value Evaluator::eval_tunable(const Call& e, Span span) {
  const auto arguments = call_arguments(e, {"name", "default"});
  const std::string& name = tunable_name(e);
  Value value = tunable_value(name, span, arguments[1] != nullptr);
  if (value.get<NoneValue>() == nullptr) return value;
  return eval(*arguments[1]);
}

/// None where there is no value and a default stands in.
Value Evaluator::tunable_value(const std::string& name, Span span, bool has_default) {
  const auto value = visitor_.tunable({name, span, has_default});
  if (value) note_tunable(name, span);
  if (!value) {
    if (has_default) return {NoneValue{}};
    if (Diagnostic* diagnostic = checker_.report(span, messages::missing_tunable, name)) {
      for (DiagnosticNote& note : visitor_.tunable_notes(name)) {
        diagnostic->notes.push_back(std::move(note));
      }
    }
    return {};
  }
  if (const auto* integer = std::get_if<std::int64_t>(&*value)) return checked(*integer, span);
  if (const auto* number = std::get_if<double>(&*value)) return {*number};
  if (const auto* truth = std::get_if<bool>(&*value)) return {Cond(*truth)};
  if (const auto* text = std::get_if<std::string>(&*value)) return {*text};
  SequenceValue items;
  for (const std::int64_t item : std::get<std::vector<std::int64_t>>(*value)) {
    items.push_back(checked(item, span));
    if (items.back().invalid()) return {};
  }
  return {std::move(items)};
}

Value Evaluator::call_tensor(const Call& e, Span span, const std::string& name) {
  const auto arguments = call_arguments(e, {"shape", "dtype"});
  auto shape = to_integers(eval(*arguments[0]), arguments[0]->span, "a shape");
  const auto dtype = to_dtype(eval(*arguments[1]), arguments[1]->span);
  if (!shape || !dtype) return {};
  auto bytes = static_cast<std::int64_t>(size_bytes(*dtype));
  for (std::size_t d = 0; d < shape->size(); ++d) {
    Expr& extent = (*shape)[d];
    extent = simplified_extent(extent);
    if (!checker_.require(Cond::ge(extent, 1), arguments[0]->span, messages::extent_below_one,
                          fmt::format("extent {}", d), checker_.text(extent))) {
      return {};
    }
    const std::int64_t largest = std::max<std::int64_t>(1, vars_.range(extent).hi);
    if (__builtin_mul_overflow(bytes, largest, &bytes) || bytes > max_tensor_bytes) {
      checker_.report(span, messages::temporary_too_large);
      return {};
    }
  }
  if (shape->empty()) {
    return wrong_type("a shape", {SequenceValue{}}, arguments[0]->span,
                      "a tensor has at least one dimension; of one that is made as (1,), t[0] is "
                      "a single value");
  }
  TensorValue tensor;
  tensor.root = visitor_.temporary(name, *shape, *dtype, span);
  tensor.view = full_view(*shape);
  tensor.dtype = *dtype;
  const std::string shown = name.empty() ? "task.tensor(...)" : name;
  roots_[tensor.root] = {shown, *shape, std::nullopt, loops_.size()};
  if (options_.check_accesses) {
    AccessNode node;
    node.kind = AccessNode::Kind::temporary;
    node.span = span;
    node.root = tensor.root;
    open_.back()->children.push_back(std::move(node));
  }
  return {std::move(tensor)};
}

Value Evaluator::call_partition(const Call& e, Span span) {
  const auto arguments = call_arguments(e, {"T", "by", "shape", "shape_from"});
  const auto tensor = to_tensor(eval(*arguments[0]), arguments[0]->span);
  if (!tensor) return {};
  const auto blocks = partition_blocks(*tensor, arguments[2], arguments[3], span);
  if (!blocks) return {};
  const Span shape_span = arguments[2] != nullptr ? arguments[2]->span : span;
  PartitionValue result{*tensor, *blocks, {}};
  for (std::size_t d = 0; d < blocks->size(); ++d) {
    Expr& block = result.block[d];
    const Expr& extent = tensor->view.dims[d].extent;
    block = simplified_extent(block);
    if (!checker_.require(Cond::ge(block, 1), shape_span, messages::extent_below_one,
                          fmt::format("block extent {}", d), checker_.text(block))) {
      return {};
    }
    if (const auto constant = block.constant()) {
      if (checked(extent + (*constant - 1), shape_span).invalid()) return {};
      result.grid.push_back(vars_.simplify(Expr::ceil_div(extent, *constant)));
    } else if (block == extent || Cond::ge(block, extent).decide(vars_) == true) {
      result.grid.emplace_back(1);
    } else {
      checker_.report(shape_span, messages::not_constant, fmt::format("block extent {}", d),
                      checker_.text(block));
      return {};
    }
  }
  return {std::move(result)};
}

std::optional<std::vector<Expr>> Evaluator::partition_blocks(const TensorValue& tensor,
                                                             const Expression* shape,
                                                             const Expression* shape_from,
                                                             Span span) {
  const std::size_t rank = tensor.view.rank();
  if (shape != nullptr) return block_extents(eval(*shape), rank, false, shape->span);
  if (shape_from != nullptr) {
    const std::string& name = std::get<StringLiteral>(shape_from->node).value;
    const Value own = tunable_value("block_shape_" + name, span, true);
    if (own.get<NoneValue>() == nullptr) return block_extents(own, rank, true, span);
  }
  return block_extents(tunable_value("block_size", span, false), rank, shape_from != nullptr, span);
}

std::optional<std::vector<Expr>> Evaluator::block_extents(const Value& value, std::size_t rank,
                                                          bool cut, Span span) {
  if (const Expr* every = value.get<Expr>()) return std::vector<Expr>(rank, *every);
  auto extents = to_integers(value, span, "block extents");
  if (!extents) return std::nullopt;
  if (cut && extents->size() > rank) extents->resize(rank);
  if (extents->size() != rank) {
    checker_.report(span, messages::block_extent_count, extents->size(), rank);
    return std::nullopt;
  }
  return extents;
}

Value Evaluator::call_transpose(const Call& e) {
  const auto arguments = call_arguments(e, {"T", "axes"});
  auto tensor = to_tensor(eval(*arguments[0]), arguments[0]->span);
  const auto values = to_integers(eval(*arguments[1]), arguments[1]->span, "axes");
  if (!tensor || !values) return {};
  const std::size_t rank = tensor->view.rank();
  std::vector<std::size_t> axes;
  std::vector<bool> used(rank);
  for (const Expr& value : *values) {
    const std::int64_t axis = value.constant().value_or(-1);
    if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) break;
    if (used[static_cast<std::size_t>(axis)]) break;
    used[static_cast<std::size_t>(axis)] = true;
    axes.push_back(static_cast<std::size_t>(axis));
  }
  if (axes.size() != rank || values->size() != rank) {
    checker_.report(arguments[1]->span, messages::bad_view,
                    fmt::format("the axes must be a permutation of 0 .. {}", rank - 1),
                    messages::permutation_hint);
    return {};
  }
  tensor->view = permute(tensor->view, axes);
  return {std::move(*tensor)};
}

Value Evaluator::call_reshape(const Call& e, Span span) {
  const auto arguments = call_arguments(e, {"T", "shape"});
  auto tensor = to_tensor(eval(*arguments[0]), arguments[0]->span);
  const auto extents = to_integers(eval(*arguments[1]), arguments[1]->span, "a shape");
  if (!tensor || !extents) return {};
  const auto varies = [](const Expr& extent) { return !extent.constant(); };
  const std::vector<Expr> old = tensor->view.shape();
  if (std::any_of(old.begin(), old.end(), varies) ||
      std::any_of(extents->begin(), extents->end(), varies)) {
    auto view = reshape_between(tensor->view, *extents, vars_);
    if (!view) {
      checker_.report(span, messages::bad_view,
                      "this is not the tensor's shape with constant extents merged or split",
                      messages::varying_reshape_hint);
      return {};
    }
    tensor->view = std::move(*view);
    return {std::move(*tensor)};
  }
  std::vector<std::int64_t> shape;
  std::int64_t wanted = 1;
  for (const Expr& extent : *extents) {
    const auto constant = extent.constant();
    if (*constant < 1) {
      checker_.report(arguments[1]->span, messages::extent_below_one,
                      fmt::format("extent {}", shape.size()), *constant);
      return {};
    }
    if (__builtin_mul_overflow(wanted, *constant, &wanted)) {
      checker_.report(arguments[1]->span, messages::integer_overflow);
      return {};
    }
    shape.push_back(*constant);
  }
  std::int64_t have = 1;
  for (const Expr& extent : old) have *= *extent.constant();
  if (have != wanted) {
    checker_.report(
        span, messages::bad_view,
        fmt::format("the tensor has {:element}, the new shape {}", Counted{have}, wanted),
        messages::elements_hint);
    return {};
  }
  auto view = reshape(tensor->view, shape);
  if (!view) {
    checker_.report(span, messages::bad_view, "this tensor cannot be reshaped without moving data",
                    "reshape merges and splits dimensions of contiguous tensors; copy it first");
    return {};
  }
  tensor->view = std::move(*view);
  return {std::move(*tensor)};
}

namespace {

/// Whether dimension d of a view is an axis of its root from end to end, and walks it alone.
bool is_whole_axis(const View& view, std::size_t d, const std::vector<Expr>& shape) {
  const std::vector<Digit>& digits = view.dims[d].digits;
  if (digits.size() != 1 || digits[0].step != 1) return false;
  const std::uint32_t axis = digits[0].axis;
  for (std::size_t other = 0; other < view.dims.size(); ++other) {
    if (other == d || view.dims[other].extent == Expr(1)) continue;
    for (const Digit& digit : view.dims[other].digits) {
      if (digit.axis == axis) return false;
    }
  }
  return view.base[axis] == Expr(0) && view.dims[d].extent == shape[axis];
}

}  // namespace

Value Evaluator::call_im2col(const Call& e, Span span) {
  const auto arguments = call_arguments(e, {"X", "kernel", "stride", "padding", "dilation"});
  auto tensor = to_tensor(eval(*arguments[0]), arguments[0]->span);
  if (!tensor) return {};
  Im2colParams params;
  std::int64_t* const targets[] = {params.kernel, params.stride, params.padding, params.dilation};
  for (std::size_t a = 0; a < 4; ++a) {
    if (arguments[a + 1] == nullptr) continue;
    const Span where = arguments[a + 1]->span;
    const auto values = to_integers(eval(*arguments[a + 1]), where, "a pair of integers");
    if (!values) return {};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t least = a == 2 ? 0 : 1;
      const auto value = i < values->size() ? (*values)[i].constant() : std::nullopt;
      if (values->size() != 2 || !value || *value < least || *value > max_im2col_parameter) {
        checker_.report(where, messages::bad_view,
                        fmt::format("expected a pair of constant integers of at least {}", least),
                        messages::pair_hint);
        return {};
      }
      targets[a][i] = *value;
    }
  }
  bool exact = true;
  const TensorValue base = base_tensor(*tensor, exact);
  bool whole = tensor->view.rank() == 4 && !tensor->read_only && exact;
  for (std::size_t d = 1; whole && d < 3; ++d) {
    whole = (base.view.dims[d].extent == Expr(1) && params.kernel[d - 1] == 1 &&
             params.padding[d - 1] == 0) ||
            is_whole_axis(base.view, d, roots_.at(base.root).shape);
  }
  if (whole && im2col_elements(tensor->view, params) >= 0x1p60) {
    checker_.report(span, messages::temporary_too_large);
    return {};
  }
  auto view = whole ? im2col(tensor->view, params) : std::nullopt;
  if (!view) {
    checker_.report(span, messages::bad_view, "im2col needs whole images of [N, H, W, C]",
                    "N and C may be cut before; rows and columns of the image may not, and the "
                    "kernel must fit in the padded image");
    return {};
  }
  tensor->view = std::move(*view);
  tensor->read_only = true;
  return {std::move(*tensor)};
}

}  // namespace septran::lang
