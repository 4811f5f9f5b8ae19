// Primitive calls: operands and attributes against the table, shapes, what they read and write.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {

/// A call whose arguments are being gathered.
struct Evaluator::PreparedCall {
  const PrimitiveCall& call;
  const Primitive& primitive;
  std::vector<OperandValue> operands;
  Attributes attributes;
  std::vector<std::pair<std::string, Cond>> conditions;  // boolean attributes not yet decided
  std::map<std::string, Span> spans;                     // of what was given, by name

  [[nodiscard]] Span span_of(const std::string& name, Span otherwise) const {
    const auto at = spans.find(name);
    return at == spans.end() ? otherwise : at->second;
  }
};

void Evaluator::run_primitive(const PrimitiveCall& call, Span span) {
  const Primitive* primitive = find_primitive(call.primitive);
  SEPTRAN_CHECK(primitive != nullptr);
  PreparedCall prepared{call, *primitive, {}, {}, {}, {}};
  prepared.operands.resize(primitive->operands.size());
  // The parser has put operands into the table's order, and attributes behind their names.
  bool valid = true;
  for (std::size_t o = 0; o < call.arguments.size(); ++o) {
    if (call.arguments[o] == nullptr) continue;
    const Span at = call.arguments[o]->span;
    prepared.spans[primitive->operands[o].name] = at;
    valid = prepare_operand(prepared, o, eval(*call.arguments[o]), at) && valid;
  }
  for (const KeywordArgument& keyword : call.attributes) {
    const AttributeSpec* spec = primitive->find_attribute(keyword.name);
    SEPTRAN_CHECK(spec != nullptr);
    prepared.spans[keyword.name] = keyword.value->span;
    valid = prepare_attribute(prepared, *spec, eval(*keyword.value), keyword.value->span) && valid;
  }
  if (valid) split_conditions(prepared, span);
}

bool Evaluator::prepare_operand(PreparedCall& prepared, std::size_t index, const Value& value,
                                Span span) {
  const OperandSpec& spec = prepared.primitive.operands[index];
  if (value.invalid()) return false;
  if (value.get<NoneValue>() != nullptr && spec.optional) return true;
  const bool number = value.get<double>() != nullptr || value.get<Expr>() != nullptr;
  if (spec.scalar_allowed && number) {
    const auto scalar = to_number(value, span);
    if (scalar) prepared.operands[index] = *scalar;
    return scalar.has_value();
  }
  const auto* tensor = value.get<TensorValue>();
  const auto mismatch = [&](const std::string& expected, const std::string& found) {
    checker_.report(span, messages::primitive_argument, spec.name, prepared.primitive.name,
                    expected, found);
    return false;
  };
  if (tensor == nullptr) {
    return mismatch(spec.scalar_allowed ? "a tensor or a number" : "a tensor", describe(value));
  }
  if (spec.only_dtype && *spec.only_dtype != tensor->dtype) {
    return mismatch(fmt::format("of element type {}", name(*spec.only_dtype)),
                    std::string(name(tensor->dtype)));
  }
  prepared.operands[index] = *tensor;
  return true;
}

bool Evaluator::prepare_attribute(PreparedCall& prepared, const AttributeSpec& spec,
                                  const Value& value, Span span) {
  if (value.invalid()) return false;
  if (value.get<NoneValue>() != nullptr) return true;  // counts as not given
  if (const Cond* condition = value.get<Cond>()) {
    if (const auto decided = condition->decide(vars_)) {
      prepared.attributes[spec.name] = *decided;
    } else if (spec.kind == AttributeKind::boolean) {
      prepared.attributes[spec.name] = false;
      prepared.conditions.emplace_back(spec.name, *condition);
    } else {
      prepared.attributes[spec.name] = false;  // reported against the table
    }
    return true;
  }
  if (const Expr* integer = value.get<Expr>()) {
    prepared.attributes[spec.name] = vars_.simplify(*integer);
  } else if (const double* number = value.get<double>()) {
    prepared.attributes[spec.name] = *number;
  } else if (const auto* text = value.get<std::string>()) {
    prepared.attributes[spec.name] = *text;
  } else {
    checker_.report(span, messages::primitive_argument, spec.name, prepared.primitive.name,
                    "a number, truth value or string", describe(value));
    return false;
  }
  return true;
}

/// A truth value that depends on loop variables (accumulate=k > 0) makes two calls under a branch.
void Evaluator::split_conditions(PreparedCall& prepared, Span span) {
  if (prepared.conditions.empty()) {
    emit_primitive(prepared, span);
    return;
  }
  const auto [name, condition] = prepared.conditions.back();
  prepared.conditions.pop_back();
  const auto side = [&, name = name, condition = condition](bool value) {
    const Cond holds = value ? condition : condition.negated();
    AccessNode node;
    node.kind = AccessNode::Kind::condition;
    node.condition = holds;
    AccessNode* parent = open_.back();
    open_.push_back(&node);
    checker_.push_condition(holds);
    PreparedCall part = prepared;
    part.attributes[name] = value;
    split_conditions(part, span);
    checker_.pop_condition();
    open_.pop_back();
    if (!node.children.empty()) parent->children.push_back(std::move(node));
  };
  visitor_.branch(
      condition, span, [&] { side(true); }, [&] { side(false); });
}

void Evaluator::emit_primitive(PreparedCall& prepared, Span span) {
  const Primitive& primitive = prepared.primitive;
  const auto faults = complete_attributes(primitive, prepared.attributes);
  for (const AttributeFault& fault : faults) {
    checker_.report(prepared.span_of(fault.attribute, span), messages::primitive_attribute,
                    fault.text, fault.hint.empty() ? messages::primitive_page_hint : fault.hint);
  }
  if (!faults.empty() || !check_shapes(prepared, span) || !check_writes(prepared, span)) return;
  warn_accumulation(prepared, span);
  if (options_.check_accesses) {
    // Inputs are read before the output is written.
    for (std::size_t i = prepared.operands.size(); i-- > 0;) {
      const auto* tensor = std::get_if<TensorValue>(&prepared.operands[i]);
      if (tensor == nullptr) continue;
      record_access(*tensor, operand_access(primitive, prepared.attributes, i), span,
                    primitive.name);
    }
  }
  visitor_.primitive({*frame().task, prepared.call, primitive, std::move(prepared.operands),
                      std::move(prepared.attributes), span});
}

bool Evaluator::check_shapes(const PreparedCall& prepared, Span span) {
  const Primitive& primitive = prepared.primitive;
  std::vector<std::optional<std::vector<Expr>>> shapes;
  for (const OperandValue& operand : prepared.operands) {
    const auto* tensor = std::get_if<TensorValue>(&operand);
    shapes.push_back(tensor != nullptr ? std::optional(tensor->view.shape()) : std::nullopt);
  }
  const ShapeResult result = resolve_shapes(primitive, prepared.attributes, shapes);
  const auto place = [&](const ShapeFault& fault) {
    return prepared.span_of(primitive.operands[fault.operand].name, span);
  };
  if (result.fault) {
    checker_.report(place(*result.fault), messages::primitive_shapes, primitive.name,
                    result.fault->text);
    return false;
  }
  bool valid = true;
  for (const ShapeEquality& equality : result.equalities) {
    std::string text = equality.fault.text;
    if (!equality.left.is_constant() || !equality.right.is_constant()) {
      text +=
          fmt::format(": {} and {}", checker_.text(equality.left), checker_.text(equality.right));
    }
    valid = checker_.require(Cond::eq(equality.left, equality.right), place(equality.fault),
                             messages::primitive_shapes, primitive.name, text) &&
            valid;
  }
  return valid;
}

bool Evaluator::check_writes(const PreparedCall& prepared, Span span) {
  const Primitive& primitive = prepared.primitive;
  bool valid = true;
  for (std::size_t o = 0; o < prepared.operands.size(); ++o) {
    const auto* output = std::get_if<TensorValue>(&prepared.operands[o]);
    if (output == nullptr || !writes(operand_access(primitive, prepared.attributes, o))) continue;
    const std::string& name = primitive.operands[o].name;
    if (output->read_only) {
      checker_.report(prepared.span_of(name, span), messages::read_only_write, primitive.name,
                      name);
      valid = false;
    }
    bool exact = true;
    const TensorValue written = base_tensor(*output, exact);
    for (std::size_t i = 0; i < prepared.operands.size(); ++i) {
      const auto* input = std::get_if<TensorValue>(&prepared.operands[i]);
      if (i == o || input == nullptr) continue;
      const TensorValue read = base_tensor(*input, exact);
      if (read.root != written.root || read.view == written.view) continue;
      std::vector<Cond> apart;
      const auto a = axis_bounds(written.view);
      const auto b = axis_bounds(read.view);
      for (std::size_t axis = 0; axis < a.size(); ++axis) {
        apart.push_back(Cond::lt(a[axis].hi, b[axis].lo));
        apart.push_back(Cond::lt(b[axis].hi, a[axis].lo));
      }
      const std::string& other = primitive.operands[i].name;
      valid = checker_.require(Cond::any(std::move(apart)), prepared.span_of(other, span),
                               messages::operands_overlap, name, other) &&
              valid;
    }
  }
  return valid;
}

/// A sequential loop around the call, inside which the output was not made and on whose variable
/// the written part does not depend.
void Evaluator::warn_accumulation(const PreparedCall& prepared, Span span) {
  const auto* output = std::get_if<TensorValue>(&prepared.operands[0]);
  const auto accumulate = prepared.attributes.find("accumulate");
  if (output == nullptr || accumulate == prepared.attributes.end() ||
      accumulate->second != AttributeValue(true) ||
      (output->dtype != DType::f16 && output->dtype != DType::bf16)) {
    return;
  }
  bool exact = true;
  const TensorValue base = base_tensor(*output, exact);
  std::vector<VarId> used;
  collect_vars(base.view, used);
  const auto& root = roots_.at(base.root);
  for (std::size_t l = root.loop_depth; l < loops_.size(); ++l) {
    const ActiveLoop& loop = loops_[l];
    if (loop.kind != LoopKind::sequential) continue;
    for (const VarId id : loop.vars) {
      if (std::find(used.begin(), used.end(), id) != used.end()) continue;
      checker_.report(prepared.span_of(prepared.primitive.operands[0].name, span),
                      messages::low_precision_accumulation, root.name, name(output->dtype));
      return;
    }
  }
}

void Evaluator::record_access(const TensorValue& tensor, Access access, Span span,
                              const std::string& primitive) {
  AccessNode node;
  node.kind = AccessNode::Kind::access;
  node.span = span;
  TensorValue base = base_tensor(tensor, node.exact);
  node.root = base.root;
  node.view = std::move(base.view);
  node.is_read = reads(access);
  node.is_write = writes(access);
  node.chain = chain_;
  node.chain.emplace_back(span, fmt::format("primitive '{}'", primitive));
  open_.back()->children.push_back(std::move(node));
}

}  // namespace septran::lang
