// insert_syncs: orders operations of different engines by events, with as few as do. Every
// dependence proposes a pair of signal and wait; one that the others imply, together with the order
// within each engine, is left out.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compiler/base/messages.h"
#include "compiler/passes/dependences.h"
#include "compiler/passes/event_bounds.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/sync_edges.h"

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

/// Makes one edge of two between the same engines in one block, if such an edge exists: signalled
/// where both are done, waited for where the first is needed. It orders more than both together.
bool merge(const DependenceGraph& graph, Edge& into, const Edge& other) {
  if (graph.part(into.scope, into.signal_child) || into.from != other.from || into.to != other.to ||
      into.scope != other.scope || (into.distance == 0) != (other.distance == 0)) {
    return false;
  }
  const int signal = std::max(into.signal_child, other.signal_child);
  const int wait = std::min(into.wait_child, other.wait_child);
  if (into.distance == 0 && signal >= wait) return false;
  into.signal_child = signal;
  into.wait_child = wait;
  into.distance = std::min(into.distance, other.distance);
  into.serves.insert(into.serves.end(), other.serves.begin(), other.serves.end());
  into.merged = true;
  into.slots = into.slots == 0 || other.slots == 0 ? 0 : std::max(into.slots, other.slots);
  return true;
}

/// Edges that may use one counter as they are: between the same engines, with the same credits, and
/// all syncs of one stand before all of the other whenever both are reached. The later one's first
/// waits then take the credits that the earlier one left, which were there from the start.
bool may_share(const DependenceGraph& graph, const Edge& a, const Edge& b) {
  if (a.from != b.from || a.to != b.to || a.distance != b.distance) return false;
  if (graph.part(a.scope, a.signal_child) || graph.part(b.scope, b.signal_child)) return false;
  int common = a.scope;
  while (!graph.is_inside(b.scope, common)) {
    common = graph.blocks()[static_cast<std::size_t>(common)].parent;
  }
  if (common == a.scope || common == b.scope) return false;
  return graph.child_in(common, a.scope, 0) != graph.child_in(common, b.scope, 0);
}

/// Edges that may use one counter in turns: of one block, with the same distance, and signalled in
/// the order in which they are waited for. The n-th wait then still meets the n-th signal less the
/// credits, which add up.
bool take_turns(const DependenceGraph& graph, const Edge& a, const Edge& b) {
  if (a.from != b.from || a.to != b.to || a.distance != b.distance || a.scope != b.scope) {
    return false;
  }
  if (graph.part(a.scope, a.signal_child) || graph.part(b.scope, b.signal_child)) return false;
  return (a.signal_child < b.signal_child && a.wait_child < b.wait_child) ||
         (a.signal_child > b.signal_child && a.wait_child > b.wait_child);
}

/// Edges that use one counter: one behind the other, or in turns.
struct Users {
  std::vector<const Edge*> edges;
  bool in_turns = false;
  int slots = 0;  // what the counter may come to

  /// `maximum`: what a counter holds.
  bool add(const DependenceGraph& graph, Edge& edge, int maximum) {
    const auto with_all = [&](auto&& fits) {
      return std::all_of(edges.begin(), edges.end(),
                         [&](const Edge* user) { return fits(graph, *user, edge); });
    };
    const bool alone = edges.size() < 2;
    if (!in_turns && with_all(may_share)) {
      slots = std::max(slots, edge.slots);
    } else if ((in_turns || alone) && slots > 0 && edge.slots > 0 &&
               slots + edge.slots <= maximum && with_all(take_turns)) {
      in_turns = edge.in_turns = true;
      slots += edge.slots;
    } else {
      return false;
    }
    edges.push_back(&edge);
    return true;
  }
};

/// What a core's sequencer has of event counters.
struct EventLimits {
  std::size_t counters = 0;
  int maximum = 0;
};

/// Gives every edge the number of its event; edges share events only while there are too many.
std::size_t number_events(const DependenceGraph& graph, std::vector<Edge>& edges,
                          const EventLimits& limits) {
  std::vector<Users> events;
  std::size_t left = edges.size();
  for (Edge& edge : edges) {
    edge.in_turns = false;
    auto at = events.end();
    if (events.size() + left > limits.counters) {
      at = std::find_if(events.begin(), events.end(),
                        [&](Users& users) { return users.add(graph, edge, limits.maximum); });
    }
    edge.event = static_cast<std::size_t>(at - events.begin());
    if (at == events.end()) events.push_back({{&edge}, false, edge.slots});
    --left;
  }
  return events.size();
}

/// Leaves only edges that need syncs, numbered by event. Where these are more than `limits`, edges
/// share events, and where that is not enough, edges are merged until it is or none is left to
/// merge.
std::size_t fit_events(const DependenceGraph& graph, std::vector<Edge>& edges,
                       const EventLimits& limits) {
  std::erase_if(edges, [](const Edge& edge) { return !edge.kept || edge.fixed; });
  std::size_t events = number_events(graph, edges, limits);
  for (std::size_t i = 0; i < edges.size() && events > limits.counters; ++i) {
    for (std::size_t j = i + 1; j < edges.size() && events > limits.counters;) {
      if (merge(graph, edges[i], edges[j])) {
        edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(j));
        events = number_events(graph, edges, limits);
      } else {
        ++j;
      }
    }
  }
  return events;
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
      tile::Ordered ordered{source.tile.tensor,
                            target.tile.tensor,
                            source.writes,
                            target.writes,
                            origin(source),
                            origin(target),
                            {},
                            d.distance,
                            !served};
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
           std::size_t events) {
    program_.events.resize(events);
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
      const int credits =
          edge.distance + lag(edge.scope, edge.signal_child) - lag(edge.scope, edge.wait_child);
      event.credits = edge.in_turns ? event.credits + credits : credits;
      ++event.pairs;
      event.merged |= edge.merged;
      const tile::EventId id{static_cast<std::uint32_t>(edge.event)};
      for (const auto& [block, child] : instances(edge.scope, edge.signal_child)) {
        add({block, child, true, edge.from}, id);
      }
      for (const auto& [block, child] : instances(edge.scope, edge.wait_child)) {
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

  [[nodiscard]] int lag(int block, int child) const {
    const auto& part = graph_.part(block, child);
    return part && !part->peeled ? part->lag : 0;
  }

  /// The statement, and the same one of the trips that are peeled off its loop.
  [[nodiscard]] std::vector<std::pair<int, int>> instances(int block, int child) const {
    std::vector<std::pair<int, int>> places{{block, child}};
    const std::optional<tile::TripPart>& own = graph_.part(block, child);
    if (!own || own->peeled) return places;
    for (int b = 0; b < static_cast<int>(graph_.blocks().size()); ++b) {
      const Block& other = *graph_.blocks()[static_cast<std::size_t>(b)].block;
      for (int c = 0; c < static_cast<int>(other.size()); ++c) {
        const std::optional<tile::TripPart>& part = graph_.part(b, c);
        if (part && part->peeled && part->family == own->family && part->index == own->index) {
          places.emplace_back(b, c);
        }
      }
    }
    return places;
  }

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
  const SequencerSpec& sequencer = context.machine.dsa.sequencer;
  const EventLimits limits{static_cast<std::size_t>(sequencer.events), sequencer.event_maximum};
  const std::size_t events = fit_events(graph, edges, limits);
  Emitter(program, graph).run(dependences, edges, events);
  tile::for_each_statement(program.body, [](Statement& statement) { statement.part.reset(); });
  if (program.events.size() > limits.counters) {
    const Span entry = program.body.empty() ? Span{} : program.body.front().origin.mapping_span;
    context.diagnostics.report(entry, messages::too_many_events, program.events.size(),
                               program.target, limits.counters);
    return std::nullopt;
  }
  if (context.machine.family == MachineFamily::dsa && !check_event_bounds(program, context)) {
    return std::nullopt;
  }
  return program;
}

}  // namespace septran::passes
