// Where arguments and temporaries lie, and how deep they are: the part of the instantiation that
// reads `mems`, `rotate`, `resident` and `pipeline`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/instantiator.h"
#include "compiler/passes/rewrite.h"
#include "compiler/tile/visit.h"

namespace septran::passes {

using tile::Block;
using tile::Placement;
using tile::Statement;
using tile::TensorId;

std::uint32_t Instantiator::temporary(const std::string& name, const std::vector<Expr>& shape,
                                      DType dtype, Span span) {
  const Frame& frame = frames_.back();
  const auto at = frame.instance->mems.find(name);
  tile::Tensor tensor;
  tensor.name = name.empty() ? "temporary" : name;
  tensor.kind = tile::TensorKind::temporary;
  tensor.dtype = tensor.storage = dtype;
  tensor.shape = shape;
  const bool is_none = at != frame.instance->mems.end() && at->second.value == "NONE";
  if (is_none || at == frame.instance->mems.end()) {
    std::vector<std::string> names;
    for (const MemorySpec& memory : machine_.memories) names.push_back(memory.name);
    const std::string known = fmt::format("{}", fmt::join(names, ", "));
    tensor.memory = "GLOBAL";
    if (is_none) {
      diagnostics_
          .report(at->second.span, messages::temporary_in_none, tensor.name, frame.task->name,
                  known)
          .notes.push_back({span, messages::made_here_note});
    } else {
      diagnostics_
          .report(span, messages::temporary_without_memory, tensor.name, frame.task->name,
                  frame.instance->name, known)
          .notes.push_back({frame.instance->name_span, messages::instance_here_note});
    }
  } else {
    tensor.memory = at->second.value;
  }
  idle_fields_.note_rotate(*frame.instance, name,
                           may_repeat({}) ? FieldUse::effective : FieldUse::outside_loops);
  const auto rotate = frame.instance->rotate.find(name);
  if (rotate != frame.instance->rotate.end() && machine_.overlaps()) {
    tensor.depth = rotate->second.value;
  }
  tensor.origin =
      origin(span, at == frame.instance->mems.end() ? frame.instance->name_span : at->second.span,
             fmt::format("temporary {}", tensor.name));
  const tile::Origin where = tensor.origin;
  const TensorId id = program_.add_tensor(std::move(tensor));
  emit(where, tile::Alloc{id});
  return id.value;
}

tile::ScopeArgument Instantiator::scope_argument(const mapping::Instance& instance,
                                                 const lang::Parameter& parameter,
                                                 const lang::TensorValue& value) {
  tile::ScopeArgument argument;
  argument.source = {TensorId{value.root}, value.view};
  const std::string source_memory = program_[argument.source.tensor].memory;
  const auto mem = instance.mems.find(parameter.name);
  const Span span = mem == instance.mems.end() ? instance.name_span : mem->second.span;
  tile::Tensor tensor;
  tensor.name = parameter.name;
  tensor.kind = tile::TensorKind::parameter;
  tensor.dtype = tensor.storage = value.dtype;
  tensor.shape = value.view.shape();
  tensor.memory = source_memory;
  if (mem != instance.mems.end() && mem->second.value == "NONE") {
    argument.placement = Placement::never;
  } else if (mem != instance.mems.end() && mem->second.value != source_memory) {
    tensor.memory = mem->second.value;
    argument.placement = Placement::whole;  // until the body is known
  }
  argument.memory = tensor.memory;
  argument.origin = origin(parameter.span, span, fmt::format("argument {}", parameter.name));
  tensor.origin = argument.origin;
  argument.parameter = program_.add_tensor(std::move(tensor));
  return argument;
}

bool Instantiator::may_repeat(const Block& body) const {
  const auto repeats = [](const auto& entry) { return !entry.second.spread.empty(); };
  bool found = !machine_.overlaps() ||
               std::any_of(mapping_.instances.begin(), mapping_.instances.end(), repeats);
  for (const Frame& frame : frames_) found |= frame.loops > 0;
  tile::for_each_statement(body, [&](const Statement& statement) {
    found |= std::holds_alternative<tile::Parallel>(statement.node);
  });
  return found;
}

void Instantiator::decide_placement(const mapping::Instance& instance,
                                    tile::ScopeArgument& argument, const Block& body) {
  const std::string& name = program_[argument.parameter].name;
  if (argument.placement != Placement::whole) {
    if (machine_.overlaps()) idle_fields_.note_rotate(instance, name, FieldUse::in_place);
    idle_fields_.note_resident(instance, name, FieldUse::in_place);
    return;
  }
  if (writes_tensor(body, argument.parameter)) {
    idle_fields_.note_resident(instance, name, FieldUse::written);
    idle_fields_.note_rotate(instance, name,
                             may_repeat(body) ? FieldUse::effective : FieldUse::outside_loops);
    const auto rotate = instance.rotate.find(name);
    if (rotate != instance.rotate.end() && machine_.overlaps()) {
      argument.depth = rotate->second.value;
    }
    return;
  }
  idle_fields_.note_rotate(instance, name, FieldUse::reads_only);
  idle_fields_.note_resident(instance, name, FieldUse::effective);
  argument.placement = is_resident(instance, argument) ? Placement::whole : Placement::parts;
  if (!machine_.overlaps()) return;  // nothing runs ahead: one slot does
  if (instance.pipeline) {
    argument.depth = instance.pipeline->value;
  } else if (!frames_.empty() && frames_.back().loops > 0 && frames_.back().instance->pipeline) {
    argument.depth = frames_.back().instance->pipeline->value;  // the launching loop's pipeline
  }
}

}  // namespace septran::passes
