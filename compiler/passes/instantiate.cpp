// Task x mapping -> launch tree: walks the entry task once, loop variables symbolic, and writes
// down what is launched, on which instance, with which arguments in which memories.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/passes/instantiator.h"
#include "compiler/passes/mapped_loops.h"
#include "compiler/passes/rewrite.h"
#include "compiler/tile/visit.h"

namespace septran::passes {

using tile::Block;
using tile::Placement;
using tile::Program;
using tile::Statement;
using tile::TensorId;
using tile::TileRef;

void Instantiator::loop(const lang::LoopRequest& request, const lang::LoopBody& body) {
  std::vector<VarId> ids;
  std::vector<Expr> indices;
  for (std::size_t i = 0; i < request.names.size(); ++i) {
    ids.push_back(program_.vars.add(request.names[i], request.begins[i], request.ends[i]));
    indices.push_back(Expr::var(ids.back()));
  }
  ++frames_.back().loops;
  Block inner = collect([&] { (void)body(indices); });
  --frames_.back().loops;
  const mapping::Instance& instance = *frames_.back().instance;
  const tile::Origin where = origin(request.span, instance.name_span, "loop");
  if (request.kind == lang::LoopKind::parallel) {
    emit(where, make_parallel(program_, std::move(ids), std::move(inner), instance));
    return;
  }
  const std::vector<tile::ScheduleStep> schedule = schedule_of(instance, inner);
  for (std::size_t i = ids.size(); i-- > 0;) {
    tile::Loop sequential{ids[i], std::move(inner)};
    if (i + 1 == ids.size()) sequential.schedule = schedule;
    tile::Origin of_loop = where;
    const auto spread = instance.spread.find(request.names[i]);
    if (spread != instance.spread.end()) {
      sequential.spread = spread->second.value;
      of_loop = origin(request.span, spread->second.span, "loop");
    }
    inner = Block{};
    if (i == 0) {
      emit(of_loop, std::move(sequential));
    } else {
      inner.push_back({std::move(sequential), "", of_loop});
    }
  }
}

/// What the schedule of the launching instance calls this launch; empty without one.
std::string Instantiator::launch_label(const lang::LaunchRequest& request) const {
  if (frames_.back().instance->schedule.empty()) return {};
  const mapping::TaskNames* task = names_->find(request.caller.name);
  SEPTRAN_CHECK(task != nullptr);
  mapping::ScheduleEntry entry{request.callee.name, 0, 0, {}};
  for (const mapping::LaunchSite& site : task->launches) {
    if (!site.in_sequential_loop || site.callee != entry.callee) continue;
    ++entry.occurrence;
    if (site.span == request.launch.callee_span) return label_of(entry);
  }
  return {};
}

void Instantiator::branch(const Cond& condition, Span span, const std::function<void()>& then,
                          const std::function<void()>& otherwise) {
  tile::If statement{condition, collect(then), collect(otherwise)};
  emit(origin(span, {}, "if"), std::move(statement));
}

const mapping::Instance* Instantiator::callee_instance(const lang::LaunchRequest& request) {
  const mapping::Instance& caller = *frames_.back().instance;
  const auto call = caller.calls.find(request.callee.name);
  if (call != caller.calls.end()) return mapping_.find(call->second.value);
  std::vector<std::string> candidates;
  for (const auto& [name, instance] : mapping_.instances) {
    if (instance.task_name.value == request.callee.name) candidates.push_back(name);
  }
  // Only a leaf task needs no instance; the mapping's reader reports all else.
  if (candidates.empty() && request.callee.is_leaf) return nullptr;
  SEPTRAN_CHECK(candidates.size() == 1);
  return mapping_.find(candidates[0]);
}

void Instantiator::launch(const lang::LaunchRequest& request, const lang::LaunchBody& body) {
  const mapping::Instance* instance = callee_instance(request);
  const std::string label = launch_label(request);
  if (instance == nullptr) {
    frames_.push_back({frames_.back().instance, &request.callee, true, 0});
    Block calls = collect([&] { body(request.arguments); });
    frames_.pop_back();
    for (Statement& call : calls) {
      call.launch = label;
      block_->push_back(std::move(call));
    }
    return;
  }
  tile::Scope scope;
  scope.task = request.callee.name;
  scope.instance = instance->name;
  scope.processor = instance->processor.value;
  scope.gpu = instance->gpu;
  std::vector<lang::LaunchArgument> arguments = request.arguments;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto* tensor = std::get_if<lang::TensorValue>(&arguments[i]);
    if (tensor == nullptr) continue;
    tile::ScopeArgument argument = scope_argument(*instance, request.callee.parameters[i], *tensor);
    TensorId root = argument.parameter;
    const auto same = aliases_.same(scope, argument);
    if (same &&
        is_resident(*instance, argument) == is_resident(*instance, scope.arguments[*same])) {
      root = scope.arguments[*same].parameter;
    } else {
      if (argument.placement != Placement::whole) aliases_.add(argument);
      scope.arguments.push_back(std::move(argument));
    }
    *tensor = {root.value, full_view(tensor->view.shape()), tensor->dtype, tensor->read_only};
  }
  frames_.push_back({instance, &request.callee, false, 0});
  scope.body = collect([&] { body(arguments); });
  frames_.pop_back();
  for (tile::ScopeArgument& argument : scope.arguments) {
    decide_placement(*instance, argument, scope.body);
  }
  aliases_.check(scope, request.span, diagnostics_);
  emit(origin(request.span, instance->name_span, "launch"), std::move(scope));
  block_->back().launch = label;
}

const mapping::Binding* Instantiator::find_binding(const std::string& leaf) const {
  for (std::size_t i = frames_.size(); i-- > 0;) {
    const auto at = frames_[i].instance->leaf_task_bindings.find(leaf);
    if (at != frames_[i].instance->leaf_task_bindings.end()) return &at->second;
    if (!frames_[i].task->is_leaf) break;  // the launching instance has been looked at
  }
  const auto at = mapping_.leaf_task_bindings.find(leaf);
  return at == mapping_.leaf_task_bindings.end() ? nullptr : &at->second;
}

void Instantiator::primitive(const lang::PrimitiveRequest& request) {
  tile::Prim prim;
  prim.primitive = &request.primitive;
  prim.attributes = request.attributes;
  for (const lang::OperandValue& operand : request.operands) {
    if (const auto* tensor = std::get_if<lang::TensorValue>(&operand)) {
      prim.operands.emplace_back(TileRef{TensorId{tensor->root}, tensor->view});
    } else if (const auto* number = std::get_if<double>(&operand)) {
      prim.operands.emplace_back(*number);
    } else {
      prim.operands.emplace_back(std::monostate{});
    }
  }
  Span mapping_span = frames_.back().instance->name_span;
  if (const mapping::Binding* binding = find_binding(request.task.name)) {
    mapping_span = binding->span;
    prim.binding.implementation = binding->implementation;
    for (const auto& extent : binding->tile) prim.binding.tile.push_back(extent.value);
    for (const auto& split : binding->split) prim.binding.split.push_back({split.dim, split.size});
    prim.binding.swap = binding->swap;
    prim.binding.mapping_origin = sources_.file_line(binding->span);
    prim.binding.span = binding->span;
  }
  for (std::size_t i = frames_.size(); i-- > 0;) {
    const mapping::Instance& instance = *frames_[i].instance;
    if (!instance.spread.empty()) {
      mark_spread(instance, names_->find(instance.task_name.value), prim);
    }
    if (!frames_[i].task->is_leaf) break;  // the launching instance has been looked at
  }
  emit(origin(request.span, mapping_span, request.primitive.name), std::move(prim));
}

const mapping::Spanned<mapping::TunableValue>* Instantiator::find_tunable(
    const std::string& name) const {
  for (std::size_t i = frames_.size(); i-- > 0;) {
    const auto at = frames_[i].instance->tunables.find(name);
    if (at != frames_[i].instance->tunables.end()) return &at->second;
  }
  return nullptr;
}

std::optional<lang::TunableValue> Instantiator::tunable(const lang::TunableRequest& request) {
  const auto* found = find_tunable(request.name);
  return found == nullptr ? std::nullopt : std::optional(found->value);
}

std::optional<Span> Instantiator::tunable_place(const std::string& name) {
  const auto* found = find_tunable(name);
  return found == nullptr ? std::nullopt : std::optional(found->span);
}

std::vector<DiagnosticNote> Instantiator::tunable_notes(const std::string& /*name*/) {
  std::vector<DiagnosticNote> notes;
  for (std::size_t i = frames_.size(); i-- > 0;) {
    if (frames_[i].inlined) continue;
    notes.push_back({frames_[i].instance->name_span,
                     fmt::format(messages::searched_instance_note, frames_[i].instance->name)});
  }
  return notes;
}

Result<Program> Instantiator::run(const lang::Module& module, const lang::EntryBinding& entry) {
  const mapping::Instance* instance = mapping_.find(mapping_.entrypoint.value);
  SEPTRAN_CHECK(instance != nullptr && entry.task != nullptr);
  const std::size_t errors_before = diagnostics_.error_count();
  names_.emplace(module);
  program_.name = entry.task->name;
  program_.target = machine_.name;
  tile::Scope scope;
  scope.task = entry.task->name;
  scope.instance = instance->name;
  scope.processor = instance->processor.value;
  scope.gpu = instance->gpu;
  std::vector<std::uint32_t> roots(entry.arguments.size());
  for (std::size_t i = 0; i < entry.arguments.size(); ++i) {
    const auto* bound = std::get_if<lang::EntryTensor>(&entry.arguments[i]);
    if (bound == nullptr) continue;
    const lang::Parameter& parameter = entry.task->parameters[i];
    tile::Tensor tensor;
    tensor.name = parameter.name;
    tensor.kind = tile::TensorKind::argument;
    tensor.dtype = tensor.storage = bound->dtype;
    tensor.shape.assign(bound->shape.begin(), bound->shape.end());
    tensor.memory = "GLOBAL";
    tensor.origin = origin(parameter.span, {}, "argument");
    const lang::TensorValue whole{0, full_view(tensor.shape), bound->dtype, false};
    const TensorId id = program_.add_tensor(std::move(tensor));
    lang::TensorValue value = whole;
    value.root = id.value;
    scope.arguments.push_back(scope_argument(*instance, parameter, value));
    roots[i] = scope.arguments.back().parameter.value;
  }
  frames_.push_back({instance, entry.task, false, 0});
  bool fine = true;
  scope.body = collect(
      [&] { fine = lang::evaluate(module, entry, roots, program_.vars, *this, diagnostics_); });
  frames_.pop_back();
  for (tile::ScopeArgument& argument : scope.arguments) {
    decide_placement(*instance, argument, scope.body);
    tile::Tensor& root = program_[argument.source.tensor];
    root.is_output = writes_tensor(scope.body, argument.parameter);
    root.is_input = reads_tensor(scope.body, argument.parameter);
  }
  if (!fine || diagnostics_.error_count() > errors_before) return std::nullopt;
  idle_fields_.report(diagnostics_);
  program_.body.push_back(
      {std::move(scope), "", origin(entry.task->name_span, instance->name_span, "entry")});
  return std::move(program_);
}

Result<Program> instantiate(const lang::Module& module, const lang::EntryBinding& entry,
                            const mapping::Mapping& mapping, const Machine& machine,
                            const SourceManager& sources, Diagnostics& diagnostics) {
  return Instantiator(mapping, machine, sources, diagnostics).run(module, entry);
}

}  // namespace septran::passes
