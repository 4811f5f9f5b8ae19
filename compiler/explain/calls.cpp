// What executes each primitive call, and what was passed over; how much work each engine has.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/explain/parts.h"
#include "compiler/passes/fold_fill.h"
#include "compiler/passes/implementations.h"

namespace septran::explain {
namespace {

using tile::Prim;
using tile::Program;
using tile::Statement;
using tile::TileRef;

std::string call_text(const Program& tree, const Prim& prim) {
  std::vector<std::string> operands;
  for (const tile::Operand& operand : prim.operands) {
    if (const auto* tile = std::get_if<TileRef>(&operand)) {
      const tile::Tensor& tensor = tree[tile->tensor];
      operands.push_back(fmt::format("{} ({} {})", tensor.name, tensor.memory, name(tensor.dtype)));
    }
  }
  return fmt::format("{} {}", prim.primitive->name, fmt::join(operands, ", "));
}

bool executes(const ImplementationSpec& implementation, const Prim& prim) {
  const auto& names = implementation.primitives;
  return std::find(names.begin(), names.end(), prim.primitive->name) != names.end() ||
         std::find(names.begin(), names.end(), "*") != names.end();
}

/// Who made the loops that cut the call.
std::string cut_text(const Subject& subject, const std::vector<Site>& sites, const Statement& call,
                     const Prim& prim) {
  std::vector<std::string> cuts;
  for (const Site& site : sites) {
    const tile::Loop* loop = site.as<tile::Loop>();
    if (loop == nullptr || !site.statement->origin.rule.starts_with("split ")) continue;
    if (site.statement->origin.logic_span != call.origin.logic_span) continue;
    const VarInfo& info = subject.program.vars[loop->var];
    const std::string text = fmt::format("{} into {} parts", site.statement->origin.rule.substr(6),
                                         to_string(info.end - info.begin, subject.program.vars));
    if (std::find(cuts.begin(), cuts.end(), text) == cuts.end()) cuts.push_back(text);
  }
  if (cuts.empty()) return {};
  return fmt::format("cuts {}, {}", fmt::join(cuts, ", "),
                     prim.binding.split.empty()
                         ? "so that what is streamed fits and starts early (no `split` is given)"
                         : "as `split` says");
}

CallNote call_note(const Subject& subject, const std::vector<Site>& sites,
                   const Statement& statement, const Prim& prim) {
  const Program& tree = subject.launch_tree;
  const Machine& machine = subject.machine;
  CallNote note;
  note.text = call_text(tree, prim);
  note.place = place_of(statement.origin);
  const ImplementationSpec* bound = machine.find_implementation(prim.binding.implementation);
  if (bound != nullptr && !executes(*bound, prim)) bound = nullptr;
  const EngineSpec* bound_engine = bound == nullptr ? nullptr : machine.find_engine(bound->engine);
  if (passes::is_copy_between_memories(tree, machine, prim) &&
      (bound == nullptr || (bound_engine != nullptr && bound_engine->kind == EngineKind::dma))) {
    const auto& dst = tree[std::get<TileRef>(prim.operands[0]).tensor];
    const auto& src = tree[std::get<TileRef>(prim.operands[1]).tensor];
    const PathSpec* path = machine.find_path(src.memory, dst.memory);
    note.implementation = "dma_copy";
    note.engine = path->engine;
    note.why = fmt::format("a path leads from {} to {}", src.memory, dst.memory);
    if (!path->via.empty()) note.why += fmt::format(", through {}", path->via);
    return note;
  }
  for (const ImplementationSpec& candidate : machine.implementations) {
    const bool chosen = bound != nullptr ? &candidate == bound
                                         : passes::misfit(tree, machine, candidate, prim).empty();
    if (chosen) {
      note.implementation = candidate.name;
      note.engine = candidate.engine;
      note.why = bound != nullptr
                     ? fmt::format("its binding says so ({})", prim.binding.mapping_origin)
                     : "no binding: the first of the target's that fits";
      break;
    }
    if (bound == nullptr && executes(candidate, prim)) {
      note.rejected.emplace_back(candidate.name, passes::misfit(tree, machine, candidate, prim));
    }
  }
  const auto left = std::find_if(sites.begin(), sites.end(), [&](const Site& site) {
    return !tile::operands(*site.statement).empty() &&
           site.statement->origin.logic_span == statement.origin.logic_span;
  });
  if (left != sites.end()) {
    const std::string stays = passes::why_fill_stays(subject.program, *left->block, left->index);
    if (!stays.empty()) note.why += "; the fill stays: " + stays;
  } else {
    note.engine.clear();
    note.implementation.clear();
    note.why =
        prim.primitive->kind == PrimitiveKind::fill
            ? "left out: the product behind it overwrites at first instead of adding to zeros"
            : "left out: it has no effect";
  }
  note.cut = cut_text(subject, sites, statement, prim);
  for (const tile::Binding::Split& spread : prim.binding.spread) {
    if (!note.cut.empty()) note.cut += "; ";
    note.cut += fmt::format("{} dealt to {} processors", spread.dim, spread.size);
  }
  return note;
}

double dma_cycles(const Machine& machine, const tile::DmaCopy& copy, const Program& program,
                  const std::string& engine, double bytes, double runs) {
  const DmaTiming& timing = engine == "store" ? machine.dsa.store : machine.dsa.load;
  double rate = static_cast<double>(timing.bytes_per_cycle);
  if (program[copy.src.tensor].memory == "GLOBAL" || program[copy.dst.tensor].memory == "GLOBAL") {
    rate = std::min(rate, machine.dsa.interconnect.bytes_per_cycle_per_link);
  }
  return runs * static_cast<double>(timing.setup_cycles) + bytes / rate;
}

/// Cycles that the array is occupied by one product, as docs/timing.md derives it.
double mma_cycles(const Machine& machine, const Program& program, const tile::Mma& mma) {
  const MmaTiming& t = machine.dsa.mma;
  const auto most = [&](const Expr& e) {
    return std::max<std::int64_t>(1, program.vars.range(e).hi);
  };
  const std::int64_t m = most(mma.acc.view.dims[0].extent);
  const std::int64_t n = most(mma.acc.view.dims[1].extent);
  const std::int64_t k = most(mma.a.view.dims[mma.transpose_a ? 0 : 1].extent);
  double per_element = 1;
  for (const ImplementationSpec& implementation : machine.implementations) {
    for (const MatrixTypes& types : implementation.matrix_types) {
      if (types.a == program[mma.a.tensor].storage && types.b == program[mma.b.tensor].storage &&
          types.accumulator == program[mma.acc.tensor].storage) {
        per_element = types.macs_per_pe;
      }
    }
  }
  const std::int64_t rows = t.output_stationary ? k : m;
  const std::int64_t passes = t.output_stationary ? ceil_div(m, t.rows) * ceil_div(n, t.cols)
                                                  : ceil_div(k, t.rows) * ceil_div(n, t.cols);
  const double stream = std::ceil(static_cast<double>(rows) / per_element);
  double interval = std::max(stream, static_cast<double>(t.minimum_interval));
  if (!t.drain_overlap) {  // the last result has to leave first
    interval = std::max(interval,
                        stream + t.hop_cycles * (t.rows - 1.0) + t.cols - 1.0 + t.element_cycles);
  }
  interval = t.preload_hidden || t.output_stationary
                 ? std::max(interval, static_cast<double>(t.rows))
                 : interval + static_cast<double>(t.rows);
  return static_cast<double>(passes) * interval;
}

double vector_cycles(const Machine& machine, const Program& program, const tile::Vec& vec) {
  std::int64_t elements = 1;
  for (const tile::Operand& operand : vec.operands) {
    if (const auto* tile = std::get_if<TileRef>(&operand)) {
      elements = std::max(elements, most_elements(program, tile->view));
    }
  }
  const auto& rates = machine.dsa.vector.rates;
  auto rate = rates.find(vec.primitive->name);
  if (rate == rates.end()) rate = rates.find("default");
  const double per_group = rate == rates.end() ? 1 : rate->second.cycles_per_group;
  const auto groups = static_cast<double>(ceil_div(elements, machine.dsa.vector.lanes));
  return static_cast<double>(machine.dsa.vector.startup_cycles) + std::ceil(groups * per_group);
}

/// Of a site's runs on all processors, the part of the one that has most.
double busiest_share(const Program& program, const Site& site) {
  for (const Statement* around : site.around) {
    const auto* loop = std::get_if<tile::Loop>(&around->node);
    if (loop == nullptr || loop->workers <= 0) continue;
    const VarInfo& info = program.vars[loop->var];
    const std::int64_t trips =
        std::max<std::int64_t>(1, program.vars.range(info.end - info.begin).hi);
    return static_cast<double>(ceil_div(trips, loop->workers)) / static_cast<double>(trips);
  }
  return 1.0 / site.processors;
}

}  // namespace

void explain_calls(const Subject& subject, const std::vector<Site>& sites, Explanation& out) {
  for (const Site& site : collect_sites(subject.launch_tree)) {
    const auto* prim = site.as<Prim>();
    if (prim != nullptr) out.calls.push_back(call_note(subject, sites, *site.statement, *prim));
  }
}

/// On other families than the accelerator only operations are counted: their descriptions do not
/// time engines.
void explain_work(const Subject& subject, const std::vector<Site>& sites, Explanation& out) {
  const Program& program = subject.program;
  std::map<std::string, WorkNote> work;
  for (const Site& site : sites) {
    const std::string& engine = site.statement->engine;
    if (engine.empty() || site.as<tile::Sync>() != nullptr) continue;
    const Count runs = count_runs(program, site);
    const auto times = static_cast<double>(runs.value);
    double cycles = 0;
    if (subject.machine.family != MachineFamily::dsa) {
      work[engine].operations.value += runs.value;
      work[engine].engine = engine;
      continue;
    }
    if (const auto* mma = site.as<tile::Mma>()) {
      cycles = times * mma_cycles(subject.machine, program, *mma);
    } else if (const auto* vec = site.as<tile::Vec>()) {
      cycles = times * vector_cycles(subject.machine, program, *vec);
    } else if (const auto* copy = site.as<tile::DmaCopy>()) {
      const Count bytes =
          count_bytes(program, site, copy->src.view, program[copy->src.tensor].storage);
      cycles = dma_cycles(subject.machine, *copy, program, engine, static_cast<double>(bytes.value),
                          times);
    }
    WorkNote& note = work[engine];
    note.engine = engine;
    note.operations.value += runs.value;
    note.operations.exact = note.operations.exact && runs.exact;
    note.cycles += cycles * busiest_share(program, site);
  }
  for (const EngineSpec& engine : subject.machine.engines) {
    if (work.contains(engine.name)) out.work.push_back(work[engine.name]);
  }
  if (subject.machine.family != MachineFamily::dsa) return;
  const DramTiming& dram = subject.machine.dsa.dram;
  double bytes = 0;
  for (const TrafficNote& note : out.traffic) bytes += static_cast<double>(note.moved.value);
  if (bytes > 0) {
    out.work.push_back({"DRAM",
                        {static_cast<std::int64_t>(bytes), true},
                        bytes / (dram.channels * dram.bytes_per_cycle_per_channel)});
  }
}

}  // namespace septran::explain
