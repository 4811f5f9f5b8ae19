// What must hold of a tile program, checked after every pass.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/tile/program.h"

namespace septran::tile {

struct MemoryLimits {
  std::int64_t size_bytes = 0;
  std::int64_t alignment_bytes = 1;
};

/// How far a program has been lowered, as what must hold by then. What a stage has not brought
/// about yet is not asked for.
struct VerifyOptions {
  bool no_scopes = false;         // launches are inlined
  bool no_parallel = false;       // parallel loops are distributed
  bool no_prims = false;          // every primitive call has become an mma, vec or dma_copy
  bool engines_assigned = false;  // every operation names its engine
  bool placed = false;            // every buffer has strides, an offset and slots
  /// Of a memory by name; nothing for one that the machine does not have. Without this function
  /// memories are not checked.
  std::function<std::optional<MemoryLimits>(std::string_view)> memory;
};

/// Every rule that the program breaks, one sentence each, with the place it comes from; empty for a
/// right program. Checked at every stage:
/// - ids are in range; a variable is used inside its loop only, bounds use outer variables only;
/// - views fit the rank of their tensor and lie inside it, where ranges can tell;
/// - operands are as the primitive's table says, and shapes agree, where ranges can tell;
/// - a buffer is used only after its `alloc` and in that block, a parameter only in its scope;
/// - what holds a tensor is as wide as its elements;
/// - syncs name their engine, the event's signaller or waiter; signals and waits of an event are
///   equal in number in every loop body and in every branch; in program order every wait has its
///   signal (or a credit) before it, so that engines that run ahead cannot wait in a circle.
std::vector<std::string> verify(const Program& program, const VerifyOptions& options = {});

/// The rules about syncs alone; ids must be in range.
std::vector<std::string> verify_syncs(const Program& program);
/// The rules about placement alone, `options.placed` and `options.memory`.
std::vector<std::string> verify_placement(const Program& program, const VerifyOptions& options);

}  // namespace septran::tile
