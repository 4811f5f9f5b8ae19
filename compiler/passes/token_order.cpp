#include "compiler/passes/token_order.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace septran::passes {
namespace {

constexpr int credit = -1;              // a token that no signal gave
constexpr std::int64_t sure_trips = 8;  // of a loop that are told from "any number"
constexpr int most_trips = 64;          // after which what a trip leaves has to repeat
constexpr std::size_t most_states = 256;

/// What a counter holds at some point of the program, and how far its edges are.
struct State {
  std::vector<int> tokens;  // edges that gave them, in order
  std::size_t taken = 0;    // of these
  std::vector<int> lead;    // of an edge: its tokens taken less its waits
  void trim() {
    tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(taken));
    taken = 0;
  }
  auto operator<=>(const State&) const = default;
};

class TokenOrder {
 public:
  TokenOrder(const DependenceGraph& graph, const std::vector<const Edge*>& edges) : graph_(graph) {
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const Edge& edge = *edges[i];
      credits_.push_back(credits_of(graph, edge));
      total_ += credits_.back();
      const int number = static_cast<int>(i);
      for (const auto& [block, child] : sync_places(graph, edge.scope, edge.signal_child)) {
        add(block, {node(block).ends[static_cast<std::size_t>(child)], 0, number, false, -1});
      }
      for (const auto& [block, child] : sync_places(graph, edge.scope, edge.wait_child)) {
        add(block, {node(block).begins[static_cast<std::size_t>(child)], 0, number, true, -1});
      }
    }
    for (auto& [block, items] : items_) std::sort(items.begin(), items.end());
  }

  std::optional<int> most_credits() {
    if (holds_with(total_)) return total_;
    int count = 0;
    int least = 0;
    count_down(0, count, least);
    int fits = -least;
    if (fits >= total_ || !holds_with(fits)) return std::nullopt;
    for (int beyond = total_; beyond - fits > 1;) {
      const int middle = (fits + beyond) / 2;
      (holds_with(middle) ? fits : beyond) = middle;
    }
    return fits;
  }

 private:
  /// A sync, or a block (>= 0) that contains some, in the order of the program.
  struct Item {
    int position = 0;
    int behind_wait = 0;  // a statement's waits stand before what is in it
    int edge = 0;
    bool waits = false;
    int block = -1;
    auto operator<=>(const Item&) const = default;
  };
  using States = std::vector<State>;

  [[nodiscard]] const BlockNode& node(int block) const {
    return graph_.blocks()[static_cast<std::size_t>(block)];
  }

  void add(int block, const Item& item) {
    const bool is_new = !items_.contains(block);
    items_[block].push_back(item);
    const int parent = node(block).parent;
    if (!is_new || parent < 0) return;
    add(parent,
        {node(parent).begins[static_cast<std::size_t>(node(block).child)], 1, 0, false, block});
  }

  /// Signals and waits balance in every block, so one walk meets the lowest count of any run.
  void count_down(int block, int& count, int& least) const {
    for (const Item& item : items_.at(block)) {
      if (item.block >= 0) {
        count_down(item.block, count, least);
      } else {
        count += item.waits ? -1 : 1;
        least = std::min(least, count);
      }
    }
  }

  [[nodiscard]] bool holds_with(int credits) const {
    State start;
    start.tokens.assign(static_cast<std::size_t>(credits), credit);
    start.lead.assign(credits_.size(), 0);
    States states{std::move(start)};
    return run(0, states);
  }

  /// Follows one run of a block from each state; false where an edge may be left without order.
  [[nodiscard]] bool run(int block, States& states) const {
    for (const Item& item : items_.at(block)) {
      if (item.block >= 0) {
        if (!run_often(item.block, states)) return false;
        continue;
      }
      for (State& state : states) {
        if (!step(item, state)) return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool step(const Item& item, State& state) const {
    const auto edge = static_cast<std::size_t>(item.edge);
    if (!item.waits) {
      state.tokens.push_back(item.edge);
      return true;
    }
    if (state.taken == state.tokens.size()) return false;
    const int from = state.tokens[state.taken++];
    if (from != credit) ++state.lead[static_cast<std::size_t>(from)];
    return --state.lead[edge] >= -credits_[edge];
  }

  /// As often as the block may be run.
  [[nodiscard]] bool run_often(int block, States& states) const {
    const BlockNode& body = node(block);
    const bool is_loop = body.loop == block;
    if (!is_loop && !body.is_branch) return run(block, states);
    const std::int64_t least =
        std::clamp<std::int64_t>(is_loop ? body.least_trips : 0, 0, sure_trips);
    std::set<State> after;
    for (int trip = 0; trip < most_trips; ++trip) {
      for (State& state : states) state.trim();
      if (trip >= least) {
        std::erase_if(states, [&](const State& state) { return !after.insert(state).second; });
      }
      if (after.size() > most_states) return false;
      if (states.empty() || (!is_loop && trip == 1)) {
        states.assign(after.begin(), after.end());
        return true;
      }
      if (!run(block, states)) return false;
    }
    return false;
  }

  const DependenceGraph& graph_;
  std::vector<int> credits_;  // of each edge, with a counter of its own
  int total_ = 0;
  std::map<int, std::vector<Item>> items_;  // by block
};

}  // namespace

std::optional<int> shared_credits(const DependenceGraph& graph,
                                  const std::vector<const Edge*>& edges) {
  return TokenOrder(graph, edges).most_credits();
}

}  // namespace septran::passes
