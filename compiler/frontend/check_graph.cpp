// The launch graph: recursion, and chains of launches.
#include <algorithm>

#include "compiler/base/messages.h"
#include "compiler/frontend/check_impl.h"

namespace septran::lang {
namespace {

/// Tasks may launch each other this deep; the launch tree is walked recursively.
constexpr std::size_t max_launch_depth = 200;

struct Edge {
  const Task* callee;
  Span span;
};

void collect_edges(const Block& block, const CheckContext& context, std::set<const Task*>& known,
                   std::vector<Edge>& out) {
  for (const Statement& statement : block) {
    if (const auto* launch = std::get_if<Launch>(&statement.node)) {
      const Task* callee = context.find_task(launch->callee);
      if (callee != nullptr && known.insert(callee).second) {
        out.push_back({callee, launch->callee_span});
      }
    } else if (const auto* loop = std::get_if<For>(&statement.node)) {
      collect_edges(*loop->body, context, known, out);
    } else if (const auto* branches = std::get_if<If>(&statement.node)) {
      for (const IfBranch& branch : branches->branches) {
        collect_edges(*branch.body, context, known, out);
      }
    }
  }
}

/// Depth-first search without recursion: chains may be long.
class LaunchGraph {
 public:
  explicit LaunchGraph(CheckContext& context) : context_(context) {}

  void run() {
    for (const Task& task : context_.module().tasks) {
      if (context_.find_task(task.name) != &task || states_[&task].done) continue;
      enter(task, task.name_span);
      while (!path_.empty() && !context_.full()) step();
    }
  }

 private:
  struct State {
    std::vector<Edge> edges;
    std::size_t next = 0;
    std::size_t depth = 1;  // tasks on the longest chain from here
    bool on_path = false;
    bool done = false;
  };

  void enter(const Task& task, Span span) {
    State& state = states_[&task];
    state.on_path = true;
    std::set<const Task*> known;
    collect_edges(task.body, context_, known, state.edges);
    path_.push_back({&task, span});
  }

  void step() {
    const Task* task = path_.back().callee;
    State& state = states_[task];
    if (state.next == state.edges.size()) {
      leave(*task, state);
      return;
    }
    const Edge edge = state.edges[state.next++];
    const State& callee = states_[edge.callee];
    if (callee.on_path) {
      report_cycle(edge);
    } else if (!callee.done) {
      enter(*edge.callee, edge.span);
    }
  }

  void leave(const Task& task, State& state) {
    for (const Edge& edge : state.edges) {
      state.depth = std::max(state.depth, states_[edge.callee].depth + 1);
    }
    state.on_path = false;
    state.done = true;
    path_.pop_back();
    if (state.depth > max_launch_depth && !too_deep_reported_) {
      too_deep_reported_ = true;
      context_.report(task.name_span, messages::launches_too_deep, max_launch_depth);
    }
  }

  void report_cycle(const Edge& back) {
    const auto first = std::find_if(path_.begin(), path_.end(),
                                    [&](const Edge& edge) { return edge.callee == back.callee; });
    constexpr std::size_t longest_cycle = 20;
    const auto length = static_cast<std::size_t>(path_.end() - first);
    std::string cycle;
    for (std::size_t i = 0; i < length; ++i) {
      if (i == longest_cycle) cycle += "... -> ";
      if (i < longest_cycle)
        cycle += (first + static_cast<std::ptrdiff_t>(i))->callee->name + " -> ";
    }
    Diagnostic& diagnostic =
        context_.report(back.span, messages::recursion, cycle + back.callee->name);
    for (std::size_t i = 1; i < std::min(length, longest_cycle); ++i) {
      const Edge& edge = *(first + static_cast<std::ptrdiff_t>(i));
      diagnostic.notes.push_back(
          {edge.span, fmt::format(messages::launched_here_note, edge.callee->name)});
    }
  }

  CheckContext& context_;
  std::map<const Task*, State> states_;
  std::vector<Edge> path_;
  bool too_deep_reported_ = false;
};

}  // namespace

void check_launch_graph(CheckContext& context) { LaunchGraph(context).run(); }

}  // namespace septran::lang
