// Whether several edges may use one event counter, whatever the loops and branches around them do.
#pragma once

#include <optional>
#include <vector>

#include "compiler/passes/sync_edges.h"

namespace septran::passes {

/// The largest number of credits with which one counter orders all that these edges order; nothing
/// if there is none. The edges have the same two engines. A counter's n-th wait takes what its n-th
/// signal gave, credits first, whichever edges the two belong to: each edge's waits must find that
/// as many of its own signals have been taken as with a counter of its own, and none may come
/// before its signal in program order. With fewer credits than the edges have together, engines
/// run less far ahead of each other.
[[nodiscard]] std::optional<int> shared_credits(const DependenceGraph& graph,
                                                const std::vector<const Edge*>& edges);

}  // namespace septran::passes
