#include "compiler/passes/sync_edges.h"

#include <algorithm>
#include <climits>
#include <iterator>
#include <set>

namespace septran::passes {
namespace {

/// A point of the execution relative to a trip of some loop: trip, then position.
using Point = std::pair<int, int>;

/// An edge between statements of a rotated loop, seen from outside of the loop: its signals and
/// waits stand in the loop and in the trips peeled off it, and the n-th wait belongs to the n-th
/// signal less the credits, from one run of the loop to the next. Instances are counted by trips of
/// the loop as it was written.
class RotatedEdge {
 public:
  RotatedEdge(const DependenceGraph& graph, const Edge& edge)
      : graph_(graph),
        edge_(edge),
        body_(node(edge.scope)),
        around_(node(body_.parent)),
        loop_begin_(around_.begins[static_cast<std::size_t>(body_.child)]),
        loop_end_(around_.ends[static_cast<std::size_t>(body_.child)]),
        signal_lag_(graph.part(edge.scope, edge.signal_child)->lag),
        wait_lag_(graph.part(edge.scope, edge.wait_child)->lag),
        credits_(edge.distance + signal_lag_ - wait_lag_) {
    for (int child = 0; child < static_cast<int>(body_.begins.size()); ++child) {
      const auto& part = graph.part(edge.scope, child);
      if (part) lags_ = std::max(lags_, part->lag);
    }
    find_peeled(edge.signal_child, early_signals_, late_signals_);
    find_peeled(edge.wait_child, early_waits_, late_waits_);
  }

  /// As Reducer::follow, for a dependence of a loop around.
  [[nodiscard]] std::optional<Point> follow(Point at, const Dependence& d) const {
    for (int block = body_.parent; block != d.loop && block != -1; block = node(block).parent) {
      if (!node(block).runs_once_at_least && node(block).owner != nullptr) return std::nullopt;
    }
    const bool target_in_loop = graph_.is_inside(graph_.sites()[d.target].block, edge_.scope);
    for (std::size_t i = 0; i < early_signals_.size(); ++i) {
      if (early_signals_[i].second < at.second) continue;
      return from_first(static_cast<int>(i) + credits_, at.first, target_in_loop);
    }
    if (at.second <= loop_begin_) {
      return from_first(lags_ - signal_lag_ + credits_, at.first, target_in_loop);
    }
    int before_last = 0;  // how many instances the wait's lies before the last one
    if (at.second < loop_end_) {
      const int signal = body_.ends[static_cast<std::size_t>(edge_.signal_child)];
      before_last = signal_lag_ - credits_ - (at.second <= signal ? 0 : 1);
    } else {
      std::size_t j = 0;
      while (j < late_signals_.size() && late_signals_[j].second < at.second) ++j;
      before_last = signal_lag_ - credits_ - 1 - static_cast<int>(j);
    }
    if (before_last >= 0) return from_last(before_last, at.first);
    if (d.loop == -1) return std::nullopt;
    return from_first(-before_last - 1, at.first + 1, target_in_loop);
  }

 private:
  using Positions = std::vector<std::pair<int, int>>;  // where a statement begins and ends

  [[nodiscard]] const BlockNode& node(int block) const {
    return graph_.blocks()[static_cast<std::size_t>(block)];
  }

  void find_peeled(int child, Positions& early, Positions& late) const {
    const auto& own = graph_.part(edge_.scope, child);
    for (int c = 0; c < static_cast<int>(around_.begins.size()); ++c) {
      const auto& part = graph_.part(body_.parent, c);
      if (!part || part->family != own->family || part->index != own->index) continue;
      const std::pair at{around_.begins[static_cast<std::size_t>(c)],
                         around_.ends[static_cast<std::size_t>(c)]};
      (at.first < loop_begin_ ? early : late).push_back(at);
    }
  }

  /// Where the wait of the instance that many behind a run's first one has surely been passed.
  [[nodiscard]] std::optional<Point> from_first(int instance, int trip, bool target_in_loop) const {
    const int least = lags_ + static_cast<int>(std::clamp<std::int64_t>(body_.least_trips, 0, 99));
    if (instance >= least) return std::nullopt;  // may belong to another run
    const int step = instance + wait_lag_;
    if (step < lags_) return Point{trip, early_waits_[static_cast<std::size_t>(instance)].first};
    if (step == lags_ && target_in_loop) {
      return Point{trip, body_.begins[static_cast<std::size_t>(edge_.wait_child)]};
    }
    if (step < least) return Point{trip, loop_end_};
    return Point{trip, late_waits_[static_cast<std::size_t>(step - least)].first};
  }

  /// The same for the instance that many before a run's last one.
  [[nodiscard]] Point from_last(int instances, int trip) const {
    if (instances >= wait_lag_) return {trip, loop_end_};
    return {trip, late_waits_[static_cast<std::size_t>(wait_lag_ - 1 - instances)].first};
  }

  const DependenceGraph& graph_;
  const Edge& edge_;
  const BlockNode& body_;
  const BlockNode& around_;
  int loop_begin_;
  int loop_end_;
  int signal_lag_;
  int wait_lag_;
  int credits_;
  int lags_ = 0;             // the largest in the loop
  Positions early_signals_;  // before the loop
  Positions early_waits_;
  Positions late_signals_;  // behind it
  Positions late_waits_;
};

class Reducer {
 public:
  Reducer(const DependenceGraph& graph, std::vector<Edge>& edges) : graph_(graph), edges_(edges) {
    for (const Edge& edge : edges_) ends_.push_back({engine(edge.from), engine(edge.to)});
    for (const Site& site : graph_.sites()) site_engines_.push_back(engine(site.engine));
  }

  /// Leaves out every edge where the remaining ones imply its dependences, and those that were left
  /// to it before.
  void run() {
    leave_out_covered();
    for (Edge& edge : edges_) {
      if (edge.fixed || !edge.kept) continue;
      edge.kept = false;
      if (!leave_to_others(edge)) edge.kept = true;
    }
  }

 private:
  /// A dependence whose own edge is left out, and the edges that make up for it.
  struct Implied {
    const Dependence* dependence = nullptr;
    std::set<const Edge*> by;
  };
  struct Ends {
    std::size_t from = 0;  // engines, by number
    std::size_t to = 0;
  };

  std::size_t engine(const std::string& name) {
    const auto at = std::find(engines_.begin(), engines_.end(), name);
    if (at != engines_.end()) return static_cast<std::size_t>(at - engines_.begin());
    engines_.push_back(name);
    return engines_.size() - 1;
  }

  /// Leaves out the edges that a single other one implies: of two between the same engines in one
  /// block, that which is signalled no later and waited for no earlier. What is left for the search
  /// grows with the program's length, not with its square.
  void leave_out_covered() {
    const auto is_plain = [&](const Edge& edge) {
      return edge.kept && !edge.fixed && !graph_.part(edge.scope, edge.signal_child) &&
             !graph_.part(edge.scope, edge.wait_child);
    };
    for (Edge& edge : edges_) {
      if (!is_plain(edge)) continue;
      const auto by = std::find_if(edges_.begin(), edges_.end(), [&](const Edge& other) {
        return &other != &edge && other.scope == edge.scope && other.from == edge.from &&
               other.to == edge.to && other.loop == edge.loop && other.distance == edge.distance &&
               other.signal_child >= edge.signal_child && other.wait_child <= edge.wait_child &&
               is_plain(other);
      });
      if (by == edges_.end()) continue;
      edge.kept = false;
      by->covers.insert(by->covers.end(), edge.serves.begin(), edge.serves.end());
      by->covers.insert(by->covers.end(), edge.covers.begin(), edge.covers.end());
    }
  }

  /// Notes what makes up for an edge that is no longer kept, for its own dependences and for those
  /// left to it; changes nothing where something would be without order.
  bool leave_to_others(const Edge& edge) {
    std::vector<Implied> own;
    for (const auto* dependences : {&edge.serves, &edge.covers}) {
      for (const Dependence* d : *dependences) {
        own.push_back({d, {}});
        if (!implied(*d, own.back().by)) return false;
      }
    }
    std::vector<std::pair<std::size_t, std::set<const Edge*>>> renewed;
    for (std::size_t i = 0; i < implied_.size(); ++i) {
      if (!implied_[i].by.contains(&edge)) continue;
      renewed.push_back({i, {}});
      if (!implied(*implied_[i].dependence, renewed.back().second)) return false;
    }
    for (auto& [i, by] : renewed) implied_[i].by = std::move(by);
    std::move(own.begin(), own.end(), std::back_inserter(implied_));
    return true;
  }

  /// Whether the kept edges order source before target: follows, for each engine, the earliest
  /// point from which everything on it comes after the source. Adds to `by` what it followed.
  [[nodiscard]] bool implied(const Dependence& d, std::set<const Edge*>& by) const {
    std::vector<std::optional<Point>> reached(engines_.size());
    reached[site_engines_[d.source]] = Point{0, graph_.sites()[d.source].end};
    const Point goal{d.distance, graph_.sites()[d.target].begin};
    const std::optional<Point>& end = reached[site_engines_[d.target]];
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < edges_.size(); ++i) {
        const std::optional<Point>& from = reached[ends_[i].from];
        if (!edges_[i].kept || !from) continue;
        std::optional<Point>& at = reached[ends_[i].to];
        const std::optional<Point> to = follow(edges_[i], *from, d);
        if (!to || *to > goal || (at && *at <= *to)) continue;
        at = to;
        by.insert(&edges_[i]);
        changed = true;
      }
      if (end && *end <= goal) return true;
    }
    return false;
  }

  [[nodiscard]] const BlockNode& node(int block) const {
    return graph_.blocks()[static_cast<std::size_t>(block)];
  }

  /// Where the waiting engine is after the first signal of the edge that comes after `at`, within
  /// the trips of the dependence's loop; nothing where no such signal is certain.
  [[nodiscard]] std::optional<Point> follow(const Edge& edge, Point at, const Dependence& d) const {
    std::optional<Point> to = follow_in_loop(edge, at, d);
    const bool nested =
        edge.loop != d.loop && (d.loop == -1 || graph_.is_inside(edge.scope, d.loop));
    const std::optional<tile::TripPart>& part = graph_.part(edge.scope, edge.signal_child);
    if (!nested || !part || part->peeled) return to;
    const std::optional<Point> by_peeled = RotatedEdge(graph_, edge).follow(at, d);
    return !to || (by_peeled && *by_peeled < *to) ? by_peeled : to;
  }

  [[nodiscard]] std::optional<Point> follow_in_loop(const Edge& edge, Point at,
                                                    const Dependence& d) const {
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
    if (nested && edge.distance != 0) return follow_carried(edge, at, d, trips);
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
  [[nodiscard]] std::optional<Point> follow_carried(const Edge& edge, Point at, const Dependence& d,
                                                    const Trips& trips) const {
    const BlockNode& body = node(edge.loop);
    if (body.least_trips <= edge.distance) return std::nullopt;
    for (int block = body.parent; block != d.loop && block != -1; block = node(block).parent) {
      if (!node(block).runs_once_at_least && node(block).owner != nullptr) return std::nullopt;
    }
    const BlockNode& around = node(body.parent);
    const auto child = static_cast<std::size_t>(body.child);
    const bool later_trip = around.begins[child] < at.second;
    if (later_trip && d.loop == -1) return std::nullopt;
    const int trip = std::max(at.first + (later_trip ? 1 : 0), trips.lo);
    if (trip > trips.hi) return std::nullopt;
    return Point{trip, around.ends[child]};
  }

  const DependenceGraph& graph_;
  std::vector<Edge>& edges_;
  std::vector<std::string> engines_;
  std::vector<Ends> ends_;  // of the edges
  std::vector<std::size_t> site_engines_;
  std::vector<Implied> implied_;
};

}  // namespace

int credits_of(const DependenceGraph& graph, const Edge& edge) {
  const auto lag = [&](int child) {
    const auto& part = graph.part(edge.scope, child);
    return part && !part->peeled ? part->lag : 0;
  };
  return edge.distance + lag(edge.signal_child) - lag(edge.wait_child);
}

std::vector<std::pair<int, int>> sync_places(const DependenceGraph& graph, int block, int child) {
  std::vector<std::pair<int, int>> places{{block, child}};
  const std::optional<tile::TripPart>& own = graph.part(block, child);
  if (!own || own->peeled) return places;
  for (int b = 0; b < static_cast<int>(graph.blocks().size()); ++b) {
    const tile::Block& other = *graph.blocks()[static_cast<std::size_t>(b)].block;
    for (int c = 0; c < static_cast<int>(other.size()); ++c) {
      const std::optional<tile::TripPart>& part = graph.part(b, c);
      if (part && part->peeled && part->family == own->family && part->index == own->index) {
        places.emplace_back(b, c);
      }
    }
  }
  return places;
}

void leave_out_implied(const DependenceGraph& graph, std::vector<Edge>& edges) {
  Reducer(graph, edges).run();
}

}  // namespace septran::passes
