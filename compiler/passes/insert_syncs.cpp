// insert_syncs: orders operations of different engines by events, with as few as do. Every
// dependence proposes a pair of signal and wait; one that the others imply, together with the order
// within each engine, is left out.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compiler/base/messages.h"
#include "compiler/passes/counters.h"
#include "compiler/passes/dependences.h"
#include "compiler/passes/event_bounds.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/sync_edges.h"
#include "compiler/passes/turns.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

/// How far the signalling engine can be ahead of the waiting one: by the slots of the ring that
/// lies between them. 0: by more than that, as in memory that is not a core's own, or where events
/// are no counters.
int slots_between(const Program& program, const Machine& machine, const Site& site) {
  const tile::Tensor& tensor = program[site.tile.tensor];
  const MemorySpec* memory = machine.find_memory(tensor.memory);
  const bool counts = machine.family == MachineFamily::dsa;
  return counts && memory != nullptr && memory->is_private ? tensor.depth : 0;
}

std::vector<Edge> propose_edges(const Program& program, const Machine& machine,
                                const DependenceGraph& graph,
                                const std::vector<Dependence>& dependences) {
  std::vector<Edge> edges;
  for (const Dependence& d : dependences) {
    Edge edge;
    edge.from = graph.sites()[d.source].engine;
    edge.to = graph.sites()[d.target].engine;
    edge.scope = d.scope;
    edge.signal_child = d.source_child;
    edge.wait_child = d.target_child;
    edge.loop = d.loop;
    edge.distance = d.distance;
    edge.slots = slots_between(program, machine, graph.sites()[d.source]);
    const auto same = std::find_if(edges.begin(), edges.end(), [&](const Edge& e) {
      return e.from == edge.from && e.to == edge.to && e.scope == edge.scope &&
             e.signal_child == edge.signal_child && e.wait_child == edge.wait_child &&
             e.distance == edge.distance;
    });
    const int slots = edge.slots;
    Edge& target = same != edges.end() ? *same : edges.emplace_back(std::move(edge));
    target.slots = target.slots == 0 || slots == 0 ? 0 : std::max(target.slots, slots);
    target.serves.push_back(&d);
  }
  return edges;
}

/// Barriers order a core's own engines too.
void add_barrier_edges(const DependenceGraph& graph, std::vector<Edge>& edges) {
  for (int b = 0; b < static_cast<int>(graph.blocks().size()); ++b) {
    const BlockNode& node = graph.blocks()[static_cast<std::size_t>(b)];
    for (std::size_t child = 0; child < node.block->size(); ++child) {
      const auto* barrier = std::get_if<tile::Barrier>(&(*node.block)[child].node);
      if (barrier == nullptr) continue;
      for (const std::string& from : barrier->arrive) {
        for (const std::string& to : barrier->wait) {
          // Arrival stands behind the statement before, the wait before the one after: both at the
          // barrier's own position, which orders them rightly.
          Edge edge;
          edge.from = from;
          edge.to = to;
          edge.scope = b;
          edge.signal_child = edge.wait_child = static_cast<int>(child);
          edge.loop = node.loop;
          edge.fixed = true;
          edges.push_back(edge);
        }
      }
    }
  }
}

/// Writes down which dependences each event orders: those that it was made for, and those between
/// the same engines whose source lies before its signals and whose target lies behind its waits.
void record_orders(Program& program, const DependenceGraph& graph,
                   const std::vector<Dependence>& dependences, const std::vector<Edge>& edges) {
  const auto& blocks = graph.blocks();
  const auto origin = [&](const Site& site) {
    const Block& block = *blocks[static_cast<std::size_t>(site.block)].block;
    return block[static_cast<std::size_t>(site.child)].origin;
  };
  for (const Edge& edge : edges) {
    const BlockNode& scope = blocks[static_cast<std::size_t>(edge.scope)];
    for (const Dependence& d : dependences) {
      const Site& source = graph.sites()[d.source];
      const Site& target = graph.sites()[d.target];
      const bool served =
          std::find(edge.serves.begin(), edge.serves.end(), &d) != edge.serves.end();
      const bool along = source.engine == edge.from && target.engine == edge.to &&
                         d.loop == edge.loop && d.distance == edge.distance &&
                         source.end <= scope.ends[static_cast<std::size_t>(edge.signal_child)] &&
                         target.begin >= scope.begins[static_cast<std::size_t>(edge.wait_child)];
      if (!served && !along) continue;
      tile::Ordered ordered{source.tile.tensor, target.tile.tensor,
                            source.writes,      origin(source),
                            origin(target),     {},
                            d.distance,         !served};
      if (d.loop != -1 && d.distance > 0) {
        const auto* owner = blocks[static_cast<std::size_t>(d.loop)].owner;
        ordered.loop = program.vars[std::get<tile::Loop>(owner->node).var].name;
      }
      program.events[edge.event].orders.push_back(std::move(ordered));
    }
  }
}

class Emitter {
 public:
  Emitter(Program& program, const DependenceGraph& graph) : program_(program), graph_(graph) {}

  void run(const std::vector<Dependence>& dependences, const std::vector<Edge>& edges,
           const std::vector<Counter>& counters) {
    program_.events.resize(counters.size());
    for (const Edge& edge : edges) {
      const Dependence& d = *edge.serves.front();
      const Site& source = graph_.sites()[d.source];
      tile::Event& event = program_.events[edge.event];
      if (event.name.empty()) {
        event.name = fmt::format("{}.{}", program_[source.tile.tensor].name,
                                 source.writes ? "full" : "free");
      }
      event.signaller = edge.from;
      event.waiter = edge.to;
      event.credits = counters[edge.event].credits;
      ++event.pairs;
      event.merged |= edge.merged;
      const tile::EventId id{static_cast<std::uint32_t>(edge.event)};
      for (const auto& [block, child] : sync_places(graph_, edge.scope, edge.signal_child)) {
        add({block, child, true, edge.from}, id);
      }
      for (const auto& [block, child] : sync_places(graph_, edge.scope, edge.wait_child)) {
        add({block, child, false, edge.to}, id);
      }
    }
    record_orders(program_, graph_, dependences, edges);
    // Blocks with larger numbers lie inside or behind: inner ones first, so that addresses hold.
    for (int block = static_cast<int>(graph_.blocks().size()); block-- > 0;) rebuild(block);
  }

 private:
  struct Place {
    int block = 0;
    int child = 0;
    bool behind = false;
    std::string engine;
    auto operator<=>(const Place&) const = default;
  };

  void add(const Place& place, tile::EventId event) { syncs_[place].push_back(event); }

  void emit(int block, int child, bool behind, const Statement& beside, Block& out) {
    for (const auto& [place, events] : syncs_) {
      if (place.block != block || place.child != child || place.behind != behind) continue;
      Statement statement{
          tile::Sync{behind ? tile::SyncKind::signal : tile::SyncKind::wait, events}, place.engine,
          beside.origin};
      statement.origin.rule = behind ? "done with" : "needs";
      for (const tile::EventId id : events) {
        statement.origin.rule += " " + program_.events[id.value].name;
      }
      out.push_back(std::move(statement));
    }
  }

  void rebuild(int block) {
    const bool any = std::any_of(syncs_.begin(), syncs_.end(),
                                 [&](const auto& entry) { return entry.first.block == block; });
    if (!any) return;
    Block& statements = *graph_.blocks()[static_cast<std::size_t>(block)].block;
    Block out;
    for (int child = 0; child < static_cast<int>(statements.size()); ++child) {
      Statement& statement = statements[static_cast<std::size_t>(child)];
      emit(block, child, false, statement, out);
      const tile::Origin origin = statement.origin;
      out.push_back(std::move(statement));
      emit(block, child, true, {tile::Alloc{}, "", origin}, out);
    }
    statements = std::move(out);
  }

  Program& program_;
  const DependenceGraph& graph_;
  std::map<Place, std::vector<tile::EventId>> syncs_;
};

}  // namespace

Result<Program> insert_syncs(Program program, const PassContext& context) {
  if (!context.machine.overlaps()) return program;  // one engine: program order is all there is
  const DependenceGraph graph(program, context.machine);
  const std::vector<Dependence> dependences = graph.dependences();
  std::vector<Edge> edges = propose_edges(program, context.machine, graph, dependences);
  add_barrier_edges(graph, edges);
  leave_out_implied(graph, edges);
  const std::vector<Counter> counters = assign_counters(graph, edges, context.machine);
  const auto available = static_cast<std::size_t>(context.machine.dsa.sequencer.events);
  const bool is_dsa = context.machine.family == MachineFamily::dsa;
  const bool shares = std::any_of(counters.begin(), counters.end(),
                                  [](const Counter& counter) { return counter.edges.size() > 1; });
  const std::optional<Program> unordered = shares ? std::optional(program) : std::nullopt;
  std::size_t needed = counters.size();
  if (needed <= available) {
    Emitter(program, graph).run(dependences, edges, counters);
    if (is_dsa && shares && !find_overflows(program, context.machine).empty()) {
      program = *unordered;
      needed = take_turns(program, available);
    }
  } else if (is_dsa) {
    needed = take_turns(program, available);
  }
  tile::for_each_statement(program.body, [](Statement& statement) { statement.part.reset(); });
  if (needed > available) {
    const Span entry = program.body.empty() ? Span{} : program.body.front().origin.mapping_span;
    context.diagnostics.report(entry, messages::too_many_events, needed, program.target, available);
    return std::nullopt;
  }
  if (is_dsa && !check_event_bounds(program, context)) return std::nullopt;
  return program;
}

}  // namespace septran::passes
