// What a mapping may refer to in a logic file: names, without evaluating anything.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/frontend/task_tree.h"

namespace septran::mapping {

/// A place where a task launches another, in program order.
struct LaunchSite {
  std::string callee;
  Span span;
  bool in_sequential_loop = false;
};
struct PrimitiveSite {
  std::string primitive;
  Span span;
};
struct LoopVariable {
  std::string name;
  lang::LoopKind kind = lang::LoopKind::sequential;
  Span span;
};

struct TaskNames {
  const lang::Task* task = nullptr;
  std::map<std::string, Span> temporaries;  // assigned from tensor(...)
  std::vector<LaunchSite> launches;
  std::vector<PrimitiveSite> primitives;
  std::vector<LoopVariable> loops;
  std::set<std::string> tunables;  // that it reads, block sizes of partitions included

  [[nodiscard]] const lang::Parameter* find_parameter(const std::string& name) const;
  /// Tensor parameters and temporaries.
  [[nodiscard]] std::vector<std::string> operands() const;
  [[nodiscard]] bool has_operand(const std::string& name) const;
  [[nodiscard]] bool has_loop(lang::LoopKind kind) const;
  [[nodiscard]] std::vector<std::string> loop_names(lang::LoopKind kind) const;
  [[nodiscard]] bool launches_task(const std::string& callee) const;
  /// Each launched task once, in the order of the first launch.
  [[nodiscard]] std::vector<LaunchSite> callees() const;
};

class LogicNames {
 public:
  explicit LogicNames(const lang::Module& module);

  /// Nothing for a task that the file does not have.
  [[nodiscard]] const TaskNames* find(const std::string& task) const;
  [[nodiscard]] std::vector<std::string> tasks() const;
  [[nodiscard]] std::vector<std::string> leaf_tasks() const;
  /// The task and all that it launches, directly or not.
  [[nodiscard]] std::set<std::string> reachable(const std::string& task) const;

 private:
  std::map<std::string, TaskNames> tasks_;
};

}  // namespace septran::mapping
