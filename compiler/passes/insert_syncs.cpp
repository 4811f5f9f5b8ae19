// insert_syncs: orders operations of different engines by events, with as few as do. Every
// dependence proposes a pair of signal and wait; one that the others imply, together with the order
// within each engine, is left out.
#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <map>
#include <set>

#include "compiler/base/messages.h"
#include "compiler/passes/dependences.h"
#include "compiler/passes/rewrite.h"

namespace septran::passes {
namespace {

using tile::Block;
using tile::Program;
using tile::Statement;

/// A pair of sync signal (behind a statement) and sync wait (before one) in one block.
struct Edge {
  std::string from;  // engine
  std::string to;
  int scope = 0;
  int signal_child = 0;
  int wait_child = 0;
  int loop = -1;
  int distance = 0;
  std::vector<const Dependence*> serves;
  bool kept = true;
  bool fixed = false;  // a barrier's
  bool merged = false;
  std::size_t event = 0;
};

/// A point of the execution relative to a trip of some loop: trip, then position.
using Point = std::pair<int, int>;

class Reducer {
 public:
  Reducer(const DependenceGraph& graph, std::vector<Edge>& edges) : graph_(graph), edges_(edges) {}

  /// Leaves out every edge where the remaining ones imply its dependences, and those that were left
  /// to it before.
  void run() {
    for (Edge& edge : edges_) {
      if (edge.fixed) continue;
      edge.kept = false;
      std::vector<Implied> next;
      bool fine = true;
      for (const Dependence* d : edge.serves) {
        next.push_back({d, {}});
        fine = fine && implied(*d, next.back().by);
      }
      for (const Implied& old : implied_) {
        next.push_back(old);
        if (!fine || !old.by.contains(&edge)) continue;
        next.back().by.clear();
        fine = implied(*old.dependence, next.back().by);
      }
      edge.kept = !fine;
      if (fine) implied_ = std::move(next);
    }
  }

 private:
  /// A dependence whose own edge is left out, and the edges that make up for it.
  struct Implied {
    const Dependence* dependence = nullptr;
    std::set<const Edge*> by;
  };

  /// Whether the kept edges order source before target: follows, for each engine, the earliest
  /// point from which everything on it comes after the source. Adds to `by` what it followed.
  [[nodiscard]] bool implied(const Dependence& d, std::set<const Edge*>& by) const {
    const Site& source = graph_.sites()[d.source];
    const Site& target = graph_.sites()[d.target];
    std::map<std::string, Point> reached{{source.engine, {0, source.end}}};
    const Point goal{d.distance, target.begin};
    for (bool changed = true; changed;) {
      changed = false;
      for (const Edge& edge : edges_) {
        const auto from = reached.find(edge.from);
        if (!edge.kept || from == reached.end()) continue;
        const auto to = follow(edge, from->second, d);
        if (!to || *to > goal) continue;
        const auto [at, is_new] = reached.emplace(edge.to, *to);
        if (!is_new && at->second <= *to) continue;
        at->second = *to;
        by.insert(&edge);
        changed = true;
      }
      const auto at = reached.find(target.engine);
      if (at != reached.end() && at->second <= goal) return true;
    }
    return false;
  }

  [[nodiscard]] const BlockNode& node(int block) const {
    return graph_.blocks()[static_cast<std::size_t>(block)];
  }

  /// Where the waiting engine is after the first signal of the edge that comes after `at`, within
  /// the trips of the dependence's loop; nothing where no such signal is certain.
  [[nodiscard]] std::optional<Point> follow(const Edge& edge, Point at, const Dependence& d) const {
    const BlockNode& scope = node(edge.scope);
    const int signal = scope.ends[static_cast<std::size_t>(edge.signal_child)];
    const int wait = scope.begins[static_cast<std::size_t>(edge.wait_child)];
    const bool later_trip = signal < at.second;
    if (later_trip && d.loop == -1) return std::nullopt;
    const auto trips = trips_between(edge, d);
    const int trip = std::max(at.first + (later_trip ? 1 : 0), trips.lo);
    if (trip > trips.hi) return std::nullopt;
    const bool nested = edge.loop != d.loop;
    if (nested && !(d.loop == -1 || graph_.is_inside(edge.scope, d.loop))) return std::nullopt;
    if (nested && edge.distance != 0) return follow_carried(edge, at, d);
    // In a loop within the dependence's own, the signals of a trip are met in that trip.
    for (int block = edge.scope; block != d.loop && block != -1; block = node(block).parent) {
      if (node(block).runs_once_at_least || node(block).owner == nullptr) continue;
      // Where the target runs, so does what stands before it in its own loop or branch.
      const int target = graph_.sites()[d.target].block;
      if (graph_.is_inside(target, block) && trip == d.distance) continue;
      const BlockNode& around = node(node(block).parent);
      const auto child = static_cast<std::size_t>(node(block).child);
      const bool holds_point = !later_trip && around.begins[child] <= at.second &&
                               at.second <= around.ends[child] && trip == 0;
      const bool same_branch =
          !node(block).is_branch || graph_.is_inside(graph_.sites()[d.source].block, block);
      if (!holds_point || !same_branch) return std::nullopt;
    }
    return Point{trip + edge.distance, wait};
  }

  /// The trips, from the source's own, in which an edge may signal so that its signal and its wait
  /// are there for every pair of source and target. In a rotated loop these must belong to trips of
  /// the loop as it was that lie between the source's and the target's: beyond them there may be
  /// none.
  struct Trips {
    int lo = 0;
    int hi = 0;
  };
  [[nodiscard]] Trips trips_between(const Edge& edge, const Dependence& d) const {
    constexpr Trips all{0, INT_MAX};
    const Site& source = graph_.sites()[d.source];
    const Site& target = graph_.sites()[d.target];
    if (d.loop == -1 || !graph_.is_inside(edge.scope, d.loop) ||
        !graph_.is_inside(source.block, d.loop) || !graph_.is_inside(target.block, d.loop)) {
      return all;
    }
    const auto lag = [&](int block, int child) {
      const auto& part = graph_.part(d.loop, graph_.child_in(d.loop, block, child));
      return part ? part->lag : 0;
    };
    const int own = lag(source.block, source.child);
    const int last = d.distance + own - lag(target.block, target.child);
    const int signal = lag(edge.scope, edge.signal_child) - own;  // of the source's trip as it was
    const int wait =
        lag(edge.scope, edge.wait_child) - own - (edge.loop == d.loop ? edge.distance : 0);
    return {std::max(signal, wait), last + std::min(signal, wait)};
  }

  /// The same for an edge that is carried by a loop within the dependence's own: when the loop is
  /// entered after `at` and has more trips than the edge's distance, its first signal is met before
  /// it ends.
  [[nodiscard]] std::optional<Point> follow_carried(const Edge& edge, Point at,
                                                    const Dependence& d) const {
    const BlockNode& body = node(edge.loop);
    if (body.least_trips <= edge.distance) return std::nullopt;
    for (int block = body.parent; block != d.loop && block != -1; block = node(block).parent) {
      if (!node(block).runs_once_at_least && node(block).owner != nullptr) return std::nullopt;
    }
    const BlockNode& around = node(body.parent);
    const auto child = static_cast<std::size_t>(body.child);
    const bool later_trip = around.begins[child] < at.second;
    if (later_trip && d.loop == -1) return std::nullopt;
    return Point{at.first + (later_trip ? 1 : 0), around.ends[child]};
  }

  const DependenceGraph& graph_;
  std::vector<Edge>& edges_;
  std::vector<Implied> implied_;
};

std::vector<Edge> propose_edges(const DependenceGraph& graph,
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
    const auto same = std::find_if(edges.begin(), edges.end(), [&](const Edge& e) {
      return e.from == edge.from && e.to == edge.to && e.scope == edge.scope &&
             e.signal_child == edge.signal_child && e.wait_child == edge.wait_child &&
             e.distance == edge.distance;
    });
    Edge& target = same != edges.end() ? *same : edges.emplace_back(std::move(edge));
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

/// Gives every edge the number of its event; edges share events only while there are too many.
std::size_t number_events(const DependenceGraph& graph, std::vector<Edge>& edges,
                          std::size_t limit) {
  std::vector<std::vector<const Edge*>> events;
  std::size_t left = edges.size();
  for (Edge& edge : edges) {
    auto at = events.end();
    if (events.size() + left > limit) {
      at = std::find_if(events.begin(), events.end(), [&](const auto& users) {
        return std::all_of(users.begin(), users.end(),
                           [&](const Edge* user) { return may_share(graph, *user, edge); });
      });
    }
    edge.event = static_cast<std::size_t>(at - events.begin());
    if (at == events.end()) events.emplace_back();
    events[edge.event].push_back(&edge);
    --left;
  }
  return events.size();
}

/// Leaves only edges that need syncs, numbered by event. Where these are more than `limit`, edges
/// share events, and where that is not enough, edges are merged until it is or none is left to
/// merge.
std::size_t fit_events(const DependenceGraph& graph, std::vector<Edge>& edges, std::size_t limit) {
  std::erase_if(edges, [](const Edge& edge) { return !edge.kept || edge.fixed; });
  std::size_t events = number_events(graph, edges, limit);
  for (std::size_t i = 0; i < edges.size() && events > limit; ++i) {
    for (std::size_t j = i + 1; j < edges.size() && events > limit;) {
      if (merge(graph, edges[i], edges[j])) {
        edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(j));
        events = number_events(graph, edges, limit);
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
      event.credits =
          edge.distance + lag(edge.scope, edge.signal_child) - lag(edge.scope, edge.wait_child);
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
  const DependenceGraph graph(program, context.machine);
  const std::vector<Dependence> dependences = graph.dependences();
  std::vector<Edge> edges = propose_edges(graph, dependences);
  add_barrier_edges(graph, edges);
  Reducer(graph, edges).run();
  const auto limit = static_cast<std::size_t>(context.machine.dsa.sequencer.events);
  const std::size_t events = fit_events(graph, edges, limit);
  Emitter(program, graph).run(dependences, edges, events);
  tile::for_each_statement(program.body, [](Statement& statement) { statement.part.reset(); });
  if (program.events.size() > limit) {
    context.diagnostics.report({}, messages::too_many_events, program.events.size(), program.target,
                               limit);
    return std::nullopt;
  }
  return program;
}

}  // namespace septran::passes
