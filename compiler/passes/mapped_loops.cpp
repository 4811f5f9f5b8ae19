#include "compiler/passes/mapped_loops.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "compiler/passes/rewrite.h"
#include "compiler/passes/split.h"

namespace septran::passes {

using tile::Block;
using tile::Program;
using tile::Statement;

std::string label_of(const mapping::ScheduleEntry& entry) {
  return entry.occurrence == 1 ? entry.callee
                               : fmt::format("{}#{}", entry.callee, entry.occurrence);
}

std::vector<tile::ScheduleStep> schedule_of(const mapping::Instance& instance, const Block& body) {
  std::set<std::string> launched;
  const std::function<void(const Block&)> look = [&](const Block& block) {
    for (const Statement& statement : block) {
      launched.insert(statement.launch);
      if (const auto* branch = std::get_if<tile::If>(&statement.node)) {
        look(branch->then);
        look(branch->otherwise);
      }
    }
  };
  look(body);
  std::vector<tile::ScheduleStep> steps;
  for (const mapping::ScheduleEntry& entry : instance.schedule) {
    if (!launched.contains(label_of(entry))) continue;
    steps.push_back({label_of(entry), entry.trips_earlier, entry.span});
  }
  return steps;
}

void mark_spread(const mapping::Instance& instance, const mapping::TaskNames* task,
                 tile::Prim& prim) {
  SEPTRAN_CHECK(task != nullptr);
  const std::vector<std::string> loops = task->loop_names(lang::LoopKind::sequential);
  auto& marked = prim.binding.spread;
  for (const IterationDim& dim : iteration_space(prim).dims) {
    const auto spread = instance.spread.find(dim.name);
    const bool is_marked = std::any_of(marked.begin(), marked.end(),
                                       [&](const auto& one) { return one.dim == dim.name; });
    if (!dim.reduction || spread == instance.spread.end() || is_marked ||
        std::find(loops.begin(), loops.end(), dim.name) != loops.end()) {
      continue;
    }
    marked.push_back({dim.name, spread->second.value});
    prim.binding.spread_span = spread->second.span;
  }
}

tile::Parallel make_parallel(const Program& program, std::vector<VarId> vars, Block body,
                             const mapping::Instance& instance) {
  tile::Parallel parallel;
  parallel.vars = std::move(vars);
  parallel.body = std::move(body);
  auto* inner =
      parallel.body.size() == 1 ? std::get_if<tile::Parallel>(&parallel.body[0].node) : nullptr;
  const bool joined = inner != nullptr && bounds_independent(program, parallel, *inner);
  if (joined) {
    parallel.vars.insert(parallel.vars.end(), inner->vars.begin(), inner->vars.end());
    Block innermost = std::move(inner->body);
    parallel.body = std::move(innermost);
  }
  using Kind = mapping::Workers::Kind;
  const mapping::Workers& workers = instance.workers;
  parallel.workers = workers.kind == Kind::number ? workers.number
                     : workers.kind == Kind::all  ? -1
                                                  : 0;
  tile::TraversalOrder& order = parallel.order;
  const auto index_of = [&](const std::string& name) {
    std::size_t i = 0;
    while (i < parallel.vars.size() && program.vars[parallel.vars[i]].name != name) ++i;
    return i;
  };
  for (const auto& name : instance.order.loops) {
    if (index_of(name.value) < parallel.vars.size()) order.nest.push_back(index_of(name.value));
  }
  order.group.assign(parallel.vars.size(), 0);
  order.reverse.assign(parallel.vars.size(), false);
  for (std::size_t i = 0; i < parallel.vars.size(); ++i) {
    const std::string& name = program.vars[parallel.vars[i]].name;
    const bool named = std::find(order.nest.begin(), order.nest.end(), i) != order.nest.end();
    if (!order.nest.empty() && !named) order.nest.push_back(i);
    const auto group = instance.order.group.find(name);
    if (group != instance.order.group.end()) order.group[i] = group->second.value;
    for (const auto& reversed : instance.order.reverse) {
      if (reversed.value == name) order.reverse[i] = true;
    }
  }
  return parallel;
}

}  // namespace septran::passes
