// Checks of a program: of its structure, which hold on every machine, and against one machine.
#pragma once

#include <string>
#include <vector>

#include "compiler/base/diagnostic.h"
#include "targets/dsa/program.h"
#include "targets/machine.h"

namespace septran::dsa {

/// Where the rows of a program stand in assembly text, or come from in the sources, for messages;
/// all empty for a binary.
struct Places {
  std::string file;  // prefix of messages without a span; may be empty
  Span program;      // of messages on all of it
  std::vector<Span> globals, locals, events, barriers, operands, origins, code;
};

/// Everything that does not depend on the machine: table sizes and indices, ranges of numbers,
/// enumerations, nesting, operand kinds and ranks, fields that fit the instruction word. A program
/// that passes can be encoded, and its execution can only fault where registers decide (addresses,
/// extents, divisors, events). Reports every fault; true if there is none.
bool check_structure(const Program& program, const Places& places, Diagnostics& diagnostics);

/// check_structure, and the machine's limits: registers, loop depth, operands, instructions, event
/// counters, memories and paths; operands whose place is constant lie within their memory.
bool validate(const Program& program, const Machine& machine, Diagnostics& diagnostics,
              const Places& places = {});

/// First and last byte (inclusive) that a tile touches, relative to its memory or buffer, where
/// that is constant and there is an element; axes are not taken into account.
struct ByteRange {
  __extension__ __int128 first = 0;
  __extension__ __int128 last = 0;
};
std::optional<ByteRange> constant_byte_range(const TileOperand& tile);

/// Bytes of a buffer; nothing where that overflows max_magnitude or an extent is below 1.
std::optional<std::int64_t> buffer_bytes(const GlobalBuffer& buffer);

}  // namespace septran::dsa
