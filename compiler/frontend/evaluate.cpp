// Statements of a task: assignments, loops, conditions, asserts.
#include "compiler/frontend/evaluate.h"

#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/eval_evaluator.h"

namespace septran::lang {
namespace {

void collect_assigned(const Block& block, std::vector<std::string>& names) {
  for (const Statement& statement : block) {
    if (const auto* assign = std::get_if<Assign>(&statement.node)) {
      for (const NameTarget& target : assign->targets) names.push_back(target.name);
    } else if (const auto* loop = std::get_if<For>(&statement.node)) {
      for (const NameTarget& target : loop->targets) names.push_back(target.name);
      collect_assigned(*loop->body, names);
    } else if (const auto* branches = std::get_if<If>(&statement.node)) {
      for (const IfBranch& branch : branches->branches) collect_assigned(*branch.body, names);
    }
  }
}

const char* const loop_reason =
    "it is assigned in a loop, and does not outlive an iteration; keep values in a task.tensor, or "
    "compute them from the loop variable";
const char* const branch_reason =
    "it differs between the branches of an if on loop variables; use it inside the branches";

}  // namespace

Evaluator::Evaluator(const Module& module, VarTable& vars, Visitor& visitor,
                     Diagnostics& diagnostics, const EvaluateOptions& options)
    : module_(module),
      vars_(vars),
      visitor_(visitor),
      options_(options),
      checker_(vars, diagnostics, options) {}

bool Evaluator::run(const EntryBinding& entry, std::span<const std::uint32_t> roots) {
  evaluate_constants();
  Frame frame;
  frame.task = entry.task;
  for (const auto& [name, value] : entry.dimensions) frame.names[name] = {Expr(value)};
  for (std::size_t p = 0; p < entry.arguments.size(); ++p) {
    const std::string& name = entry.task->parameters[p].name;
    const EntryArgument& argument = entry.arguments[p];
    if (const auto* tensor = std::get_if<EntryTensor>(&argument)) {
      const std::vector<Expr> shape(tensor->shape.begin(), tensor->shape.end());
      roots_[roots[p]] = {name, shape, std::nullopt, 0};
      frame.names[name] = {TensorValue{roots[p], full_view(shape), tensor->dtype, false}};
    } else if (const auto* integer = std::get_if<std::int64_t>(&argument)) {
      frame.names[name] = {Expr(*integer)};
    } else if (const auto* number = std::get_if<double>(&argument)) {
      frame.names[name] = {*number};
    } else {
      frame.names[name] = {Cond(std::get<bool>(argument))};
    }
  }
  frame_ = &frame;
  open_ = {&accesses_};
  run_block(entry.task->body);
  frame_ = nullptr;
  if (!checker_.failed() && options_.check_accesses) {
    AccessRoots known;
    for (const auto& [root, info] : roots_) known[root] = {info.name, info.shape};
    check_parallel_loops(accesses_, known, checker_);
    check_written_before_read(accesses_, known, checker_);
  }
  return !checker_.failed();
}

void Evaluator::evaluate_constants() {
  for (const Constant& constant : module_.constants) {
    constants_[constant.name] = eval(*constant.value);
  }
}

void Evaluator::run_block(const Block& block) {
  for (const Statement& statement : block) {
    if (checker_.stopped()) return;
    run_statement(statement);
  }
}

void Evaluator::run_statement(const Statement& statement) {
  if (options_.statement_limit > 0 && ++statements_ > options_.statement_limit) {
    if (statements_ == options_.statement_limit + 1) {
      checker_.report(statement.span, messages::too_many_statements, options_.statement_limit);
    }
    return;
  }
  constexpr std::size_t depth_limit = 1000;
  if (depth_ >= depth_limit) {
    checker_.report(statement.span, messages::too_complex);
    return;
  }
  ++depth_;
  if (const auto* node = std::get_if<Assign>(&statement.node)) run_assign(*node);
  if (const auto* node = std::get_if<For>(&statement.node)) run_for(*node, statement.span);
  if (const auto* node = std::get_if<If>(&statement.node)) run_if(*node, 0, statement.span);
  if (const auto* node = std::get_if<Assert>(&statement.node)) run_assert(*node);
  if (const auto* node = std::get_if<Launch>(&statement.node)) run_launch(*node, statement.span);
  if (const auto* node = std::get_if<PrimitiveCall>(&statement.node)) {
    run_primitive(*node, statement.span);
  }
  --depth_;
}

void Evaluator::run_assign(const Assign& assign) {
  Value value;
  const auto* call = std::get_if<Call>(&assign.value->node);
  if (!assign.unpack && call != nullptr && call->from_module && call->function == "tensor") {
    value = call_tensor(*call, assign.value->span, assign.targets[0].name);
  } else {
    value = eval(*assign.value);
  }
  for (const NameTarget& target : assign.targets) frame().tunables.erase(target.name);
  if (!assign.unpack) {
    if (call != nullptr && call->from_module && call->function == "tunable") {
      frame().tunables[assign.targets[0].name] = tunable_name(*call);
    }
    frame().names[assign.targets[0].name] = std::move(value);
    return;
  }
  const auto* items = value.get<SequenceValue>();
  if (items == nullptr) {
    wrong_type("a tuple", value, assign.value->span);
  } else if (items->size() != assign.targets.size()) {
    checker_.report(assign.value->span, messages::unpack_count, assign.targets.size(),
                    items->size());
    items = nullptr;
  }
  for (std::size_t i = 0; i < assign.targets.size(); ++i) {
    frame().names[assign.targets[i].name] = items != nullptr ? (*items)[i] : Value{};
  }
}

void Evaluator::run_assert(const Assert& statement) {
  const Span span = statement.condition->span;
  const auto condition = to_condition(eval(*statement.condition), span);
  if (!condition) return;
  const std::string message = statement.message.empty() ? "" : ": " + statement.message;
  checker_.require(*condition, span, messages::assertion_failed, message);
}

const std::vector<std::string>& Evaluator::assigned_names(const Block& block) {
  const auto [at, is_new] = assigned_.try_emplace(&block);
  if (is_new) {
    collect_assigned(block, at->second);
    std::sort(at->second.begin(), at->second.end());
    at->second.erase(std::unique(at->second.begin(), at->second.end()), at->second.end());
  }
  return at->second;
}

/// One extent a variable, as integers or a shape; or start and stop, likewise.
bool Evaluator::loop_bounds(const For& loop, std::vector<Expr>& begins, std::vector<Expr>& ends) {
  const std::size_t count = loop.targets.size();
  std::vector<std::vector<Expr>> arguments;
  bool valid = true;
  bool any_sequence = false;
  for (const ExpressionPtr& argument : loop.arguments) {
    const Value value = eval(*argument);
    any_sequence = any_sequence || value.get<SequenceValue>() != nullptr;
    auto extents = to_integers(value, argument->span, "an extent or a shape");
    valid = valid && extents.has_value();
    if (extents) arguments.push_back(std::move(*extents));
  }
  if (!valid) return false;
  const bool start_and_stop = arguments.size() == 2 && arguments[0].size() == count &&
                              arguments[1].size() == count && (any_sequence || count == 1);
  if (start_and_stop) {
    begins = arguments[0];
    ends = arguments[1];
  } else if (arguments.size() == 1 && arguments[0].size() == count) {
    ends = arguments[0];
  } else if (!any_sequence && arguments.size() == count) {
    for (const auto& extent : arguments) ends.push_back(extent[0]);
  } else {
    std::size_t given = 0;
    for (const auto& extents : arguments) given += extents.size();
    checker_.report(loop.range_span, messages::loop_bounds, count, given);
    return false;
  }
  if (begins.empty()) begins.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    begins[i] = vars_.simplify(begins[i]);
    ends[i] = vars_.simplify(ends[i]);
  }
  return true;
}

void Evaluator::run_for(const For& loop, Span span) {
  LoopRequest request{loop, loop.kind, {}, {}, {}, span};
  for (const NameTarget& target : loop.targets) request.names.push_back(target.name);
  std::vector<std::string> assigned = assigned_names(*loop.body);
  const bool valid = loop_bounds(loop, request.begins, request.ends);
  if (valid) {
    bool runs = true;
    for (std::size_t i = 0; i < request.begins.size(); ++i) {
      runs = runs && Cond::lt(request.begins[i], request.ends[i]).decide(vars_) != false;
    }
    if (runs) {
      visitor_.loop(request, [&](std::span<const Expr> indices) {
        return run_iteration(loop, indices, assigned);
      });
    }
  }
  assigned.insert(assigned.end(), request.names.begin(), request.names.end());
  for (const std::string& name : assigned) {
    frame().names[name] = valid ? Value{UnavailableValue{loop_reason}} : Value{};
  }
}

bool Evaluator::run_iteration(const For& loop, std::span<const Expr> indices,
                              const std::vector<std::string>& assigned) {
  for (const std::string& name : assigned) {
    frame().names[name] = {UnavailableValue{loop_reason}};
  }
  ActiveLoop active{loop.kind, {}};
  for (std::size_t i = 0; i < indices.size(); ++i) {
    frame().names[loop.targets[i].name] = {indices[i]};
    if (!indices[i].is_constant()) active.vars.push_back(indices[i].terms()[0].atom.var);
  }
  for (const VarId id : active.vars) checker_.push_var(id);
  const std::size_t loop_vars = active.vars.size();
  if (options_.check_accesses) {
    AccessNode node;
    node.span = loop.range_span;
    node.vars = active.vars;
    node.parallel = loop.kind == LoopKind::parallel;
    node.launch_depth = chain_.size();
    // A node is complete when it is attached, so that pointers to open ones stay good.
    AccessNode* parent = open_.back();
    open_.push_back(&node);
    loops_.push_back(std::move(active));
    run_block(*loop.body);
    open_.pop_back();
    if (!node.children.empty()) parent->children.push_back(std::move(node));
  } else {
    loops_.push_back(std::move(active));
    run_block(*loop.body);
  }
  loops_.pop_back();
  for (std::size_t i = 0; i < loop_vars; ++i) checker_.pop_var();
  return !checker_.stopped();
}

void Evaluator::run_if(const If& statement, std::size_t branch, Span span) {
  for (; branch < statement.branches.size(); ++branch) {
    const IfBranch& at = statement.branches[branch];
    if (!at.condition) return run_block(*at.body);
    const auto condition = to_condition(eval(*at.condition), at.condition->span);
    if (!condition) {  // errors inside would be about branches that may not be taken
      for (const IfBranch& other : statement.branches) {
        for (const std::string& name : assigned_names(*other.body)) frame().names[name] = {};
      }
      return;
    }
    const auto decided = condition->decide(vars_);
    if (decided == true) return run_block(*at.body);
    if (decided == false) continue;
    return run_symbolic_if(statement, branch, *condition, span);
  }
}

void Evaluator::run_symbolic_if(const If& statement, std::size_t branch, const Cond& condition,
                                Span span) {
  const auto before = frame().names;
  auto after_then = before;
  const auto run_side = [&](const Cond& side, const std::function<void()>& body) {
    AccessNode node;
    node.kind = AccessNode::Kind::condition;
    node.condition = side;
    AccessNode* parent = open_.back();
    open_.push_back(&node);
    checker_.push_condition(side);
    body();
    checker_.pop_condition();
    open_.pop_back();
    if (!node.children.empty()) parent->children.push_back(std::move(node));
  };
  visitor_.branch(
      condition, span,
      [&] {
        run_side(condition, [&] { run_block(*statement.branches[branch].body); });
        after_then = std::exchange(frame().names, before);
      },
      [&] {
        run_side(condition.negated(), [&] {
          if (depth_ < 1000) {
            ++depth_;
            run_if(statement, branch + 1, span);
            --depth_;
          } else {
            checker_.report(span, messages::too_complex);
          }
        });
      });
  // What both branches leave with one integer value keeps it; the rest of what they assign is lost.
  for (const IfBranch& side : statement.branches) {
    for (const std::string& name : assigned_names(*side.body)) {
      const auto a = after_then.find(name);
      const auto b = frame().names.find(name);
      const bool both = a != after_then.end() && b != frame().names.end();
      const Expr* x = both ? a->second.get<Expr>() : nullptr;
      const Expr* y = both ? b->second.get<Expr>() : nullptr;
      if (x == nullptr || y == nullptr || !(*x == *y)) {
        frame().names[name] = {UnavailableValue{branch_reason}};
      }
    }
  }
}

TensorValue Evaluator::base_tensor(const TensorValue& tensor, bool& exact) const {
  TensorValue result = tensor;
  for (;;) {
    const auto at = roots_.find(result.root);
    if (at == roots_.end() || !at->second.parent) return result;
    const TensorValue& parent = *at->second.parent;
    auto composed = exact ? compose(parent.view, result.view) : std::nullopt;
    exact = composed.has_value();
    if (composed) {
      result.view = std::move(*composed);
    } else {
      result.view = parent.view;
    }
    result.root = parent.root;
  }
}

bool evaluate(const Module& module, const EntryBinding& entry, std::span<const std::uint32_t> roots,
              VarTable& vars, Visitor& visitor, Diagnostics& diagnostics,
              const EvaluateOptions& options) {
  SEPTRAN_CHECK(entry.task != nullptr && roots.size() == entry.arguments.size());
  return Evaluator(module, vars, visitor, diagnostics, options).run(entry, roots);
}

}  // namespace septran::lang
