// Orders of a trip's launches in which no engine waits for another within the trip.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/explain/candidates.h"

namespace septran::explain {
namespace {

using tile::Statement;

/// The task in whose text a place lies.
const lang::Task* task_at(const lang::Module& module, Span place) {
  const lang::Task* found = nullptr;
  if (!place.valid() || place.file != module.file) return nullptr;
  for (const lang::Task& task : module.tasks) {
    if (task.name_span.begin <= place.begin) found = &task;
  }
  return found;
}

/// The loop of the logic file that a loop of the launch tree was made from.
const lang::Statement* find_loop(const lang::Block& block, Span span) {
  for (const lang::Statement& statement : block) {
    if (const auto* loop = std::get_if<lang::For>(&statement.node)) {
      if (statement.span == span || loop->range_span == span) return &statement;
      if (const auto* inner = find_loop(*loop->body, span)) return inner;
    }
    if (const auto* branch = std::get_if<lang::If>(&statement.node)) {
      for (const lang::IfBranch& b : branch->branches) {
        if (const auto* inner = find_loop(*b.body, span)) return inner;
      }
    }
  }
  return nullptr;
}

/// Appends the callees of a block's launches, those under conditions included, in order. False if
/// some stand in a loop of their own.
bool collect_callees(const lang::Module& module, const lang::Block& block,
                     std::vector<const lang::Task*>& out) {
  bool fine = true;
  for (const lang::Statement& statement : block) {
    if (std::holds_alternative<lang::For>(statement.node)) return false;
    if (const auto* launch = std::get_if<lang::Launch>(&statement.node)) {
      out.push_back(module.find(launch->callee));
    } else if (const auto* branch = std::get_if<lang::If>(&statement.node)) {
      for (const lang::IfBranch& b : branch->branches) {
        fine = fine && collect_callees(module, *b.body, out);
      }
    }
  }
  return fine;
}

/// The callees of a loop's launches that the program has, in order; nothing if one occurs twice.
std::vector<const lang::Task*> callees_of(const lang::Module& module, const lang::For& loop,
                                          const std::vector<Site>& sites) {
  std::vector<const lang::Task*> callees;
  if (!collect_callees(module, *loop.body, callees)) return {};
  std::erase_if(callees, [&](const lang::Task* callee) {
    return callee == nullptr || std::none_of(sites.begin(), sites.end(), [&](const Site& site) {
             return task_at(module, site.statement->origin.logic_span) == callee;
           });
  });
  const std::set<const lang::Task*> once(callees.begin(), callees.end());
  return once.size() == callees.size() ? callees : std::vector<const lang::Task*>{};
}

/// The engine that computes a launch: the matrix engine if it takes part.
std::string engine_of(const Subject& subject, const std::vector<Site>& sites,
                      const lang::Task& callee) {
  std::string found;
  for (const Site& site : sites) {
    const EngineSpec* engine = subject.machine.find_engine(site.statement->engine);
    const Span place = site.statement->origin.logic_span;
    if (engine == nullptr || task_at(subject.module, place) != &callee) continue;
    if (site.as<tile::Mma>() != nullptr) return engine->name;
    if (site.as<tile::Vec>() != nullptr) found = engine->name;
  }
  return found;
}

/// Whether an event makes one launch wait for another of the same trip.
bool waits_for(const Subject& subject, const lang::Task& later, const lang::Task& earlier) {
  for (const tile::Event& event : subject.program.events) {
    for (const tile::Ordered& o : event.orders) {
      if (o.distance == 0 && task_at(subject.module, o.source.logic_span) == &earlier &&
          task_at(subject.module, o.target.logic_span) == &later) {
        return true;
      }
    }
  }
  return false;
}

/// Launches of a trip that engine E runs, that then wait for engine F, then are waited for by E
/// again: the last ones may be those of the trip before, so that E has work while F is busy.
std::optional<std::pair<std::size_t, std::size_t>> find_turn(
    const Subject& subject, const std::vector<Site>& sites,
    const std::vector<const lang::Task*>& callees) {
  std::vector<std::string> engines;
  for (const lang::Task* callee : callees) {
    engines.push_back(engine_of(subject, sites, *callee));
  }
  for (std::size_t i = 0; i < callees.size(); ++i) {
    for (std::size_t j = i + 1; j < callees.size(); ++j) {
      if (engines[j].empty() || engines[j] == engines[i]) continue;
      if (!waits_for(subject, *callees[j], *callees[i])) continue;
      for (std::size_t k = j + 1; k < callees.size(); ++k) {
        if (engines[k] == engines[i] && waits_for(subject, *callees[k], *callees[j])) {
          return std::pair(j, k);
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<Candidate> schedule_candidates(const Subject& subject, const std::vector<Site>& sites) {
  std::vector<Candidate> candidates;
  std::set<std::string> done;
  for (const Site& site : collect_sites(subject.launch_tree)) {
    if (site.as<tile::Loop>() == nullptr) continue;
    const mapping::Instance* instance = nullptr;
    for (const auto& [name, candidate] : subject.mapping.instances) {
      if (candidate.name_span == site.statement->origin.mapping_span) instance = &candidate;
    }
    if (instance == nullptr || !instance->schedule.empty()) continue;
    const lang::Task* task = subject.module.find(instance->task_name.value);
    const lang::Statement* loop =
        task == nullptr ? nullptr : find_loop(task->body, site.statement->origin.logic_span);
    if (loop == nullptr || !done.insert(instance->name).second) continue;
    const auto callees = callees_of(subject.module, std::get<lang::For>(loop->node), sites);
    const auto turn = find_turn(subject, sites, callees);
    if (!turn) continue;
    const auto [second, third] = *turn;
    std::vector<mapping::ScheduleEntry> schedule;
    std::vector<std::string> words;
    const auto take = [&](std::size_t begin, std::size_t end, int earlier) {
      for (std::size_t i = begin; i < end; ++i) {
        schedule.push_back({callees[i]->name, 1, earlier, instance->name_span});
        words.push_back(callees[i]->name + (earlier == 0 ? "" : fmt::format("@-{}", earlier)));
      }
    };
    take(0, second, 0);
    take(third, callees.size(), 1);
    take(second, third, 0);
    Candidate c;
    c.edits = {{instance->name, "schedule", fmt::format("[{}]", fmt::join(words, ", ")),
                subject.sources.file_line(instance->name_span)}};
    c.reason = fmt::format(
        "within a trip, {} waits for {} and is waited for by {}: with {} of the trip before, both "
        "engines have work at the same time",
        callees[second]->name, callees[second - 1]->name, callees[third]->name,
        callees[third]->name);
    c.apply = [name = instance->name, schedule](mapping::Mapping& m) {
      m.instances.at(name).schedule = schedule;
    };
    candidates.push_back(std::move(c));
  }
  return candidates;
}

}  // namespace septran::explain
