#include "compiler/explain/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/passes/implementations.h"

namespace septran::explain {
namespace {

using mapping::Instance;
using mapping::Mapping;
using tile::Program;
using tile::Statement;

std::string key_place(const Subject& subject, Span key, const Instance& instance) {
  return subject.sources.file_line(key.valid() ? key : instance.name_span);
}

void set_pipeline(Mapping& mapping, const std::string& name, int depth) {
  Instance& instance = mapping.instances.at(name);
  const Span span = instance.pipeline ? instance.pipeline->span : instance.name_span;
  instance.pipeline = mapping::Spanned<int>{depth, span};
}

void set_rotate(Mapping& mapping, const std::string& name, const std::string& tensor, int depth) {
  Instance& instance = mapping.instances.at(name);
  auto& entry = instance.rotate[tensor];
  entry.value = depth;
  if (!entry.span.valid()) entry.span = instance.name_span;
}

std::string name_list(const std::set<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::vector<Candidate> pipeline_candidates(const Subject& subject, const std::vector<Site>& sites,
                                           const Explanation& so_far) {
  const Program& program = subject.program;
  struct Streams {
    DepthKey key;
    std::set<std::string> tensors;
    bool queue_limits = false;
  };
  std::map<std::string, Streams> by_instance;
  for (const Site& site : sites) {
    const auto* alloc = site.as<tile::Alloc>();
    if (alloc == nullptr || !site.statement->origin.rule.starts_with("stream ")) continue;
    const tile::Tensor& buffer = program[alloc->tensor];
    const auto key = depth_key(subject, buffer, false);
    if (!key) continue;
    Streams& streams = by_instance[key->instance];
    streams.key = *key;
    streams.tensors.insert(placed_by(subject.mapping, buffer.origin).name);
    for (const AheadNote& ahead : so_far.ahead) {
      if (ahead.buffer == buffer.name) streams.queue_limits |= ahead.slots >= ahead.useful;
    }
  }
  std::vector<Candidate> candidates;
  for (const auto& [name, streams] : by_instance) {
    const int depth = streams.key.value;
    if (depth >= 16 || streams.queue_limits) continue;
    Candidate c;
    if (depth > 1) c.needs = Candidate::Needs::less_work;
    const Instance& instance = subject.mapping.instances.at(name);
    c.edits = {
        {name, "pipeline", fmt::format("{}", depth + 1),
         key_place(subject, instance.pipeline ? instance.pipeline->span : Span{}, instance)}};
    c.reason = depth == 1 ? fmt::format(
                                "{} come{} in one slot: the next part is loaded only when the last "
                                "one has been used; with two, loading and computing overlap",
                                name_list(streams.tensors), streams.tensors.size() == 1 ? "s" : "")
                          : fmt::format("one more part of {} may be on its way",
                                        name_list(streams.tensors));
    c.apply = [name = name, depth](Mapping& m) { set_pipeline(m, name, depth + 1); };
    candidates.push_back(std::move(c));
  }
  return candidates;
}

std::vector<Candidate> rotate_candidates(const Subject& subject, const std::vector<Site>& sites) {
  const Program& program = subject.program;
  std::vector<Candidate> candidates;
  for (const Site& site : sites) {
    const auto* alloc = site.as<tile::Alloc>();
    const Statement* loop = innermost_loop(program, site);
    if (alloc == nullptr || loop == nullptr || program[alloc->tensor].depth > 1) continue;
    const tile::Tensor& buffer = program[alloc->tensor];
    if (!is_written(sites, alloc->tensor)) continue;
    const auto& owner = std::get<tile::Loop>(loop->node);
    const std::string var = program.vars[owner.var].name;
    const tile::Ordered* wait = nullptr;  // of the next trip, for the end of this one
    std::string first;
    std::string second;
    for (const tile::Event& event : program.events) {
      for (const tile::Ordered& o : event.orders) {
        if (wait != nullptr || o.distance != 1 || o.loop != var) continue;
        if (o.source_tensor != alloc->tensor || o.target_tensor != alloc->tensor) continue;
        wait = &o;
        first = event.signaller;
        second = event.waiter;
      }
    }
    const auto key = depth_key(subject, buffer, true);
    if (wait == nullptr || !key) continue;
    const Instance& instance = subject.mapping.instances.at(key->instance);
    Candidate c;
    const auto entry = instance.rotate.find(key->name);
    c.edits = {{key->instance, "rotate", fmt::format("{{{}: 2}}", key->name),
                key_place(subject, entry == instance.rotate.end() ? Span{} : entry->second.span,
                          instance)}};
    c.reason = fmt::format(
        "{} has one slot: {} may begin `{}` of the next trip of {} only when {} has ended "
        "`{}`; with two slots they overlap",
        key->name, second, wait->target.rule, loop_title(program, owner), first, wait->source.rule);
    c.apply = [instance_name = key->instance, tensor = key->name](Mapping& m) {
      set_rotate(m, instance_name, tensor, 2);
    };
    candidates.push_back(std::move(c));
  }
  return candidates;
}

namespace {

const ImplementationSpec* matrix_implementation(const Machine& machine) {
  for (const ImplementationSpec& spec : machine.implementations) {
    if (!spec.matrix_types.empty()) return &spec;
  }
  return nullptr;
}

/// A tensor's entry in `mems`, and the memory that it is to name.
struct Move {
  std::string instance;
  std::string tensor;
  std::string memory;
};

/// The entries that keep operands of a call out of the memories where `matrix` takes them.
std::vector<Move> moves_for(const Subject& subject, const tile::Prim& prim,
                            const ImplementationSpec& matrix, std::vector<Edit>& edits) {
  std::vector<Move> moves;
  if (matrix.operand_memories.empty()) return moves;
  for (std::size_t i = 0; i < prim.operands.size(); ++i) {
    const auto* tile = std::get_if<tile::TileRef>(&prim.operands[i]);
    if (tile == nullptr) continue;
    const auto& allowed = matrix.operand_memories[std::min(i, matrix.operand_memories.size() - 1)];
    const tile::Tensor& tensor = subject.launch_tree[tile->tensor];
    if (std::find(allowed.begin(), allowed.end(), tensor.memory) != allowed.end()) continue;
    const Placed placed = placed_by(subject.mapping, tensor.origin);
    if (placed.instance == nullptr) continue;
    moves.push_back({placed.instance->name, placed.name, allowed.front()});
    edits.push_back({placed.instance->name, "mems",
                     fmt::format("{{{}: {}}}", placed.name, allowed.front()),
                     tensor.origin.mapping});
  }
  return moves;
}

/// Gives the binding that stands at a place another implementation.
void rebind(Mapping& mapping, Span place, const std::string& implementation) {
  const auto change = [&](std::map<std::string, mapping::Binding>& bindings) {
    for (auto& [leaf, binding] : bindings) {
      if (place.valid() && binding.span == place) binding.implementation = implementation;
    }
  };
  change(mapping.leaf_task_bindings);
  for (auto& [name, instance] : mapping.instances) change(instance.leaf_task_bindings);
}

}  // namespace

std::vector<Candidate> implementation_candidates(const Subject& subject) {
  const Program& tree = subject.launch_tree;
  const ImplementationSpec* matrix = matrix_implementation(subject.machine);
  std::vector<Candidate> candidates;
  for (const Site& site : collect_sites(tree)) {
    const auto* prim = site.as<tile::Prim>();
    if (prim == nullptr || prim->primitive->kind != PrimitiveKind::matrix || matrix == nullptr) {
      continue;
    }
    const ImplementationSpec* bound =
        subject.machine.find_implementation(prim->binding.implementation);
    const bool fits = passes::misfit(tree, subject.machine, *matrix, *prim).empty();
    const bool multiplies = bound != nullptr && !bound->matrix_types.empty();
    if (multiplies || (bound == nullptr && fits)) continue;
    Candidate c;
    const std::vector<Move> moves = moves_for(subject, *prim, *matrix, c.edits);
    if (bound != nullptr) {
      c.edits.push_back({"leaf_task_bindings", "impl", matrix->name, prim->binding.mapping_origin});
    }
    if (c.edits.empty()) continue;
    c.reason =
        fmt::format("{} ({}) runs on {}; {} on {} is made for it", prim->primitive->name,
                    site.statement->origin.logic, bound != nullptr ? bound->name : "another engine",
                    matrix->name, matrix->engine);
    c.apply = [moves, place = prim->binding.span, name = matrix->name](Mapping& m) {
      for (const Move& move : moves) {
        m.instances.at(move.instance).mems.at(move.tensor).value = move.memory;
      }
      rebind(m, place, name);
    };
    candidates.push_back(std::move(c));
  }
  return candidates;
}

std::vector<Candidate> resident_candidates(const Subject& subject, const std::vector<Site>& sites) {
  const Program& program = subject.program;
  std::vector<Candidate> candidates;
  std::set<std::string> done;
  for (const Site& site : sites) {
    const auto* copy = site.as<tile::DmaCopy>();
    if (copy == nullptr || !site.statement->origin.rule.starts_with("stream ")) continue;
    const std::vector<VarId> used = dependent_vars(program, copy->src.view);
    std::string again;
    for (const Statement* around : site.around) {
      const tile::Loop* loop = real_loop(program, *around);
      if (loop == nullptr) continue;
      if (loop->workers > 0) again.clear();  // what lies outside is no loop of the launch
      if (loop->workers == 0 && std::find(used.begin(), used.end(), loop->var) == used.end()) {
        again = program.vars[loop->var].name;
      }
    }
    const Placed placed = placed_by(subject.mapping, program[copy->dst.tensor].origin);
    if (again.empty() || placed.instance == nullptr) continue;
    if (!done.insert(placed.instance->name + " " + placed.name).second) continue;
    std::vector<std::string> names;
    for (const auto& entry : placed.instance->resident) names.push_back(entry.value);
    if (std::find(names.begin(), names.end(), placed.name) != names.end()) continue;
    names.push_back(placed.name);
    Candidate c;
    c.needs = Candidate::Needs::less_moved;
    c.edits = {{placed.instance->name, "resident", fmt::format("[{}]", fmt::join(names, ", ")),
                key_place(subject, {}, *placed.instance)}};
    c.reason = fmt::format("{} is streamed again in each trip of loop {}, where it does not change",
                           placed.name, again);
    c.apply = [placed](Mapping& m) {
      m.instances.at(placed.instance->name)
          .resident.push_back({placed.name, placed.instance->name_span});
    };
    candidates.push_back(std::move(c));
  }
  return candidates;
}

std::vector<Candidate> tunable_candidates(const Subject& subject) {
  std::vector<Candidate> candidates;
  for (const auto& [instance_name, instance] : subject.mapping.instances) {
    for (const auto& [name, tunable] : instance.tunables) {
      const auto* value = std::get_if<std::int64_t>(&tunable.value);
      if (value == nullptr) continue;
      for (const std::int64_t changed : {*value * 2, *value / 2}) {
        if (changed < 1 || changed > INT32_MAX) continue;
        Candidate c;
        c.needs = Candidate::Needs::less_work;
        c.edits = {{instance_name, "tunables", fmt::format("{{{}: {}}}", name, changed),
                    key_place(subject, tunable.span, instance)}};
        c.makes_room = changed < *value;
        c.reason = fmt::format("{} parts: {} of {} instead of {}",
                               changed > *value ? "larger" : "smaller", name, changed, *value);
        c.apply = [instance_name = instance_name, name = name, changed](Mapping& m) {
          m.instances.at(instance_name).tunables.at(name).value = changed;
        };
        candidates.push_back(std::move(c));
      }
    }
  }
  return candidates;
}

std::vector<Candidate> traversal_candidates(const Subject& subject) {
  std::vector<Candidate> candidates;
  for (const auto& [name, instance] : subject.mapping.instances) {
    if (instance.workers.kind == mapping::Workers::Kind::number &&
        instance.workers.number < subject.machine.block_count()) {
      Candidate c;
      c.needs = Candidate::Needs::less_work;
      c.edits = {{name, "workers", "all", key_place(subject, instance.workers.span, instance)}};
      c.reason = fmt::format("{} of {} processors work", instance.workers.number,
                             subject.machine.block_count());
      c.apply = [name = name](Mapping& m) {
        m.instances.at(name).workers.kind = mapping::Workers::Kind::all;
      };
      candidates.push_back(std::move(c));
    }
  }
  for (const Site& site : collect_sites(subject.launch_tree)) {
    const auto* parallel = site.as<tile::Parallel>();
    if (parallel == nullptr || parallel->vars.size() < 2) continue;
    const Span owner = site.statement->origin.mapping_span;
    for (const auto& [name, instance] : subject.mapping.instances) {
      if (instance.name_span != owner || !instance.order.group.empty()) continue;
      const std::string var = subject.launch_tree.vars[parallel->vars[0]].name;
      for (const std::int64_t group : {4, 8}) {
        Candidate c;
        c.needs = Candidate::Needs::less_work;
        c.edits = {{name, "order", fmt::format("{{group: {{{}: {}}}}}", var, group),
                    key_place(subject, instance.order.span, instance)}};
        c.reason =
            fmt::format("blocks that are near each other along {} run soon after each other", var);
        c.apply = [name = name, var, group](Mapping& m) {
          m.instances.at(name).order.group[var] = {group, m.instances.at(name).name_span};
        };
        candidates.push_back(std::move(c));
      }
    }
  }
  return candidates;
}

}  // namespace septran::explain
