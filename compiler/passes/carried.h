// What the trips of a loop, or the parts of a call, add up.
#pragma once

#include <string>
#include <vector>

#include "compiler/passes/pass.h"
#include "compiler/passes/slice.h"

namespace septran::passes {

/// A tile that processors can compute shares of: each has a tile of its own, and these are combined
/// in the end.
struct Carried {
  tile::TileRef sums;             // what is written, in terms of the variables around
  DType type = DType::f32;        // of the shares
  const Primitive* by = nullptr;  // combines two shares: add, max or min
  bool onto_old = true;           // the shares are combined onto what `sums` holds before
  int depth = 1;                  // slots of a share's own sums
};

/// What a spread loop or call is called in diagnostics: 'k' at its place in the mapping file.
struct SpreadKey {
  std::string name;
  Span span;
};

/// What a loop (a block of one statement) carries from one trip to the next; `sums` are the boxes
/// that all trips together touch; `around` knows the launches around it. Nothing after an error:
/// something is carried that does not combine, is rounded in every trip, or is read before it is
/// complete.
Result<std::vector<Carried>> carried_by(const tile::Program& program, const tile::Block& loop,
                                        const Roots& around, const SpreadKey& key,
                                        Diagnostics& diagnostics);

/// The output of a call whose reduction is dealt out; nothing after an error.
Result<Carried> carried_by(const tile::Program& program, const tile::Statement& call,
                           const SpreadKey& key, Diagnostics& diagnostics);

}  // namespace septran::passes
