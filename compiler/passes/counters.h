// Which edges use which event counter: one each while there are enough, else several.
#pragma once

#include <vector>

#include "compiler/passes/sync_edges.h"

namespace septran::passes {

/// An event counter and the edges that use it.
struct Counter {
  std::vector<const Edge*> edges;
  int credits = 0;
  int slots = 0;          // what it may come to; 0: not known
  bool in_turns = false;  // its edges stand in one block and use it one after the other
  bool in_order = false;  // what all of them need was followed through the program
};

/// Leaves only edges that need syncs, numbered by counter. Where these are more than the machine
/// has, edges share counters, first those that thereby wait no longer than alone, and where that is
/// not enough, edges are merged until it is or none is left to merge.
std::vector<Counter> assign_counters(const DependenceGraph& graph, std::vector<Edge>& edges,
                                     const Machine& machine);

}  // namespace septran::passes
