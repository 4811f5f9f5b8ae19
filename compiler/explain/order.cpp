// Which event orders what, where processors meet, and how far engines may run ahead.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/explain/parts.h"

namespace septran::explain {
namespace {

using tile::Program;
using tile::Statement;
using tile::TensorId;

/// Whether the operation that stands at a place reads the tensor.
bool reads_there(const std::vector<Site>& sites, const tile::Origin& origin, TensorId tensor) {
  return std::any_of(sites.begin(), sites.end(), [&](const Site& site) {
    if (!(site.statement->origin == origin)) return false;
    const auto uses = tile::operands(*site.statement);
    return std::any_of(uses.begin(), uses.end(), [&](const auto& use) {
      return use.tile->tensor == tensor && reads(use.access);
    });
  });
}

std::string operation_text(const tile::Origin& origin) {
  return origin.logic.empty() ? origin.rule : fmt::format("{} ({})", origin.rule, origin.logic);
}

std::string ordered_text(const Program& program, const std::vector<Site>& sites,
                         const tile::Ordered& ordered) {
  const char* kind = "WAR";
  if (ordered.source_writes) {
    kind = reads_there(sites, ordered.target, ordered.target_tensor) ? "RAW" : "WAW";
  }
  std::string tensors = program[ordered.source_tensor].name;
  if (ordered.source_tensor != ordered.target_tensor) {
    tensors += fmt::format(" and {} at its addresses", program[ordered.target_tensor].name);
  }
  std::string text = fmt::format("{} {}: {} before {}", kind, tensors,
                                 operation_text(ordered.source), operation_text(ordered.target));
  if (ordered.distance > 0) {
    text += fmt::format(", {} {} of {} later", ordered.distance,
                        ordered.distance == 1 ? "trip" : "trips",
                        loop_title(program, sites, ordered.loop));
  }
  return text;
}

void explain_event(const Program& program, const std::vector<Site>& sites, const tile::Event& event,
                   EventNote& note) {
  std::set<std::string> said;
  const auto is_new = [&](const std::string& text) {
    // An operation that updates a tensor reads and writes it: the dependence is said once.
    return said.insert(text.substr(4)).second;
  };
  for (const bool along : {false, true}) {
    for (const tile::Ordered& ordered : event.orders) {
      if (ordered.along != along) continue;
      const std::string text = ordered_text(program, sites, ordered);
      if (is_new(text)) (along ? note.along : note.orders).push_back(text);
    }
  }
}

/// Commands that each engine is given in one trip of a loop, at most.
void count_commands(const Program& program, const tile::Block& block, std::int64_t times,
                    std::map<std::string, std::int64_t>& counts) {
  for (const Statement& statement : block) {
    if (!statement.engine.empty()) counts[statement.engine] += times;
    const tile::Loop* loop = real_loop(program, statement);
    std::int64_t inner = times;
    if (loop != nullptr) {
      const VarInfo& info = program.vars[loop->var];
      inner *= std::max<std::int64_t>(0, program.vars.range(info.end - info.begin).hi);
    }
    for (const tile::Block* child : tile::child_blocks(statement)) {
      count_commands(program, *child, inner, counts);
    }
  }
}

/// The engine that writes the buffer first.
std::string producer_of(const std::vector<Site>& sites, TensorId tensor) {
  for (const Site& site : sites) {
    for (const auto& use : tile::operands(*site.statement)) {
      if (use.tile->tensor == tensor && writes(use.access)) return site.statement->engine;
    }
  }
  return {};
}

}  // namespace

void explain_order(const Subject& subject, const std::vector<Site>& sites, Explanation& out) {
  for (const tile::Event& event : subject.program.events) {
    EventNote note;
    note.name = event.name;
    note.signaller = event.signaller;
    note.waiter = event.waiter;
    note.credits = event.credits;
    note.pairs = event.pairs;
    note.merged = event.merged;
    explain_event(subject.program, sites, event, note);
    out.events.push_back(std::move(note));
  }
  for (const Site& site : sites) {
    const auto* barrier = site.as<tile::Barrier>();
    if (barrier == nullptr) continue;
    out.barriers.push_back({fmt::format("{}", fmt::join(barrier->arrive, ", ")),
                            fmt::format("{}", fmt::join(barrier->wait, ", ")),
                            "what one processor wrote to GLOBAL is used by another behind it",
                            place_of(site.statement->origin)});
  }
}

/// The sequencer gives out commands in program order. While an engine works on what it took from a
/// slot, its queue holds the commands of later trips; when that is full, the sequencer stops in the
/// trip behind the last one that fits, whose loads have gone out by then. The slot in use, those of
/// the trips that fit and that one are all that can be in use.
void explain_ahead(const Subject& subject, const std::vector<Site>& sites, Explanation& out) {
  const Program& program = subject.program;
  for (const Site* site : allocations(sites)) {
    const auto* alloc = site->as<tile::Alloc>();
    if (program[alloc->tensor].depth < 2) continue;
    const Statement* loop = innermost_loop(program, *site);
    if (loop == nullptr) continue;
    const std::string producer = producer_of(sites, alloc->tensor);
    std::map<std::string, std::int64_t> counts;
    const auto& owner = std::get<tile::Loop>(loop->node);
    count_commands(program, owner.body, 1, counts);
    std::optional<AheadNote> tightest;
    for (const auto& [engine, count] : counts) {
      const EngineSpec* spec = subject.machine.find_engine(engine);
      if (engine == producer || spec == nullptr || count == 0) continue;
      AheadNote note;
      note.buffer = program[alloc->tensor].name;
      note.slots = program[alloc->tensor].depth;
      note.useful = static_cast<int>(spec->queue_depth / count + 2);
      note.engine = engine;
      note.queue_depth = spec->queue_depth;
      note.commands = static_cast<int>(count);
      note.loop = loop_title(program, owner);
      if (!tightest || note.useful < tightest->useful) tightest = note;
    }
    if (tightest) out.ahead.push_back(*tightest);
  }
}

}  // namespace septran::explain
