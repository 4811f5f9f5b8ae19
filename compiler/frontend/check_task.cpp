// One task: its signature, and which names have a value at each statement.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/check_impl.h"

namespace septran::lang {
namespace {

std::string_view describe(NameKind kind) {
  switch (kind) {
    case NameKind::constant:
      return "a constant";
    case NameKind::task:
      return "a task";
    case NameKind::parameter:
      return "a parameter";
    case NameKind::dimension:
      return "a dimension of the signature";
    case NameKind::loop_variable:
      return "a loop variable";
    case NameKind::local:
      return "a variable";
  }
  SEPTRAN_BUG("unknown kind of name");
}

void collect_locals(const Block& block, Names& out) {
  const auto add = [&](const std::vector<NameTarget>& targets, NameKind kind) {
    for (const NameTarget& target : targets) out.emplace(target.name, NameInfo{kind, target.span});
  };
  for (const Statement& statement : block) {
    if (const auto* assign = std::get_if<Assign>(&statement.node)) {
      add(assign->targets, NameKind::local);
    } else if (const auto* loop = std::get_if<For>(&statement.node)) {
      add(loop->targets, NameKind::loop_variable);
      collect_locals(*loop->body, out);
    } else if (const auto* branches = std::get_if<If>(&statement.node)) {
      for (const IfBranch& branch : branches->branches) collect_locals(*branch.body, out);
    }
  }
}

class TaskChecker {
 public:
  TaskChecker(Task& task, CheckContext& context)
      : task_(task), context_(context), check_(context, &task) {}

  void run() {
    if (task_.is_broken) return;
    parameters();
    dimensions();
    collect_locals(task_.body, check_.all_locals());
    block(task_.body);
  }

 private:
  void parameters() {
    for (const Parameter& parameter : task_.parameters) {
      if (parameter.name.empty()) continue;
      const auto found = check_.names().find(parameter.name);
      const bool repeated =
          found != check_.names().end() && found->second.kind == NameKind::parameter;
      if (repeated) {
        context_.report(parameter.span, messages::duplicate_parameter, parameter.name)
            .notes.push_back(
                {found->second.span, fmt::format(messages::first_here_note, parameter.name)});
      } else if (!taken_by_file(parameter.name, parameter.span, "a parameter")) {
        check_.names()[parameter.name] = {NameKind::parameter, parameter.span};
      }
    }
  }

  /// A name of the file has one meaning in all of it.
  bool taken_by_file(const std::string& name, Span span, std::string_view what) {
    if (context_.report_if_reserved(name, span)) return true;
    const auto found = context_.file_names().find(name);
    if (found == context_.file_names().end()) return false;
    const std::string_view other = describe(found->second.kind);
    context_.report(span, messages::name_taken, name, what, other)
        .notes.push_back({found->second.span, fmt::format(messages::first_here_note, name)});
    return true;
  }

  void dimensions() {
    for (const Parameter& parameter : task_.parameters) {
      if (!parameter.shape) continue;
      for (const Dimension& dimension : *parameter.shape) {
        if (!dimension.name.empty()) this->dimension(dimension);
      }
    }
  }

  void dimension(const Dimension& dimension) {
    const auto found = check_.names().find(dimension.name);
    if (found != check_.names().end() && found->second.kind == NameKind::parameter) {
      context_
          .report(dimension.span, messages::dimension_is_parameter, dimension.name,
                  free_dimension_name(dimension.name))
          .notes.push_back(
              {found->second.span, fmt::format(messages::parameter_note, dimension.name)});
      return;
    }
    const bool known = found != check_.names().end() && found->second.kind == NameKind::dimension;
    if (known || taken_by_file(dimension.name, dimension.span, "a dimension")) return;
    check_.names()[dimension.name] = {NameKind::dimension, dimension.span};
  }

  /// A name for a dimension that is free in this task: "K" becomes "K_extent".
  [[nodiscard]] std::string free_dimension_name(const std::string& name) const {
    std::string out = name + "_extent";
    while (check_.names().contains(out) || context_.file_names().contains(out)) out += "_";
    return out;
  }

  void block(Block& block) {
    for (Statement& statement : block) {
      if (context_.full()) return;
      std::visit([&](auto& node) { this->statement(node, statement.span); }, statement.node);
    }
  }

  void statement(Assign& assign, Span span) {
    const std::size_t errors_before = context_.error_count();
    check_.value(assign.value);
    if (assign.targets.empty()) {
      if (context_.error_count() == errors_before) {
        context_.report(span, messages::unused_value, context_.module().alias);
      }
      return;
    }
    const auto* tuple = std::get_if<TupleExpression>(&assign.value->node);
    if (assign.unpack && tuple != nullptr && tuple->items.size() != assign.targets.size()) {
      context_.report(assign.value->span, messages::target_count, tuple->items.size(),
                      assign.targets.size());
    }
    std::set<std::string_view> seen;
    for (const NameTarget& target : assign.targets) {
      if (!seen.insert(target.name).second && target.name != "_") {
        context_.report(target.span, messages::repeated_target, target.name);
      } else {
        bind(target, NameKind::local);
      }
    }
  }

  /// Gives a name a value; what is no variable cannot be assigned.
  void bind(const NameTarget& target, NameKind kind) {
    if (context_.report_if_reserved(target.name, target.span)) return;
    const auto file_name = context_.file_names().find(target.name);
    const auto found = check_.names().find(target.name);
    const NameInfo* other = nullptr;
    if (found != check_.names().end()) {
      other = &found->second;
    } else if (file_name != context_.file_names().end()) {
      other = &file_name->second;
    }
    const bool is_variable = other != nullptr && other->kind == NameKind::local;
    if (other == nullptr || (is_variable && kind == NameKind::local)) {
      if (other == nullptr) {
        check_.names().emplace(target.name, NameInfo{kind, target.span});
        bound_.push_back(target.name);
      }
      return;
    }
    context_.report(target.span, messages::assigned_name, target.name, describe(other->kind))
        .notes.push_back({other->span, fmt::format(messages::first_here_note, target.name)});
  }

  /// What a loop assigns first has no value after it: the loop may run zero times.
  void statement(For& loop, Span) {
    for (const ExpressionPtr& argument : loop.arguments) check_.value(argument);
    const std::size_t mark = bound_.size();
    for (const NameTarget& target : loop.targets) bind(target, NameKind::loop_variable);
    block(*loop.body);
    forget(mark);
  }

  /// A name has a value after an `if` when any branch assigns it; which one runs is known when the
  /// task is evaluated.
  void statement(If& statement, Span) {
    std::vector<std::pair<std::string, NameInfo>> assigned;
    const std::size_t mark = bound_.size();
    for (IfBranch& branch : statement.branches) {
      check_.value(branch.condition);
      block(*branch.body);
      for (auto& name : forget(mark)) assigned.push_back(std::move(name));
    }
    for (const auto& [name, info] : assigned) {
      if (check_.names().emplace(name, info).second) bound_.push_back(name);
    }
  }

  /// Takes back the names bound since the mark.
  std::vector<std::pair<std::string, NameInfo>> forget(std::size_t mark) {
    std::vector<std::pair<std::string, NameInfo>> out;
    for (std::size_t i = mark; i < bound_.size(); ++i) {
      const auto found = check_.names().find(bound_[i]);
      out.emplace_back(found->first, found->second);
      check_.names().erase(found);
    }
    bound_.resize(mark);
    return out;
  }

  void statement(Assert& statement, Span) { check_.value(statement.condition); }

  void statement(Launch& launch, Span span) {
    if (task_.is_leaf) {
      context_.report(span, messages::leaf_launches, task_.name)
          .notes.push_back({task_.name_span, fmt::format(messages::task_here_note, task_.name)});
    }
    const auto file_name = context_.file_names().find(launch.callee);
    const bool is_constant =
        file_name != context_.file_names().end() && file_name->second.kind == NameKind::constant;
    if (is_constant || check_.names().contains(launch.callee)) {
      context_.report(launch.callee_span, messages::launch_callee, context_.module().alias);
    } else {
      check_launch(launch, context_);
    }
    for (const ExpressionPtr& argument : launch.arguments) check_.value(argument);
    for (const KeywordArgument& keyword : launch.keywords) check_.value(keyword.value);
  }

  void statement(PrimitiveCall& call, Span span) {
    if (!task_.is_leaf) {
      context_.report(span, messages::composite_calls_primitive, task_.name,
                      context_.module().alias);
    }
    for (const ExpressionPtr& argument : call.arguments) check_.value(argument);
    for (const KeywordArgument& keyword : call.attributes) check_.value(keyword.value);
    check_primitive_call(call, context_);
  }

  Task& task_;
  CheckContext& context_;
  ExpressionChecker check_;
  std::vector<std::string> bound_;  // variables in check_.names(), in the order of their binding
};

}  // namespace

void check_task(Task& task, CheckContext& context) { TaskChecker(task, context).run(); }

}  // namespace septran::lang
