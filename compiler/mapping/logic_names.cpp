#include "compiler/mapping/logic_names.h"

#include <algorithm>

namespace septran::mapping {
namespace {

using lang::ExpressionPtr;

/// Walks one task's body; every expression is visited, since a tunable may be read anywhere.
class Collector {
 public:
  explicit Collector(TaskNames& out) : out_(out) {}

  void block(const lang::Block& statements, bool in_sequential_loop);

 private:
  void statement(const lang::Statement& statement, bool in_sequential_loop);
  void expression(const ExpressionPtr& pointer);
  void expressions(const std::vector<ExpressionPtr>& all) {
    for (const ExpressionPtr& one : all) expression(one);
  }
  void keywords(const std::vector<lang::KeywordArgument>& all) {
    for (const lang::KeywordArgument& one : all) expression(one.value);
  }
  void call(const lang::Call& call);
  void tunable(const lang::Call& call);
  void partition(const lang::Call& call);
  static const std::string* text_of(const ExpressionPtr& pointer);

  TaskNames& out_;
};

const std::string* Collector::text_of(const ExpressionPtr& pointer) {
  const auto* text = pointer ? std::get_if<lang::StringLiteral>(&pointer->node) : nullptr;
  return text == nullptr ? nullptr : &text->value;
}

void Collector::tunable(const lang::Call& call) {
  const std::string* name = call.arguments.empty() ? nullptr : text_of(call.arguments[0]);
  if (name != nullptr) out_.tunables.insert(*name);
}

void Collector::partition(const lang::Call& call) {
  bool has_shape = false;
  for (const lang::KeywordArgument& keyword : call.keywords) {
    if (keyword.name == "shape") has_shape = true;
    if (keyword.name != "shape_from") continue;
    if (const std::string* from = text_of(keyword.value)) {
      out_.tunables.insert("block_shape_" + *from);
    }
  }
  if (!has_shape) out_.tunables.insert("block_size");
}

void Collector::call(const lang::Call& call) {
  if (call.from_module && call.function == "tunable") tunable(call);
  if (call.from_module && call.function == "partition") partition(call);
  expressions(call.arguments);
  keywords(call.keywords);
}

void Collector::expression(const ExpressionPtr& pointer) {
  if (!pointer) return;
  const auto& node = pointer->node;
  if (const auto* one = std::get_if<lang::Attribute>(&node)) {
    expression(one->object);
  } else if (const auto* subscript = std::get_if<lang::Subscript>(&node)) {
    expression(subscript->object);
    for (const lang::SubscriptItem& item : subscript->items) {
      expression(item.index);
      expression(item.begin);
      expression(item.end);
    }
  } else if (const auto* function = std::get_if<lang::Call>(&node)) {
    call(*function);
  } else if (const auto* tuple = std::get_if<lang::TupleExpression>(&node)) {
    expressions(tuple->items);
  } else if (const auto* unary = std::get_if<lang::Unary>(&node)) {
    expression(unary->operand);
  } else if (const auto* binary = std::get_if<lang::Binary>(&node)) {
    expression(binary->left);
    expression(binary->right);
  } else if (const auto* comparison = std::get_if<lang::Comparison>(&node)) {
    expressions(comparison->operands);
  } else if (const auto* logical = std::get_if<lang::BoolOperation>(&node)) {
    expressions(logical->operands);
  } else if (const auto* conditional = std::get_if<lang::Conditional>(&node)) {
    expression(conditional->condition);
    expression(conditional->then);
    expression(conditional->otherwise);
  }
}

void Collector::statement(const lang::Statement& statement, bool in_sequential_loop) {
  if (const auto* assign = std::get_if<lang::Assign>(&statement.node)) {
    expression(assign->value);
    const auto* made = assign->value ? std::get_if<lang::Call>(&assign->value->node) : nullptr;
    if (made != nullptr && made->from_module && made->function == "tensor" && !assign->unpack &&
        assign->targets.size() == 1) {
      out_.temporaries.emplace(assign->targets[0].name, assign->targets[0].span);
    }
  } else if (const auto* loop = std::get_if<lang::For>(&statement.node)) {
    for (const lang::NameTarget& target : loop->targets) {
      out_.loops.push_back({target.name, loop->kind, target.span});
    }
    expressions(loop->arguments);
    const bool sequential = loop->kind == lang::LoopKind::sequential;
    if (loop->body) block(*loop->body, in_sequential_loop || sequential);
  } else if (const auto* branches = std::get_if<lang::If>(&statement.node)) {
    for (const lang::IfBranch& branch : branches->branches) {
      expression(branch.condition);
      if (branch.body) block(*branch.body, in_sequential_loop);
    }
  } else if (const auto* check = std::get_if<lang::Assert>(&statement.node)) {
    expression(check->condition);
  } else if (const auto* launch = std::get_if<lang::Launch>(&statement.node)) {
    out_.launches.push_back({launch->callee, launch->callee_span, in_sequential_loop});
    expressions(launch->arguments);
    keywords(launch->keywords);
  } else if (const auto* primitive = std::get_if<lang::PrimitiveCall>(&statement.node)) {
    out_.primitives.push_back({primitive->primitive, primitive->primitive_span});
    expressions(primitive->arguments);
    keywords(primitive->attributes);
  }
}

void Collector::block(const lang::Block& statements, bool in_sequential_loop) {
  for (const lang::Statement& one : statements) statement(one, in_sequential_loop);
}

}  // namespace

const lang::Parameter* TaskNames::find_parameter(const std::string& name) const {
  for (const lang::Parameter& parameter : task->parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

std::vector<std::string> TaskNames::operands() const {
  std::vector<std::string> names;
  for (const lang::Parameter& parameter : task->parameters) {
    if (parameter.kind == lang::ParameterKind::tensor) names.push_back(parameter.name);
  }
  for (const auto& [name, span] : temporaries) names.push_back(name);
  return names;
}

bool TaskNames::has_operand(const std::string& name) const {
  const std::vector<std::string> names = operands();
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool TaskNames::has_loop(lang::LoopKind kind) const { return !loop_names(kind).empty(); }

std::vector<std::string> TaskNames::loop_names(lang::LoopKind kind) const {
  std::vector<std::string> names;
  for (const LoopVariable& loop : loops) {
    const bool known = std::find(names.begin(), names.end(), loop.name) != names.end();
    if (loop.kind == kind && !known) names.push_back(loop.name);
  }
  return names;
}

bool TaskNames::launches_task(const std::string& callee) const {
  return std::any_of(launches.begin(), launches.end(),
                     [&](const LaunchSite& site) { return site.callee == callee; });
}

std::vector<LaunchSite> TaskNames::callees() const {
  std::vector<LaunchSite> distinct;
  for (const LaunchSite& site : launches) {
    const bool known = std::any_of(distinct.begin(), distinct.end(), [&](const LaunchSite& one) {
      return one.callee == site.callee;
    });
    if (!known) distinct.push_back(site);
  }
  return distinct;
}

LogicNames::LogicNames(const lang::Module& module) {
  for (const lang::Task& task : module.tasks) {
    TaskNames names;
    names.task = &task;
    Collector(names).block(task.body, false);
    tasks_.emplace(task.name, std::move(names));
  }
}

const TaskNames* LogicNames::find(const std::string& task) const {
  const auto found = tasks_.find(task);
  return found == tasks_.end() ? nullptr : &found->second;
}

std::vector<std::string> LogicNames::tasks() const {
  std::vector<std::string> names;
  for (const auto& [name, task] : tasks_) names.push_back(name);
  return names;
}

std::vector<std::string> LogicNames::leaf_tasks() const {
  std::vector<std::string> names;
  for (const auto& [name, task] : tasks_) {
    if (task.task->is_leaf) names.push_back(name);
  }
  return names;
}

std::set<std::string> LogicNames::reachable(const std::string& task) const {
  std::set<std::string> seen{task};
  std::vector<std::string> open{task};
  while (!open.empty()) {
    const TaskNames* names = find(open.back());
    open.pop_back();
    if (names == nullptr) continue;
    for (const LaunchSite& site : names->launches) {
      if (seen.insert(site.callee).second) open.push_back(site.callee);
    }
  }
  return seen;
}

}  // namespace septran::mapping
