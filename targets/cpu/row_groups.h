// Which calls one loop nest over vectors can do together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "compiler/tile/program.h"
#include "targets/cpu/emitter.h"
#include "targets/cpu/streams.h"

namespace septran::cpu {

/// Calls in f32 whose tiles are contiguous along the last dimension of one iteration space, and
/// that depend on each other element by element at most.
struct RowGroup {
  std::vector<const tile::Statement*> calls;
  std::vector<const tile::Statement*> allocs;  // between them
  std::vector<const tile::Statement*> before;  // other calls between them, which can go first
  std::size_t count = 0;                       // of all these
  std::set<std::uint32_t> ends_here;           // tensors that nothing reads afterwards
};

/// The group that begins with the first of some statements, which follow each other but for what
/// has been taken out. Without calls if the first is none that a nest does.
RowGroup find_rows(const Emitter& emitter, std::span<const tile::Statement* const> statements);

/// A group as two: calls that store rows past the caches and need operands that all rows share, and
/// reductions over as many other rows from main memory with what they need. Neither uses an element
/// that the other writes.
struct RowTurns {
  RowGroup stores;
  RowGroup reads;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t piece = 0;  // columns that are stored of all rows before the next ones
  bool by_lines = false;   // a vector of what comes and goes is a line of memory
};
/// Nothing where a group is not of that kind.
std::optional<RowTurns> find_turns(const Emitter& emitter, const Streams& streams,
                                   const RowGroup& group);

inline constexpr std::int64_t line_bytes = 64;  // of the caches, and of what goes past them

/// The lanes of a vector of f32.
inline std::int64_t lanes_of(const Emitter& emitter) {
  return emitter.machine().cpu.vector_bytes / 4;
}

}  // namespace septran::cpu
