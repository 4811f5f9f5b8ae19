// Reports faults once a source place, and proves what must hold for all iterations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "compiler/frontend/evaluate.h"

namespace septran::lang {

/// Values of loop variables: a point of an iteration space.
using Point = std::vector<std::pair<VarId, std::int64_t>>;

/// "i = 3, k = 0".
std::string to_string(const Point& point, const VarTable& vars);

/// Calls `visit` for each point of the iteration space of `wanted` variables (and those that their
/// bounds and the conditions on them depend on) where the conditions that share variables with them
/// hold; outer variables slowest. `visit` returns false to stop. False: more than `budget` points
/// were met; `budget` is reduced by what was used.
bool enumerate(const VarTable& vars, std::vector<VarId> wanted, const std::vector<Cond>& conditions,
               std::int64_t& budget, const std::function<bool(const Point&)>& visit);

/// Value of a variable at a point.
std::int64_t value_at(const Point& point, VarId id);

class Checker {
 public:
  Checker(const VarTable& vars, Diagnostics& diagnostics, const EvaluateOptions& options)
      : vars_(vars), diagnostics_(diagnostics), options_(options) {}

  /// Reports once a place and kind of message; null if it was there before, or past the limit of
  /// errors. Notes of the launches that led here are added.
  template <typename... Args>
  Diagnostic* report(Span span, const Message& message, const Args&... args) {
    if (message.severity == Severity::error) failed_ = true;
    if (!is_new(span, message)) return nullptr;
    Diagnostic& diagnostic = diagnostics_.report(span, message, args...);
    add_tunable_notes(diagnostic);
    add_launch_notes(diagnostic);
    return &diagnostic;
  }

  /// A tunable is used at a place: faults there get a note with the place of its value.
  void use_tunable(Span use, const std::string& name, Span value) {
    tunables_[use] = {name, value};
  }

  /// Whether the condition holds for all iterations of the enclosing loops; if not, reports the
  /// message, with an iteration where it fails, or that it cannot be told.
  template <typename... Args>
  bool require(const Cond& condition, Span span, const Message& message, const Args&... args) {
    return require_noted(condition, {}, span, message, args...);
  }
  /// The same with notes for the message.
  template <typename... Args>
  bool require_noted(const Cond& condition, std::vector<DiagnosticNote> notes, Span span,
                     const Message& message, const Args&... args) {
    if (condition.constant() == true) return true;
    Point point;
    const Verdict verdict = prove(condition, point);
    if (verdict == Verdict::holds) return true;
    Diagnostic* diagnostic = nullptr;
    if (verdict == Verdict::fails) {
      diagnostic = report(span, message, args...);
      if (!point.empty()) notes.insert(notes.begin(), {span, iteration_text(point)});
    } else {
      diagnostic = report(span, cannot_prove_message(), options_.enumeration_limit,
                          condition_text(condition));
    }
    if (diagnostic != nullptr) {
      diagnostic->notes.insert(diagnostic->notes.begin(), notes.begin(), notes.end());
    }
    return false;
  }

  enum class Verdict { holds, fails, unknown };
  /// `point` is one where it fails.
  Verdict prove(const Cond& condition, Point& point) const;

  void push_condition(const Cond& condition) { conditions_.push_back(condition); }
  void pop_condition() { conditions_.pop_back(); }
  void push_var(VarId id) { loop_vars_.push_back(id); }
  void pop_var() { loop_vars_.pop_back(); }
  void push_launch(Span span, std::string text) { launches_.emplace_back(span, std::move(text)); }
  void pop_launch() { launches_.pop_back(); }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] const VarTable& vars() const { return vars_; }
  [[nodiscard]] const std::vector<Cond>& conditions() const { return conditions_; }
  [[nodiscard]] const std::vector<VarId>& loop_vars() const { return loop_vars_; }
  [[nodiscard]] const EvaluateOptions& options() const { return options_; }
  [[nodiscard]] std::string text(const Expr& e) const { return septran::to_string(e, vars_); }

 private:
  bool is_new(Span span, const Message& message);
  void add_launch_notes(Diagnostic& diagnostic) const;
  void add_tunable_notes(Diagnostic& diagnostic) const;
  [[nodiscard]] std::string iteration_text(const Point& point) const;
  [[nodiscard]] std::string condition_text(const Cond& condition) const;
  static const Message& cannot_prove_message();

  const VarTable& vars_;
  Diagnostics& diagnostics_;
  const EvaluateOptions& options_;
  std::vector<Cond> conditions_;
  std::vector<VarId> loop_vars_;
  std::vector<std::pair<Span, std::string>> launches_;
  std::map<Span, std::pair<std::string, Span>> tunables_;  // by use: name, place of its value
  std::set<std::pair<Span, std::string>> reported_;
  std::size_t errors_ = 0;
  bool failed_ = false;
  bool stopped_ = false;
};

}  // namespace septran::lang
