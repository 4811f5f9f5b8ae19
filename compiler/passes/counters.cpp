#include "compiler/passes/counters.h"

#include <algorithm>

#include "compiler/passes/token_order.h"

namespace septran::passes {
namespace {

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

/// Edges that may use one counter as they are: with the same credits, and all syncs of one stand
/// before all of the other whenever both are reached. The later one's first waits then take the
/// credits that the earlier one left, which were there from the start.
bool stand_apart(const DependenceGraph& graph, const Edge& a, const Edge& b) {
  if (a.distance != b.distance) return false;
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
  if (a.distance != b.distance || a.scope != b.scope) return false;
  if (graph.part(a.scope, a.signal_child) || graph.part(b.scope, b.signal_child)) return false;
  return (a.signal_child < b.signal_child && a.wait_child < b.wait_child) ||
         (a.signal_child > b.signal_child && a.wait_child > b.wait_child);
}

/// How edges may share a counter.
enum class Sharing {
  plainly,  // as can be seen from where two of them stand
  freely,   // in any order in which a counter is as good as one each, with all their credits
  tightly   // also with less credits: engines run less far ahead of each other
};

class Assigner {
 public:
  Assigner(const DependenceGraph& graph, const Machine& machine)
      : graph_(graph), machine_(machine), maximum_(machine.dsa.sequencer.event_maximum) {}

  [[nodiscard]] std::size_t available() const {
    return static_cast<std::size_t>(machine_.dsa.sequencer.events);
  }

  /// What an edge's events may share. Only an accelerator's are counters whatever the order of
  /// signals and waits.
  [[nodiscard]] std::vector<Sharing> ways() const {
    if (machine_.family != MachineFamily::dsa) return {Sharing::plainly};
    return {Sharing::plainly, Sharing::freely, Sharing::tightly};
  }

  /// A counter for each edge while there are enough for what is left, shared ones otherwise.
  std::vector<Counter> assign(std::vector<Edge>& edges, Sharing sharing) const {
    std::vector<Counter> counters;
    std::size_t left = edges.size();
    for (Edge& edge : edges) {
      auto at = counters.end();
      if (counters.size() + left > available()) {
        at = std::find_if(counters.begin(), counters.end(),
                          [&](Counter& counter) { return add(counter, edge, sharing); });
      }
      edge.event = static_cast<std::size_t>(at - counters.begin());
      if (at == counters.end()) {
        counters.push_back({{&edge}, credits_of(graph_, edge), edge.slots, false, false});
      }
      --left;
    }
    return counters;
  }

 private:
  [[nodiscard]] bool add(Counter& counter, const Edge& edge, Sharing sharing) const {
    const Edge& first = *counter.edges.front();
    if (first.from != edge.from || first.to != edge.to) return false;
    if ((counter.in_order || !add_plainly(counter, edge)) &&
        (sharing == Sharing::plainly || !add_in_order(counter, edge, sharing))) {
      return false;
    }
    counter.edges.push_back(&edge);
    return true;
  }

  [[nodiscard]] bool add_plainly(Counter& counter, const Edge& edge) const {
    const auto with_all = [&](auto&& fits) {
      return std::all_of(counter.edges.begin(), counter.edges.end(),
                         [&](const Edge* user) { return fits(graph_, *user, edge); });
    };
    const bool alone = counter.edges.size() < 2;
    if (!counter.in_turns && with_all(stand_apart)) {
      counter.slots = std::max(counter.slots, edge.slots);
    } else if ((counter.in_turns || alone) && counter.slots > 0 && edge.slots > 0 &&
               counter.slots + edge.slots <= maximum_ && with_all(take_turns)) {
      counter.in_turns = true;
      counter.slots += edge.slots;
      counter.credits += credits_of(graph_, edge);
    } else {
      return false;
    }
    return true;
  }

  [[nodiscard]] bool add_in_order(Counter& counter, const Edge& edge, Sharing sharing) const {
    std::vector<const Edge*> edges = counter.edges;
    edges.push_back(&edge);
    const std::optional<int> credits = shared_credits(graph_, edges);
    if (!credits) return false;
    const int together = counter.credits + credits_of(graph_, edge);
    if (sharing == Sharing::freely && *credits < together) return false;
    // Signals cannot be further ahead than the waiting engine's queue lets them.
    const EngineSpec* waiter = machine_.find_engine(edge.to);
    const bool held = waiter != nullptr && *credits + waiter->queue_depth + 1 <= maximum_;
    const bool counted =
        counter.slots > 0 && edge.slots > 0 && counter.slots + edge.slots <= maximum_;
    if (!held && !counted) return false;
    counter.credits = *credits;
    counter.slots = counted ? counter.slots + edge.slots : 0;
    counter.in_order = true;
    return true;
  }

  const DependenceGraph& graph_;
  const Machine& machine_;
  int maximum_;  // what a counter holds
};

}  // namespace

std::vector<Counter> assign_counters(const DependenceGraph& graph, std::vector<Edge>& edges,
                                     const Machine& machine) {
  std::erase_if(edges, [](const Edge& edge) { return !edge.kept || edge.fixed; });
  const Assigner assigner(graph, machine);
  const std::vector<Sharing> ways = assigner.ways();
  std::vector<Counter> counters;
  for (const Sharing way : ways) {
    counters = assigner.assign(edges, way);
    if (counters.size() <= assigner.available()) return counters;
  }
  for (std::size_t i = 0; i < edges.size(); ++i) {
    for (std::size_t j = i + 1; j < edges.size();) {
      if (!merge(graph, edges[i], edges[j])) {
        ++j;
        continue;
      }
      edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(j));
      counters = assigner.assign(edges, ways.back());
      if (counters.size() <= assigner.available()) return counters;
    }
  }
  return counters;
}

}  // namespace septran::passes
