// The parts of check_module.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/language.h"
#include "compiler/frontend/task_tree.h"
#include "compiler/primitives/primitives.h"

namespace septran::lang {

enum class NameKind { constant, task, parameter, dimension, loop_variable, local };
struct NameInfo {
  NameKind kind = NameKind::local;
  Span span;
};
using Names = std::map<std::string, NameInfo, std::less<>>;

/// What all checks share: the names of the file, and a report that stops at the limit.
class CheckContext {
 public:
  CheckContext(const Module& module, std::size_t error_limit, Diagnostics& diagnostics)
      : module_(module), error_limit_(error_limit), diagnostics_(diagnostics) {}

  [[nodiscard]] const Module& module() const { return module_; }
  [[nodiscard]] bool full() const { return diagnostics_.error_count() >= error_limit_; }
  [[nodiscard]] std::size_t error_count() const { return diagnostics_.error_count(); }
  template <typename... Args>
  Diagnostic& report(Span span, const Message& message, const Args&... args) {
    return diagnostics_.report(span, message, args...);
  }
  /// Whether the name belongs to the language: its alias or a function without prefix (reported).
  bool report_if_reserved(std::string_view name, Span span);
  /// Enters the constants and tasks of the file, which must differ from each other and the alias.
  void collect_names();
  [[nodiscard]] const Names& file_names() const { return names_; }
  [[nodiscard]] const Task* find_task(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> task_names() const;

 private:
  const Module& module_;
  std::size_t error_limit_;
  Diagnostics& diagnostics_;
  Names names_;
  std::map<std::string, const Task*, std::less<>> tasks_;
};

/// Checks the expressions of one task or of the file's constants; knows which names have a value at
/// the point of the program that has been reached.
class ExpressionChecker {
 public:
  /// `task` is null for constants.
  ExpressionChecker(CheckContext& context, const Task* task) : context_(context), task_(task) {}

  /// A value; null pointers are let pass.
  void value(const ExpressionPtr& expression) {
    if (expression) value(*expression);
  }
  void value(Expression& expression);
  Names& names() { return names_; }
  [[nodiscard]] const Names& names() const { return names_; }
  /// Names that are assigned somewhere in the task, for what is said about one that has no value.
  Names& all_locals() { return all_locals_; }

 private:
  void name(const NameRef& ref, Span span);
  void unknown_name(const std::string& name, Span span);
  void attribute(Attribute& attribute);
  void module_attribute(const ModuleAttribute& attribute, Span span);
  void call(Call& call, Span span);
  void unknown_function(const Call& call);
  void misplaced_function(const Call& call, const Function& function);
  void call_arguments(Call& call, const Function& function, Span span);
  void make_positional(Call& call, const Function& function);
  void partition_arguments(const Call& call);
  void literal_arguments(const Call& call);

  CheckContext& context_;
  const Task* task_;
  Names names_;
  Names all_locals_;
  std::set<std::string, std::less<>> reported_;
};

/// Operands and attributes of a primitive call, by the table. Puts the call into one form.
void check_primitive_call(PrimitiveCall& call, CheckContext& context);
/// Arguments of a launch against the callee's parameters.
void check_launch(const Launch& launch, CheckContext& context);
/// Cycles in the launch graph, and chains of launches that are too long.
void check_launch_graph(CheckContext& context);
/// One task: signature, statements.
void check_task(Task& task, CheckContext& context);

/// "a number", "a string", ... of a literal that can be neither tensor nor name; empty otherwise.
std::string_view literal_kind(const Expression& expression);

}  // namespace septran::lang
