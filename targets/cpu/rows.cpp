#include "targets/cpu/rows.h"

#include <fmt/format.h>

#include "targets/cpu/row_nest.h"

namespace septran::cpu {
namespace {

constexpr std::size_t vectors = 4;  // of columns side by side

/// Stores `turns.stores` by pieces of all rows, of which the operands that rows share stay in the
/// first-level cache, and reads as many columns of `turns.reads` meanwhile, in the order in which
/// they lie: processors fetch ahead where they see few places that move on, and memory is neither
/// only read nor only written.
void emit_in_turn(Emitter& emitter, const Streams& streams, const RowTurns& turns) {
  Writer& out = emitter.out();
  RowNest stores(emitter, streams, turns.stores);
  RowNest reads(emitter, streams, turns.reads, "n");
  const std::int64_t step = static_cast<std::int64_t>(vectors) * lanes_of(emitter);
  stores.prepare(vectors);
  reads.prepare(vectors);
  out.line("int64_t ni0 = 0, nj = 0;");
  reads.begin_results();
  out.open("for (int64_t piece = 0; piece < {}; piece += {})", turns.columns, turns.piece);
  out.open("for (int64_t i0 = 0; i0 < {}; ++i0)", turns.rows);
  stores.begin_row();
  out.line("const int64_t before = min({}, {});", stores.columns_before_line(), turns.columns);
  out.line("const int64_t end = min(piece + {} + before, {});", turns.piece, turns.columns);
  if (turns.by_lines) {
    // A load of two lines, of which memory sends both, takes more than twice as long.
    out.open("if (nj == 0 && ni0 < {})", turns.rows);
    out.line("const int64_t nbefore = min({}, {});", reads.columns_before_line(), turns.columns);
    reads.remaining("nbefore");
    out.close();
  }
  // Rows that begin so may take a piece less each: the reads are through before the stores.
  out.line("const int64_t nend = ni0 < {0} ? min(nj + {1}, {2}) : 0;", turns.rows, turns.piece,
           turns.columns);
  out.line("int64_t j = piece == 0 ? 0 : min(piece + before, {});", turns.columns);
  stores.remaining("before");
  out.open("for (; j + {0} <= end && nj + {0} <= nend; j += {0}, nj += {0})", step);
  reads.fetch_ahead();
  reads.step();
  stores.step();
  out.close();
  stores.remaining("end");
  reads.remaining("nend");
  out.open("if (nj == {})", turns.columns);
  reads.end_results();
  out.line("++ni0;");
  out.line("nj = 0;");
  out.close();
  out.close();
  out.close();
}

}  // namespace

void emit_rows(Emitter& emitter, Streams& streams, const RowGroup& group) {
  const auto turns = find_turns(emitter, streams, group);
  if (!turns) return RowNest(emitter, streams, group).emit();
  emit_in_turn(emitter, streams, *turns);
  for (const tile::Statement* read : turns->reads.calls) {
    streams.fetches_no_more(std::get<tile::Vec>(read->node));
  }
}

}  // namespace septran::cpu
