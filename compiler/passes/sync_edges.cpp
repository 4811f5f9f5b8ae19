#include "compiler/passes/sync_edges.h"

#include <algorithm>
#include <climits>
#include <map>
#include <set>

namespace septran::passes {
namespace {

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

}  // namespace

void leave_out_implied(const DependenceGraph& graph, std::vector<Edge>& edges) {
  Reducer(graph, edges).run();
}

}  // namespace septran::passes
