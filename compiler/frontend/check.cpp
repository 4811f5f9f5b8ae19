#include "compiler/frontend/check.h"

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/check_impl.h"
#include "compiler/frontend/lexer.h"

namespace septran::lang {

bool CheckContext::report_if_reserved(std::string_view name, Span span) {
  const bool is_alias = name == module_.alias;
  if (!is_alias && find_function(builtin_functions(), name) == nullptr) return false;
  report(span, is_alias ? messages::name_is_alias : messages::name_is_function, name);
  return true;
}

void CheckContext::collect_names() {
  const auto enter = [&](const std::string& name, NameInfo info) {
    if (report_if_reserved(name, info.span)) return false;
    const auto [place, is_new] = names_.emplace(name, info);
    if (is_new) return true;
    // Constants come first here, tasks may stand above them: the later one is the duplicate.
    const Span first = std::min(place->second.span, info.span);
    report(std::max(place->second.span, info.span), messages::duplicate_definition, name)
        .notes.push_back({first, fmt::format(messages::first_here_note, name)});
    return false;
  };
  for (const Constant& constant : module_.constants) {
    enter(constant.name, {NameKind::constant, constant.span});
  }
  for (const Task& task : module_.tasks) {
    if (enter(task.name, {NameKind::task, task.name_span})) tasks_.emplace(task.name, &task);
  }
}

const Task* CheckContext::find_task(std::string_view name) const {
  const auto found = tasks_.find(name);
  return found == tasks_.end() ? nullptr : found->second;
}

std::vector<std::string> CheckContext::task_names() const {
  std::vector<std::string> out;
  for (const auto& [name, task] : tasks_) out.push_back(name);
  return out;
}

namespace {

void check_constants(Module& module, CheckContext& context) {
  ExpressionChecker check(context, nullptr);
  for (Constant& constant : module.constants) {
    if (context.full()) return;
    check.value(*constant.value);
    check.names().emplace(constant.name, NameInfo{NameKind::constant, constant.span});
  }
}

}  // namespace

void check_module(Module& module, std::size_t error_limit, Diagnostics& diagnostics) {
  CheckContext context(module, error_limit, diagnostics);
  if (module.tasks.empty() && !context.full() && context.error_count() == 0) {
    context.report(Span{module.file, 0, 0}, messages::no_tasks);
  }
  context.collect_names();
  check_constants(module, context);
  for (Task& task : module.tasks) {
    if (context.full()) break;
    check_task(task, context);
  }
  if (context.full()) {
    context.report(Span{module.file, 0, 0}, messages::parse_too_many_errors, max_errors);
    return;
  }
  check_launch_graph(context);
}

}  // namespace septran::lang
