#include "compiler/frontend/eval_check.h"

#include <algorithm>

#include "compiler/base/messages.h"

namespace septran::lang {
namespace {

/// A walk over the points of some variables, outermost first.
class Enumeration {
 public:
  Enumeration(const VarTable& vars, std::vector<VarId> order, const std::vector<Cond>& conditions,
              std::int64_t& budget, const std::function<bool(const Point&)>& visit)
      : vars_(vars), order_(std::move(order)), budget_(budget), visit_(visit) {
    conditions_at_.resize(order_.size() + 1);
    for (const Cond& condition : conditions) {
      std::vector<VarId> used;
      condition.collect_vars(used);
      std::size_t depth = 0;
      for (const VarId id : used) {
        const auto at = std::lower_bound(order_.begin(), order_.end(), id);
        depth = std::max(depth, static_cast<std::size_t>(at - order_.begin()) + 1);
      }
      conditions_at_[depth].push_back(&condition);
    }
  }

  /// False: over budget.
  bool run() {
    walk(0);
    return !over_budget_;
  }

 private:
  bool walk(std::size_t depth) {  // false: stop
    const auto value = [&](VarId id) { return value_at(point_, id); };
    for (const Cond* condition : conditions_at_[depth]) {
      if (!condition->evaluate(value)) return true;
    }
    if (depth == order_.size()) return visit_(point_);
    const VarInfo& info = vars_[order_[depth]];
    const std::int64_t end = info.end.evaluate(value);
    for (std::int64_t v = info.begin.evaluate(value); v < end; ++v) {
      if (budget_-- <= 0) {
        over_budget_ = true;
        return false;
      }
      point_.emplace_back(order_[depth], v);
      const bool go_on = walk(depth + 1);
      point_.pop_back();
      if (!go_on) return false;
    }
    return true;
  }

  const VarTable& vars_;
  std::vector<VarId> order_;
  std::int64_t& budget_;
  const std::function<bool(const Point&)>& visit_;
  std::vector<std::vector<const Cond*>> conditions_at_;
  Point point_;
  bool over_budget_ = false;
};

/// Adds the variables that bounds of the set depend on.
void close_over_bounds(const VarTable& vars, std::set<VarId>& set) {
  std::vector<VarId> pending(set.begin(), set.end());
  while (!pending.empty()) {
    const VarId id = pending.back();
    pending.pop_back();
    std::vector<VarId> used;
    vars[id].begin.collect_vars(used);
    vars[id].end.collect_vars(used);
    for (const VarId other : used) {
      if (set.insert(other).second) pending.push_back(other);
    }
  }
}

}  // namespace

std::string to_string(const Point& point, const VarTable& vars) {
  std::string text;
  for (const auto& [id, value] : point) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", vars[id].name, value);
  }
  return text;
}

std::int64_t value_at(const Point& point, VarId id) {
  for (const auto& [other, value] : point) {
    if (other == id) return value;
  }
  SEPTRAN_BUG("a variable has no value at a point");
}

bool enumerate(const VarTable& vars, std::vector<VarId> wanted, const std::vector<Cond>& conditions,
               std::int64_t& budget, const std::function<bool(const Point&)>& visit) {
  std::set<VarId> set(wanted.begin(), wanted.end());
  std::vector<bool> taken(conditions.size());
  for (bool grown = true; grown;) {  // conditions that share variables bring in their others
    grown = false;
    close_over_bounds(vars, set);
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      if (taken[i]) continue;
      std::vector<VarId> used;
      conditions[i].collect_vars(used);
      taken[i] = used.empty() ||
                 std::any_of(used.begin(), used.end(), [&](VarId id) { return set.contains(id); });
      if (!taken[i]) continue;
      grown = true;
      set.insert(used.begin(), used.end());
    }
  }
  std::vector<Cond> relevant;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    if (taken[i]) relevant.push_back(conditions[i]);
  }
  return Enumeration(vars, {set.begin(), set.end()}, relevant, budget, visit).run();
}

Checker::Verdict Checker::prove(const Cond& condition, Point& point) const {
  if (condition.constant() == true) return Verdict::holds;
  if (loop_vars_.empty() && conditions_.empty()) {
    return condition.constant() ? Verdict::fails : Verdict::unknown;
  }
  if (condition.decide(vars_) == true) return Verdict::holds;

  std::int64_t budget = options_.enumeration_limit;
  std::vector<VarId> used;
  condition.collect_vars(used);
  bool found = false;
  const bool complete = enumerate(vars_, used, conditions_, budget, [&](const Point& p) {
    found = !condition.evaluate([&](VarId id) { return value_at(p, id); });
    if (found) point = p;
    return !found;
  });
  if (!complete) return Verdict::unknown;
  if (!found) return Verdict::holds;
  // The rest of the loops around must run at all for the fault to be met.
  bool reachable = false;
  if (!enumerate(vars_, loop_vars_, conditions_, budget, [&](const Point&) {
        reachable = true;
        return false;
      })) {
    return Verdict::unknown;
  }
  return reachable ? Verdict::fails : Verdict::holds;
}

void Checker::add_tunable_notes(Diagnostic& diagnostic) const {
  std::set<Span> noted;
  for (auto at = tunables_.lower_bound({diagnostic.span.file, diagnostic.span.begin, 0});
       at != tunables_.end() && at->first.file == diagnostic.span.file; ++at) {
    if (at->first.begin >= diagnostic.span.end) break;
    const auto& [name, place] = at->second;
    if (at->first.end > diagnostic.span.end || !noted.insert(place).second) continue;
    diagnostic.notes.push_back({place, fmt::format(messages::tunable_here_note, name)});
  }
}

bool Checker::is_new(Span span, const Message& message) {
  if (stopped_ || !reported_.emplace(span, message.code).second) return false;
  if (message.severity == Severity::error && ++errors_ > options_.max_errors) {
    stopped_ = true;
    diagnostics_.report(span, messages::too_many_errors, options_.max_errors);
    return false;
  }
  return true;
}

void Checker::add_launch_notes(Diagnostic& diagnostic) const {
  constexpr std::size_t shown = 4;
  std::size_t count = 0;
  for (auto at = launches_.rbegin(); at != launches_.rend() && count < shown; ++at, ++count) {
    diagnostic.notes.push_back({at->first, at->second});
  }
}

std::string Checker::iteration_text(const Point& point) const {
  return fmt::format("in the iteration {}", lang::to_string(point, vars_));
}

std::string Checker::condition_text(const Cond& condition) const {
  return septran::to_string(condition, vars_);
}

const Message& Checker::cannot_prove_message() { return messages::cannot_prove; }

}  // namespace septran::lang
