#include "compiler/mapping/launches.h"

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::mapping {
namespace {

class Walk {
 public:
  Walk(const Mapping& mapping, const LogicNames& logic, const Machine& machine,
       Diagnostics& diagnostics)
      : mapping_(mapping), logic_(logic), machine_(machine), diagnostics_(diagnostics) {}
  void run();

 private:
  void visit(const Instance& instance);
  const Instance* callee_of(const Instance& instance, const LaunchSite& site);
  const Instance* only_instance(const Instance& instance, const LaunchSite& site);
  void check_call(const Instance& instance, const std::string& task,
                  const Spanned<std::string>& to);
  void check_processors(const Instance& from, const Instance& to, const LaunchSite& site);
  void check_entry_processor(const Instance& entry);
  void report_unreached();

  const Mapping& mapping_;
  const LogicNames& logic_;
  const Machine& machine_;
  Diagnostics& diagnostics_;
  std::set<std::string> reached_;
  std::vector<const Instance*> open_;
};

/// `calls` that name an instance of another task; also those of instances that nothing reaches.
void Walk::check_call(const Instance& instance, const std::string& task,
                      const Spanned<std::string>& to) {
  const TaskNames* caller = logic_.find(instance.task_name.value);
  if (caller == nullptr || !caller->launches_task(task)) return;  // reported by the reader
  const Instance* callee = mapping_.find(to.value);
  if (callee == nullptr || logic_.find(callee->task_name.value) == nullptr) return;
  if (callee->task_name.value == task) return;
  diagnostics_
      .report(to.span, messages::mapping_call_wrong_task, to.value, callee->task_name.value, task)
      .notes.push_back({callee->task_name.span, messages::instance_task_note});
}

const Instance* Walk::only_instance(const Instance& instance, const LaunchSite& site) {
  std::vector<const Instance*> candidates;
  std::vector<std::string> names;
  for (const auto& [name, one] : mapping_.instances) {
    if (one.task_name.value != site.callee) continue;
    candidates.push_back(&one);
    names.push_back(name);
  }
  if (candidates.size() == 1) return candidates[0];
  if (candidates.empty()) {
    // A leaf task needs no instance: its operands are used where its launcher has them.
    const TaskNames* callee = logic_.find(site.callee);
    if (callee == nullptr || callee->task->is_leaf) return nullptr;
    diagnostics_
        .report(instance.name_span, messages::mapping_no_instance, instance.name, site.callee)
        .notes.push_back({site.span, messages::launch_here_note});
    return nullptr;
  }
  Diagnostic& fault =
      diagnostics_.report(instance.name_span, messages::mapping_ambiguous_instance, instance.name,
                          site.callee, fmt::join(names, ", "), names[0]);
  fault.notes.push_back({site.span, messages::launch_here_note});
  for (const Instance* one : candidates) {
    fault.notes.push_back({one->name_span, messages::candidate_note});
    reached_.insert(one->name);  // not chosen, but not forgotten either
  }
  return nullptr;
}

const Instance* Walk::callee_of(const Instance& instance, const LaunchSite& site) {
  const auto chosen = instance.calls.find(site.callee);
  if (chosen != instance.calls.end()) return mapping_.find(chosen->second.value);
  return only_instance(instance, site);
}

void Walk::check_processors(const Instance& from, const Instance& to, const LaunchSite& site) {
  const ProcessorSpec* launcher = machine_.find_processor(from.processor.value);
  const std::string& target = to.processor.value;
  if (launcher == nullptr || target.empty()) return;
  const auto& able = launcher->launches;
  if (std::find(able.begin(), able.end(), target) != able.end()) return;
  Diagnostic& fault = diagnostics_.report(
      from.processor.span, messages::mapping_cannot_launch, from.name, launcher->name, to.name,
      target, able.empty() ? "nothing" : fmt::format("{}", fmt::join(able, ", ")));
  fault.notes.push_back({to.processor.span, messages::processor_note});
  fault.notes.push_back({site.span, messages::launch_here_note});
}

void Walk::check_entry_processor(const Instance& entry) {
  const ProcessorSpec* host = machine_.find_processor("HOST");
  const std::string& name = entry.processor.value;
  if (host == nullptr || name.empty() || name == host->name) return;
  const auto& able = host->launches;
  if (std::find(able.begin(), able.end(), name) != able.end()) return;
  diagnostics_.report(entry.processor.span, messages::mapping_entry_processor, name,
                      fmt::join(able, ", "));
}

void Walk::visit(const Instance& instance) {
  const TaskNames* task = logic_.find(instance.task_name.value);
  if (task == nullptr) return;
  for (const LaunchSite& site : task->callees()) {
    const Instance* callee = callee_of(instance, site);
    if (callee == nullptr) continue;
    check_processors(instance, *callee, site);
    if (reached_.insert(callee->name).second) open_.push_back(callee);
  }
}

void Walk::report_unreached() {
  for (const auto& [name, instance] : mapping_.instances) {
    if (reached_.count(name) != 0) continue;
    diagnostics_.report(instance.name_span, messages::mapping_unreached, name);
  }
}

void Walk::run() {
  for (const auto& [name, instance] : mapping_.instances) {
    for (const auto& [task, to] : instance.calls) check_call(instance, task, to);
  }
  const Instance* entry = mapping_.find(mapping_.entrypoint.value);
  if (entry == nullptr) return;
  check_entry_processor(*entry);
  reached_.insert(entry->name);
  open_.push_back(entry);
  while (!open_.empty()) {
    const Instance* next = open_.back();
    open_.pop_back();
    visit(*next);
  }
  report_unreached();
}

}  // namespace

void check_launches(const Mapping& mapping, const LogicNames& logic, const Machine& machine,
                    Diagnostics& diagnostics) {
  Walk(mapping, logic, machine, diagnostics).run();
}

}  // namespace septran::mapping
