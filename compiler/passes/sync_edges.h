// Pairs of syncs that order operations of different engines, and which of them others imply.
#pragma once

#include <string>
#include <vector>

#include "compiler/passes/dependences.h"

namespace septran::passes {

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
  std::vector<const Dependence*>
      covers;  // those of edges that this one makes superfluous by itself
  bool kept = true;
  bool fixed = false;  // a barrier's
  bool merged = false;
  int slots = 0;  // how far signals can be ahead of waits; 0: not known
  std::size_t event = 0;
};

/// Signals that an edge's counter has at the start: the trips between signal and wait, seen in the
/// order of the program.
[[nodiscard]] int credits_of(const DependenceGraph& graph, const Edge& edge);

/// Block and child of a statement, and of the same one in the trips that are peeled off its loop.
[[nodiscard]] std::vector<std::pair<int, int>> sync_places(const DependenceGraph& graph, int block,
                                                           int child);

/// Marks as not kept every edge where the remaining ones, together with the order within each
/// engine, imply its dependences, and those that were left to it before.
void leave_out_implied(const DependenceGraph& graph, std::vector<Edge>& edges);

}  // namespace septran::passes
