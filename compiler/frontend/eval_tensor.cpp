// Attributes and subscripts of tensors, partitions and tuples.
#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {
namespace {

Value sequence_of(const std::vector<Expr>& extents) {
  SequenceValue items;
  items.reserve(extents.size());
  for (const Expr& extent : extents) items.push_back({extent});
  return {std::move(items)};
}

/// A sum with one minimum or maximum as one minimum or maximum of sums: min(64*i + 64, M) - 64*i
/// becomes min(64, M - 64*i), the form that clipped blocks have.
Expr through_extremum(const Expr& e) {
  const Term* found = nullptr;
  for (const Term& term : e.terms()) {
    if (term.atom.kind != Atom::Kind::min && term.atom.kind != Atom::Kind::max) continue;
    if (found != nullptr || (term.coefficient != 1 && term.coefficient != -1)) return e;
    found = &term;
  }
  if (found == nullptr || (e.terms().size() == 1 && e.offset() == 0)) return e;
  const Expr rest = e - Expr::from_atom(found->atom) * found->coefficient;
  const bool is_min = (found->atom.kind == Atom::Kind::min) == (found->coefficient == 1);
  std::optional<Expr> result;
  for (const Expr& arg : found->atom.args) {
    const Expr sum = rest + arg * found->coefficient;
    if (!result) {
      result = sum;
    } else {
      result = is_min ? Expr::min(*result, sum) : Expr::max(*result, sum);
    }
  }
  return *result;
}

}  // namespace

Expr Evaluator::simplified_extent(const Expr& extent) const {
  if (extent.is_constant()) return extent;
  return vars_.simplify(through_extremum(vars_.simplify(extent)));
}

Expr Evaluator::simplified(const Expr& e) const { return e.is_constant() ? e : vars_.simplify(e); }

Value Evaluator::eval_attribute(const Attribute& e, Span span) {
  const Value object = eval(*e.object);
  if (object.invalid()) return {};
  if (const auto* tensor = object.get<TensorValue>()) {
    if (e.name == "shape") return sequence_of(tensor->view.shape());
    if (e.name == "ndim") return {Expr(static_cast<std::int64_t>(tensor->view.rank()))};
    if (e.name == "dtype") return {tensor->dtype};
    if (e.name == "T") {
      if (tensor->view.rank() != 2) {
        checker_.report(span, messages::bad_view,
                        fmt::format(".T of a tensor of {:dimension}", Counted{tensor->view.rank()}),
                        "use task.transpose(T, axes)");
        return {};
      }
      TensorValue result = *tensor;
      result.view = permute(tensor->view, {1, 0});
      return {std::move(result)};
    }
  }
  if (const auto* partition = object.get<PartitionValue>()) {
    if (e.name == "shape") return sequence_of(partition->grid);
    if (e.name == "ndim") return {Expr(static_cast<std::int64_t>(partition->grid.size()))};
    if (e.name == "dtype") return {partition->tensor.dtype};
  }
  const bool has_any = object.get<TensorValue>() || object.get<PartitionValue>();
  checker_.report(e.name_span, messages::unknown_member, describe(object), e.name,
                  has_any ? "it has shape, ndim, dtype, and T for matrices" : "");
  return {};
}

Value Evaluator::eval_subscript(const Subscript& e, Span span) {
  const Value object = eval(*e.object);
  if (object.invalid()) return {};
  if (const auto* items = object.get<SequenceValue>()) return subscript_sequence(*items, e, span);
  const auto* tensor = object.get<TensorValue>();
  const auto* partition = object.get<PartitionValue>();
  if (tensor == nullptr && partition == nullptr) {
    return wrong_type("a tensor, partition or tuple", object, e.object->span);
  }
  const std::size_t rank = tensor != nullptr ? tensor->view.rank() : partition->grid.size();
  if (e.items.size() > rank) {
    checker_.report(span, messages::too_many_subscripts, e.items.size(),
                    tensor != nullptr ? "a tensor" : "a partition", rank);
    return {};
  }
  return tensor != nullptr ? subscript_tensor(*tensor, e) : subscript_partition(*partition, e);
}

Value Evaluator::subscript_sequence(const SequenceValue& sequence, const Subscript& e, Span span) {
  if (e.items.size() != 1 || e.items[0].is_slice) {
    return wrong_type("one index", {SequenceValue(e.items.size())}, span);
  }
  const Span item_span = e.items[0].span;
  const auto index = to_constant(eval(*e.items[0].index), item_span, "an index of a tuple");
  if (!index) return {};
  const auto size = static_cast<std::int64_t>(sequence.size());
  if (*index < -size || *index >= size) {
    checker_.report(item_span, messages::subscript_out_of_range, *index, size - 1,
                    messages::tuple_index_hint);
    return {};
  }
  return sequence[static_cast<std::size_t>(*index < 0 ? *index + size : *index)];
}

std::optional<std::pair<Expr, Expr>> Evaluator::slice_bounds(const SubscriptItem& item,
                                                             const Expr& extent, std::size_t dim) {
  std::optional<Expr> begin = Expr(0);
  std::optional<Expr> end = extent;
  if (item.begin) begin = to_integer(eval(*item.begin), item.begin->span);
  if (item.end) end = to_integer(eval(*item.end), item.end->span);
  if (!begin || !end) return std::nullopt;
  const std::string from = checker_.text(*begin);
  const std::string to = checker_.text(*end);
  if (!checker_.require(Cond::all({Cond::ge(*begin, 0), Cond::ge(extent, *end)}), item.span,
                        messages::slice_out_of_range, from, to, dim, checker_.text(extent)) ||
      !checker_.require(Cond::lt(*begin, *end), item.span, messages::empty_slice, from, to)) {
    return std::nullopt;
  }
  return std::pair{*begin, *end};
}

Value Evaluator::subscript_tensor(const TensorValue& tensor, const Subscript& e) {
  TensorValue result = tensor;
  std::size_t dim = 0;  // of the result
  for (std::size_t i = 0; i < e.items.size(); ++i) {
    const SubscriptItem& item = e.items[i];
    const Expr extent = result.view.dims[dim].extent;
    if (item.is_slice) {
      if (item.begin || item.end) {
        const auto bounds = slice_bounds(item, extent, i);
        if (!bounds) return {};
        const Expr length = simplified_extent(bounds->second - bounds->first);
        result.view = slice_dim(result.view, dim, simplified(bounds->first), length);
      }
      ++dim;
      continue;
    }
    const auto index = to_integer(eval(*item.index), item.span, "an integer or a slice");
    if (!index ||
        !checker_.require(Cond::all({Cond::ge(*index, 0), Cond::lt(*index, extent)}), item.span,
                          messages::subscript_out_of_range, checker_.text(*index),
                          checker_.text(extent - 1), messages::tensor_index_hint)) {
      return {};
    }
    result.view = index_dim(result.view, dim, simplified(*index));
  }
  return {std::move(result)};
}

Value Evaluator::subscript_partition(const PartitionValue& partition, const Subscript& e) {
  TensorValue result = partition.tensor;
  for (std::size_t d = 0; d < e.items.size(); ++d) {
    const SubscriptItem& item = e.items[d];
    if (item.is_slice && !item.begin && !item.end) continue;
    Expr first;
    Expr count = 1;
    if (item.is_slice) {
      const auto bounds = slice_bounds(item, partition.grid[d], d);
      if (!bounds) return {};
      first = bounds->first;
      count = bounds->second - bounds->first;
    } else {
      const auto index = to_integer(eval(*item.index), item.span, "an integer or a slice");
      if (!index ||
          !checker_.require(Cond::all({Cond::ge(*index, 0), Cond::lt(*index, partition.grid[d])}),
                            item.span, messages::subscript_out_of_range, checker_.text(*index),
                            checker_.text(partition.grid[d] - 1), messages::tensor_index_hint)) {
        return {};
      }
      first = *index;
    }
    const auto block = partition.block[d].constant();
    if (!block) continue;  // one block: the whole dimension
    const auto begin = product(first, *block, item.span);
    const auto length = product(count, *block, item.span);
    if (!begin || !length) return {};
    const Expr& extent = partition.tensor.view.dims[d].extent;
    result.view = slice_dim(result.view, d, simplified(*begin),
                            simplified_extent(Expr::min(*length, extent - *begin)));
  }
  return {std::move(result)};
}

}  // namespace septran::lang
